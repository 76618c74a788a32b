"""A running virtual machine: started from a :class:`MachineSpec`, watched through QMP and the agent's event port."""

from __future__ import annotations

import queue
import shutil
import socket
import tempfile
import threading
import time
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any, Mapping, Optional, Type

from drill.errors import DrillFailed, MachineError
from drill.events import AgentEvent, LineSplitter, parse_event
from drill.qmp import Monitor
from drill.spec import MachineSpec, qemu_argv
from sif import run as door

START_SECONDS = 30.0
POLL_SECONDS = 1.0


class Sign(Enum):
    """What can be observed of a machine from outside."""

    RESET = "reset"
    SHUTDOWN = "shutdown"
    PANIC = "panic"
    EXIT = "exit"
    AGENT = "agent"
    GARBLED = "garbled"


@dataclass(frozen=True)
class Observation:
    """One sign of a machine, with the host's monotonic time. ``reason`` is QEMU's word or the bad line."""

    at: float
    sign: Sign
    reason: str = ""
    event: Optional[AgentEvent] = None


class Machine:
    """Owns one QEMU process. Use as a context manager: leaving it ends the process, whatever happened."""

    def __init__(self, spec: MachineSpec) -> None:
        self._own_sockets = Path(tempfile.mkdtemp(prefix="lifeboat-"))
        self.spec = replace(spec, sockets=self._own_sockets)
        self.argv = qemu_argv(self.spec)
        self._signs: "queue.Queue[Observation]" = queue.Queue()
        self._monitor = Monitor(self.spec.qmp_socket, self._on_event)
        self._process: Optional[door.Process] = None
        self._events: Optional[socket.socket] = None
        self._last_life = time.monotonic()
        self._serial_size = 0
        self._ended = False

    def __enter__(self) -> "Machine":
        self.start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.kill()

    def start(self) -> None:
        """Start QEMU and connect to its monitor and the event port. Raises :class:`MachineError`."""
        self.spec.folder.mkdir(parents=True, exist_ok=True)
        with self.spec.qemu_log.open("ab") as log:
            log.write((door.pasteable(self.argv) + "\n").encode())
            log.flush()
            self._process = door.spawn(self.argv, log=log)
        try:
            self._monitor.connect(START_SECONDS)
            self._listen()
        except (MachineError, OSError) as error:
            found = self.spec.qemu_log.read_text("utf-8", "replace")[-1500:]
            self.kill()
            raise MachineError("QEMU did not start", where=str(self.spec.qemu_log), found=found) from error
        self._last_life = time.monotonic()

    def _listen(self) -> None:
        self._events = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._events.connect(str(self.spec.events_socket))
        threading.Thread(target=self._read_events, args=(self._events,), name="events", daemon=True).start()

    def _read_events(self, port: socket.socket) -> None:
        splitter = LineSplitter()
        while True:
            try:
                chunk = port.recv(65536)
            except OSError:
                return
            if not chunk:
                return
            for line in splitter.feed(chunk):
                try:
                    self._note(Sign.AGENT, event=parse_event(line))
                except DrillFailed:
                    self._note(Sign.GARBLED, reason=line)

    def _on_event(self, name: str, data: Mapping[str, Any]) -> None:
        sign = {"RESET": Sign.RESET, "SHUTDOWN": Sign.SHUTDOWN, "GUEST_PANICKED": Sign.PANIC}.get(name)
        if sign is not None:
            self._note(sign, reason=str(data.get("reason", data.get("action", ""))))

    def _note(self, sign: Sign, reason: str = "", event: Optional[AgentEvent] = None) -> None:
        self._last_life = time.monotonic()
        self._signs.put(Observation(self._last_life, sign, reason, event))

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def alive(self) -> None:
        """Tell the watch that the guest just answered in another way (guest agent, network)."""
        self._last_life = time.monotonic()

    def observe(self, silence: float, limit: Optional[float] = None) -> Observation:
        """The next sign of the machine.

        Raises :class:`MachineError` when ``silence`` seconds passed without any: no event, no answer, and no
        byte on the serial console (its growth counts as life; what it says does not). ``limit`` is a
        monotonic time after which it raises in any case.
        """
        while True:
            try:
                return self._signs.get(timeout=POLL_SECONDS)
            except queue.Empty:
                pass
            if not self.running and not self._ended:
                self._ended = True
                status = self._process.poll() if self._process else None
                return Observation(time.monotonic(), Sign.EXIT, reason=f"QEMU exit status {status}")
            self.check_life(silence)
            if limit is not None and time.monotonic() > limit:
                raise MachineError("the machine takes too long", where=self.spec.name,
                                   hint=f"its console is in {self.spec.serial_log}")

    def check_life(self, silence: float) -> None:
        """Raise :class:`MachineError` if the machine gave no sign of life for ``silence`` seconds."""
        size = self.spec.serial_log.stat().st_size if self.spec.serial_log.exists() else 0
        if size != self._serial_size:
            self._serial_size = size
            self._last_life = time.monotonic()
        quiet = time.monotonic() - self._last_life
        if quiet > silence:
            raise MachineError("the machine gives no sign of life", where=self.spec.name,
                               found=f"nothing for {quiet:.0f} s",
                               hint=f"its console is in {self.spec.serial_log}")

    def wait_end(self, timeout: float) -> Observation:
        """Wait until the machine switched itself off; returns the shutdown with its reason.

        Raises :class:`MachineError` for a panic, a reset, an end without a shutdown, or after ``timeout``
        seconds.
        """
        deadline = time.monotonic() + timeout
        while True:
            seen = self.observe(timeout, deadline)
            if seen.sign is Sign.SHUTDOWN and seen.reason == "guest-shutdown":
                if self._process is not None:
                    self._process.wait(START_SECONDS)
                return seen
            if seen.sign is not Sign.AGENT:
                raise MachineError("the machine did not switch itself off", where=self.spec.name,
                                   found=f"{seen.sign.value} {seen.reason}".strip(), wanted="a clean shutdown",
                                   hint=f"its console is in {self.spec.serial_log}")

    def execute(self, command: str, arguments: Optional[Mapping[str, Any]] = None) -> Any:
        """Run a QMP command."""
        return self._monitor.execute(command, arguments)

    def kill(self) -> None:
        """End QEMU now and free its sockets. Does nothing the second time."""
        if self.running and self._process is not None:
            self._process.stop()
        self._monitor.close()
        if self._events is not None:
            self._events.close()
        shutil.rmtree(self._own_sockets, ignore_errors=True)
