"""The renderers of the event stream: console lines, a file of JSON lines, the virtio-serial port."""

from __future__ import annotations

import os
import select
from collections import deque
from pathlib import Path
from typing import Deque, Dict, Optional, Tuple

from rescue.events import Event, State

EVENT_PORT = Path("/dev/virtio-ports/org.lifeboat.events")
SCREEN = Path("/dev/tty1")
ACTIVE = Path("/sys/class/tty/console/active")
"""The names of the kernel's consoles (Documentation/ABI/testing/sysfs-tty)."""
WIDTH = 80
_WRITE_LIMIT_S = 2.0


def consoles(active: Path = ACTIVE) -> Tuple[Path, ...]:
    """Where people may be: the machine's screen, and every console that the kernel was given or found itself.

    Without its list, the first serial port. The kernel's ``tty0`` is whatever terminal the screen shows.
    """
    try:
        names = active.read_text("ascii").split()
    except (OSError, UnicodeDecodeError):
        names = ["ttyS0"]
    return (SCREEN, *(Path("/dev", name) for name in names if name not in ("tty0", SCREEN.name)))


def console_line(event: Event) -> Optional[str]:
    """The event as text for people: ASCII, 80 columns, the error's full text below; None to show nothing."""
    if event.state is State.PROGRESS:
        percent = f"{int((event.fraction or 0) * 100):3d}%"
        return _fit(f"    {percent} {event.title}" + (f": {event.text}" if event.text else ""))
    if event.state is State.INFO:
        return _fit(f"    {event.title}") + (_block(event.text) if event.text else "")
    duration = f"  {event.seconds:.1f} s" if event.seconds is not None else ""
    mark = f"[{event.state.value}]"
    line = _fit(f"{mark:10} {event.title}", WIDTH - 1 - len(duration)) + duration
    return line + (_block(event.error) if event.error else "")


def ascii_text(text: str) -> str:
    """Text that every terminal and serial line shows; what is not printable ASCII becomes `?`."""
    return "".join(char if char == "\n" or " " <= char <= "~" else "?" for char in text)


def _fit(line: str, width: int = WIDTH - 1) -> str:
    line = ascii_text(line.replace("\n", " "))
    return line if len(line) <= width else line[: width - 3] + "..."


def _block(text: str) -> str:
    return "".join("\n    " + line for line in ascii_text(text).splitlines())


class ConsoleLines:
    """Writes lines to one terminal. Progress is shown in steps of a tenth: a serial line is slow."""

    def __init__(self, path: Path) -> None:
        self._handle = _open_quietly(path, os.O_WRONLY)
        self._tenth: Dict[str, int] = {}

    def show(self, event: Event) -> None:
        if event.state is State.PROGRESS:
            tenth = int((event.fraction or 0) * 10)
            if self._tenth.get(event.step, 0) >= tenth:
                return
            self._tenth[event.step] = tenth
        elif event.state is State.STARTED:
            self._tenth.pop(event.step, None)
        line = console_line(event)
        if line is not None:
            self.write(line + "\n")

    def write(self, text: str) -> None:
        """Write text; a terminal that takes nothing for two seconds loses the rest of it."""
        if self._handle is None:
            return
        pending = ascii_text(text).encode("ascii")
        try:
            while pending:
                if not select.select([], [self._handle], [], _WRITE_LIMIT_S)[1]:
                    return
                pending = pending[os.write(self._handle, pending):]
        except BlockingIOError:
            return
        except OSError:
            # A serial port without a machine's part behind it exists, and answers EIO.
            self.close()

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


class JsonLines:
    """Keeps every event in a file, one JSON object a line; appends to what an earlier run left."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def show(self, event: Event) -> None:
        try:
            with self._path.open("a", encoding="ascii") as out:
                out.write(event.to_json() + "\n")
        except OSError:
            # A full or vanished disk is reported by the step that needs it, not by its observer.
            return

    def close(self) -> None:
        return


class EventPort:
    """Sends JSON lines to the host through a virtio-serial port; without a reader they wait in memory.

    The port is opened non-blocking: the kernel answers EAGAIN while the host side is not connected.
    """

    def __init__(self, path: Path = EVENT_PORT, keep: int = 2000) -> None:
        self._handle = _open_quietly(path, os.O_WRONLY)
        self._waiting: Deque[bytes] = deque(maxlen=keep)
        self._rest = b""

    def show(self, event: Event) -> None:
        if self._handle is None:
            return
        self._waiting.append(event.to_json().encode("ascii") + b"\n")
        self._flush()

    def close(self) -> None:
        """Give the host up to two seconds to take what is left."""
        if self._handle is None:
            return
        if self._rest or self._waiting:
            select.select([], [self._handle], [], _WRITE_LIMIT_S)
            self._flush()
        os.close(self._handle)
        self._handle = None

    def _flush(self) -> None:
        assert self._handle is not None
        try:
            while self._rest or self._waiting:
                if not self._rest:
                    self._rest = self._waiting.popleft()
                self._rest = self._rest[os.write(self._handle, self._rest):]
        except OSError:
            return


def _open_quietly(path: Path, mode: int) -> Optional[int]:
    """Open a device that may not be there; None then."""
    try:
        return os.open(path, mode | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
