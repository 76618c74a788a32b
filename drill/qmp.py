"""QEMU's monitor for code that waits: the asyncio client of ``qemu.qmp`` runs in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from pathlib import Path
from typing import Any, Callable, Mapping, Optional

from qemu.qmp import EventListener, QMPClient, QMPError

from drill.errors import MachineError

COMMAND_SECONDS = 60.0


class Monitor:
    """One connection to a QMP socket. ``on_event`` gets (name, data) of every event, in the monitor's thread."""

    def __init__(self, socket: Path, on_event: Callable[[str, Mapping[str, Any]], None]) -> None:
        self._socket = socket
        self._on_event = on_event
        self._client = QMPClient("drill")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qmp", daemon=True)
        self._listener = EventListener()
        self._pump: Optional[asyncio.Task[None]] = None

    def connect(self, timeout: float) -> None:
        """Connect as soon as QEMU listens; ``timeout`` in seconds. Raises :class:`MachineError`."""
        self._thread.start()
        deadline = time.monotonic() + timeout
        while True:
            try:
                self._call(self._connect(), timeout)
                return
            except (QMPError, OSError, TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise MachineError("QEMU's monitor does not answer", where=str(self._socket),
                                       found=str(error)) from error
                time.sleep(0.1)  # nothing to wait on: the socket file appears before it listens

    async def _connect(self) -> None:
        await self._client.connect(str(self._socket))
        self._client.register_listener(self._listener)
        self._pump = asyncio.get_running_loop().create_task(self._follow())

    async def _follow(self) -> None:
        async for message in self._listener:
            data = message.get("data")
            self._on_event(str(message["event"]), data if isinstance(data, dict) else {})

    def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None) -> Any:
        """Run one QMP command and return its result. Raises :class:`MachineError`."""
        try:
            return self._call(self._client.execute(command, dict(arguments or {})), COMMAND_SECONDS)
        except (QMPError, OSError, TimeoutError) as error:
            raise MachineError(f"QEMU refused {command}", where=str(self._socket), found=str(error)) from error

    def close(self) -> None:
        """Disconnect; QEMU itself goes on. Safe to call when QEMU is gone already."""
        if not self._thread.is_alive():
            return
        # When QEMU ended first, the connection is already what we want: lost.
        with contextlib.suppress(QMPError, OSError, EOFError, TimeoutError):
            self._call(self._disconnect(), 5.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5.0)

    async def _disconnect(self) -> None:
        if self._pump is not None:
            self._pump.cancel()
        await self._client.disconnect()

    def _call(self, work: Any, timeout: float) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout)
