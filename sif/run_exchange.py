"""Conversations with programs that are not trusted; the other half of the door in :mod:`sif.run`."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO, Callable, Mapping, Optional, Sequence

from sif.plain import dataclass
from sif.run import cannot_start


@dataclass(frozen=True)
class Exchange:
    """What came of a conversation: exit status, the end of what was said on standard error, and why it was ended."""

    status: int
    stderr: str
    ended: Optional[str] = None


def converse(argv: Sequence[str], *, request: bytes, on_line: Callable[[bytes], Optional[str]], timeout: float,
             max_bytes: int, env: Mapping[str, str], cwd: str = "/") -> Exchange:
    """Give a program a request on its standard input and each line of its standard output to ``on_line``.

    For programs that are not trusted: exactly the environment given, a time limit (seconds), a limit on what it may
    say (bytes); ``on_line`` returns why it wants to hear no more, or None. When the conversation is ended the program's
    process group is asked to end, then killed. Raises :class:`ToolMissing` when it can't be started.
    """
    deadline = time.monotonic() + timeout
    try:
        child = subprocess.Popen(list(argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                 env=dict(env), cwd=cwd, start_new_session=True)
    except OSError as error:
        raise cannot_start(argv, error) from error
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    try:
        heard = _Hearing(on_line, max_bytes)
        ended = _hear(child, request, heard, deadline)
        if ended is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(max(deadline - time.monotonic(), 0.1))
            ended = None if child.poll() is not None else f"it did not end within {timeout:g} s"
        return Exchange(_ended(child), heard.stderr.decode("utf-8", "replace").strip(), ended)
    finally:
        _ended(child)
        for stream_ in (child.stdin, child.stdout, child.stderr):
            with contextlib.suppress(OSError):
                stream_.close()


class _Hearing:
    """What a program says, cut into lines, within its limit."""

    def __init__(self, on_line: Callable[[bytes], Optional[str]], room: int) -> None:
        self.on_line, self.room, self.pending, self.stderr = on_line, room, b"", b""

    def take(self, data: bytes) -> Optional[str]:
        self.room -= len(data)
        if self.room < 0:
            return "it says too much"
        *lines, self.pending = (self.pending + data).split(b"\n")
        return next((why for why in map(self.on_line, lines) if why), None)

    def finish(self) -> Optional[str]:
        rest, self.pending = self.pending, b""
        return self.on_line(rest) if rest else None


def _hear(child: "subprocess.Popen[bytes]", request: bytes, heard: _Hearing, deadline: float) -> Optional[str]:
    """Feed and listen until both outputs are closed; why it was ended early, or None."""
    assert child.stdin is not None and child.stdout is not None and child.stderr is not None
    left = memoryview(request)
    with selectors.DefaultSelector() as selector:
        os.set_blocking(child.stdin.fileno(), False)
        selector.register(child.stdin, selectors.EVENT_WRITE)
        selector.register(child.stdout, selectors.EVENT_READ)
        selector.register(child.stderr, selectors.EVENT_READ)
        while child.stdout in {key.fileobj for key in selector.get_map().values()}:
            wait = deadline - time.monotonic()
            if wait <= 0:
                return "it did not answer in time"
            for key, _ in selector.select(min(wait, 1.0)):
                if key.fileobj is child.stdin:
                    left = _feed(child.stdin, left)
                    if not left:
                        selector.unregister(child.stdin)
                        with contextlib.suppress(OSError):
                            child.stdin.close()
                    continue
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is child.stderr:
                    heard.stderr = (heard.stderr + data)[-65536:]
                else:
                    why = heard.take(data)
                    if why:
                        return why
    return heard.finish()


def _feed(pipe: IO[bytes], left: memoryview) -> memoryview:
    try:
        return left[os.write(pipe.fileno(), left[:65536]):]
    except BlockingIOError:
        return left
    except OSError:
        return memoryview(b"")  # it does not want to read all of it: its answer tells what it makes of that


def _ended(child: "subprocess.Popen[bytes]", grace: float = 5.0) -> int:
    """Make sure that the whole process group is gone; the exit status."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(grace)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    return child.wait()
