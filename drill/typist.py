"""Types the passphrase of an encrypted root at a machine's serial console, as its administrator does at every start."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from types import TracebackType
from typing import Iterator, Optional, Type

from drill.server import facts
from drill.vm import Machine

PROMPT = b"Please unlock disk"
"""What the early userspace of Debian (cryptsetup-initramfs) asks with."""
_KEPT = 4096


class Typist:
    """Answers :data:`PROMPT` as often as it is shown. Use as a context manager around the running machine."""

    def __init__(self, machine: Machine, passphrase: str) -> None:
        self._passphrase = passphrase
        self._line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._line.connect(str(machine.spec.serial_socket))

    def __enter__(self) -> "Typist":
        threading.Thread(target=self._attend, name="typist", daemon=True).start()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self._line.close()

    def _attend(self) -> None:
        seen = b""
        while True:
            try:
                data = self._line.recv(65536)
                if not data:
                    return
                seen, asked = prompts(seen + data)
                for _ in range(asked):
                    self._line.sendall(self._passphrase.encode("utf-8") + b"\r")
            except OSError:
                return


def prompts(seen: bytes) -> "tuple[bytes, int]":
    """How often the whole prompt is in what was seen, and the end of it that may begin another one."""
    asked = seen.count(PROMPT)
    rest = seen.rpartition(PROMPT)[2] if asked else seen
    return rest[-_KEPT:], asked


@contextmanager
def unlocking(machine: Machine) -> Iterator[None]:
    """Somebody types the passphrase for the time of the context, if the machine has a console to type at."""
    if not machine.spec.operator:
        yield
        return
    with Typist(machine, facts.PASSPHRASE):
        yield
