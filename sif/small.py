"""Small programs, run without :mod:`subprocess`: the part of the door :mod:`sif.run` that a capture uses.

A capture runs dozens of programs that take milliseconds. ``subprocess`` takes as long to be loaded as one of them,
reads two pipes through a selector, and waits for the end by sleeping.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import time

# The module signal makes enumerations of them first.
from _signal import SIGKILL, SIGPIPE, SIGXFSZ  # type: ignore[import-not-found]
from typing import Iterator, Mapping, Sequence, Tuple


def heard(argv: Sequence[str], timeout: float, env: Mapping[str, str]) -> Tuple[int, str, str]:
    """A program without input, run to its end: exit status, standard output and standard error.

    Standard error goes to memory, so that there is one pipe to wait for. ``timeout`` in seconds. Raises TimeoutError,
    and the program is gone then, and OSError when it can't be started.
    """
    deadline = time.monotonic() + timeout
    errors = _high(os.memfd_create("stderr"))
    try:
        output, theirs = map(_high, os.pipe())
        try:
            child = os.posix_spawn(
                _place(argv[0], env), list(argv), env, setsigdef=(SIGPIPE, SIGXFSZ),
                file_actions=((os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                              (os.POSIX_SPAWN_DUP2, theirs, 1), (os.POSIX_SPAWN_DUP2, errors, 2)))
        except BaseException:
            os.close(output)
            raise
        finally:
            os.close(theirs)
        try:
            said = b"".join(_pieces(output, deadline))
            status = _status(child, deadline)
        except BaseException:
            os.kill(child, SIGKILL)
            os.waitpid(child, 0)
            raise
        finally:
            os.close(output)
        complained = os.pread(errors, os.fstat(errors).st_size, 0)
    finally:
        os.close(errors)
    return status, _text(said), _text(complained)


def _high(number: int) -> int:
    """The same open file under a number that is no standard stream's: ours may be closed, and the child has its own."""
    if number > 2:
        return number
    found = fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(number)
    return found


def _place(program: str, env: Mapping[str, str]) -> str:
    """Where a program is. Raises FileNotFoundError."""
    if "/" in program:
        return program
    for folder in env["PATH"].split(":"):
        place = f"{folder}/{program}"
        if folder and os.access(place, os.X_OK) and not os.path.isdir(place):  # noqa: PTH112 - asked for each program
            return place
    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), program)


def _pieces(pipe: int, deadline: float) -> Iterator[bytes]:
    """What comes out of a pipe until it is closed. Raises TimeoutError."""
    ready = select.poll()
    ready.register(pipe, select.POLLIN)
    while True:
        if not ready.poll(max(deadline - time.monotonic(), 0) * 1000):
            raise TimeoutError
        piece = os.read(pipe, 65536)
        if not piece:
            return
        yield piece


def _status(child: int, deadline: float) -> int:
    """Wait for its end as the kernel tells it, and give its exit status. Raises TimeoutError, and it still runs."""
    ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        _await(child, deadline)
        ended, status = os.waitpid(child, os.WNOHANG)
    if not ended:
        raise TimeoutError
    return os.waitstatus_to_exitcode(status)


def _await(child: int, deadline: float) -> None:
    try:
        watched = os.pidfd_open(child)
    except (OSError, AttributeError):  # an old kernel, or Python built for one
        while time.monotonic() < deadline and not os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            time.sleep(0.005)
        return
    try:
        over = select.poll()
        over.register(watched, select.POLLIN)
        over.poll(max(deadline - time.monotonic(), 0) * 1000)
    finally:
        os.close(watched)


def _text(said: bytes) -> str:
    """As :mod:`subprocess` makes text of output."""
    return said.decode("utf-8", "surrogateescape").replace("\r\n", "\n").replace("\r", "\n")
