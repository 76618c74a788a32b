"""The one door to other programs, with :mod:`sif.run_exchange`: nothing else in the project imports ``subprocess``.

Commands are argv tuples, run with ``LC_ALL=C.UTF-8`` and no standard input, with an explicit time limit;
a failure carries a command line that can be pasted and the program's standard error.
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Callable, Iterable, Iterator, Mapping, Optional, Sequence, Tuple

from sif import small
from sif.errors import CommandFailed, ToolMissing
from sif.plain import dataclass

if TYPE_CHECKING:  # a capture runs small programs only: it does without
    import subprocess


@dataclass(frozen=True)
class Result:
    """What a finished program left: exit status, output as text, and how long it took in seconds."""

    argv: Tuple[str, ...]
    status: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def ok(self) -> bool:
        return self.status == 0


def pasteable(argv: Sequence[str]) -> str:
    """The command as a line for a shell."""
    import shlex  # for a failure
    return " ".join(shlex.quote(word) for word in argv)


def environment(extra: Optional[Mapping[str, str]] = None) -> Mapping[str, str]:
    """The environment every program gets: ours, with a fixed locale, and ``extra`` on top."""
    merged = {**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": ""}
    merged.update(extra or {})
    return merged


def have(tool: str) -> bool:
    """Whether a program of that name is on the path (also in the sbin directories)."""
    places = (Path(folder, tool) for folder in _path().split(":") if folder)
    return any(os.access(place, os.X_OK) and not place.is_dir() for place in places)


def _path() -> str:
    return os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"


def cannot_start(argv: Sequence[str], cause: OSError) -> ToolMissing:
    """The error for a program that is not there."""
    error = ToolMissing(f"cannot start {argv[0]}", where=pasteable(argv), found=str(cause),
                        hint=f"install the package that holds `{argv[0]}`")
    error.__cause__ = cause
    return error


def run(argv: Sequence[str], *, timeout: float, input: Optional[str] = None,
        env: Optional[Mapping[str, str]] = None, check: bool = True, cwd: Optional[str] = None,
        ok: Sequence[int] = (0,), pass_fds: Sequence[int] = ()) -> Result:
    """Run a program to its end and return its output.

    ``timeout`` is in seconds. ``input``, when given, is the program's standard input. Raises
    :class:`CommandFailed` for an exit status that is not in ``ok`` (unless ``check`` is false) or when the
    time is over, :class:`ToolMissing` when the program is not there.
    """
    began = time.monotonic()
    full = dict(environment(env))
    full["PATH"] = full.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        if input is None and cwd is None and not pass_fds:
            status, said, complained = small.heard(argv, timeout, full)
        else:
            status, said, complained = _given(argv, input, timeout, full, cwd, pass_fds)
    except TimeoutError as error:
        raise CommandFailed(f"{argv[0]} did not finish", where=pasteable(argv),
                            found=f"still running after {timeout} s",
                            hint="look for a device that does not answer") from error
    except OSError as error:
        raise cannot_start(argv, error) from error
    result = Result(tuple(argv), status, said, complained, time.monotonic() - began)
    if check and result.status not in ok:
        raise CommandFailed(f"{argv[0]} failed", where=pasteable(argv),
                            found=f"exit status {result.status}: {(result.stderr or result.stdout).strip()[-2000:]}")
    return result


def _given(argv: Sequence[str], input: Optional[str], timeout: float, env: Mapping[str, str], cwd: Optional[str],
           pass_fds: Sequence[int]) -> Tuple[int, str, str]:
    """As :func:`sif.small.heard`, for a program that is given something."""
    import subprocess
    try:
        done = subprocess.run(
            list(argv), input=input, stdin=subprocess.DEVNULL if input is None else None, capture_output=True,
            text=True, encoding="utf-8", errors="surrogateescape", timeout=timeout, env=env, cwd=cwd, check=False,
            pass_fds=tuple(pass_fds))
    except subprocess.TimeoutExpired as error:
        raise TimeoutError from error
    return done.returncode, done.stdout, done.stderr


def stream(argv: Sequence[str], *, timeout: float, on_line: Callable[[str], None],
           env: Optional[Mapping[str, str]] = None, cwd: Optional[str] = None,
           prepare: Optional[Callable[[], None]] = None) -> Result:
    """Run a program and hand each line of its output (both streams, CR or LF ended) to ``on_line`` as it comes.

    Returns whatever its exit status; a timeout (seconds) kills the program's process group and raises
    :class:`CommandFailed`. ``prepare`` runs in the child before the program (chroot, user).
    """
    import selectors
    import subprocess
    began = time.monotonic()
    full = dict(environment(env))
    full["PATH"] = full.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        child = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, env=full, cwd=cwd, start_new_session=True,
                                 preexec_fn=prepare)
    except OSError as error:
        raise cannot_start(argv, error) from error
    assert child.stdout is not None
    tail: list[str] = []
    pending = b""
    with selectors.DefaultSelector() as selector:
        selector.register(child.stdout, selectors.EVENT_READ)
        while True:
            left = timeout - (time.monotonic() - began)
            if left <= 0:
                _kill_group(child)
                raise CommandFailed(f"{argv[0]} did not finish", where=pasteable(argv),
                                    found=f"still running after {timeout} s")
            if not selector.select(min(left, 5.0)):
                continue
            chunk = os.read(child.stdout.fileno(), 65536)
            if not chunk:
                break
            *lines, pending = (pending + chunk).replace(b"\r", b"\n").split(b"\n")
            for raw in lines:
                _deliver(raw, on_line, tail)
    _deliver(pending, on_line, tail)
    child.stdout.close()
    status = child.wait()
    return Result(tuple(argv), status, "\n".join(tail), "", time.monotonic() - began)


def feed(argv: Sequence[str], chunks: Iterable[bytes], output: IO[bytes], *, timeout: float) -> Result:
    """Run a program with ``chunks`` as its input and its output going to an open file, in constant memory.

    ``timeout`` (seconds) is for its end once the input is over. Raises :class:`CommandFailed` for a failure,
    :class:`ToolMissing`, and whatever making the chunks raises; the program is gone then.
    """
    import subprocess
    began = time.monotonic()
    from tempfile import TemporaryFile  # with it come ten modules that a capture does not need
    with TemporaryFile() as errors:
        child = _pipe(argv, subprocess.PIPE, output, errors)
        assert child.stdin is not None
        try:
            with contextlib.suppress(BrokenPipeError):  # it has ended: its exit status says why
                for chunk in chunks:
                    child.stdin.write(chunk)
                child.stdin.close()
            child.wait(timeout)
        except BaseException:
            child.kill()
            raise
        finally:
            with contextlib.suppress(BrokenPipeError):
                child.stdin.close()
            child.wait()
        return _finished(argv, child, errors, began)


@contextlib.contextmanager
def drawn(argv: Sequence[str], size: int, *, timeout: float) -> Iterator[Iterator[bytes]]:
    """Run a program and give its output piece by piece, each of up to ``size`` bytes, in constant memory.

    Leaving the block before the output is over ends the program. Afterwards, raises :class:`CommandFailed` if it had
    not done its work; ``timeout`` (seconds) is for its end once the output is over.
    """
    import subprocess
    began = time.monotonic()
    over = False

    def pieces(stream: IO[bytes]) -> Iterator[bytes]:
        nonlocal over
        while True:
            piece = stream.read(size)
            if not piece:
                break
            yield piece
        over = True

    from tempfile import TemporaryFile  # with it come ten modules that a capture does not need
    with TemporaryFile() as errors:
        child = _pipe(argv, subprocess.DEVNULL, subprocess.PIPE, errors)
        assert child.stdout is not None
        try:
            yield pieces(child.stdout)
            if over:
                child.wait(timeout)
        finally:
            child.stdout.close()
            if child.poll() is None:
                child.kill()
                child.wait()
        if over:
            _finished(argv, child, errors, began)


def _pipe(argv: Sequence[str], stdin: int, stdout: "int | IO[bytes]",
          stderr: IO[bytes]) -> "subprocess.Popen[bytes]":
    import subprocess
    full = dict(environment())
    full["PATH"] = _path()
    try:
        return subprocess.Popen(list(argv), stdin=stdin, stdout=stdout, stderr=stderr, env=full)
    except OSError as error:
        raise cannot_start(argv, error) from error


def _finished(argv: Sequence[str], child: "subprocess.Popen[bytes]", errors: IO[bytes], began: float) -> Result:
    errors.seek(0)
    said = errors.read(65536).decode("utf-8", "replace")
    if child.returncode:
        raise CommandFailed(f"{argv[0]} failed", where=pasteable(argv),
                            found=f"exit status {child.returncode}: {said.strip()[-2000:]}")
    return Result(tuple(argv), child.returncode, "", said, time.monotonic() - began)


def _deliver(raw: bytes, on_line: Callable[[str], None], tail: list[str]) -> None:
    line = raw.decode("utf-8", "replace").rstrip()
    if line:
        tail.append(line)
        del tail[:-200]
        on_line(line)


def _kill_group(child: "subprocess.Popen[bytes]") -> None:
    import signal
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


@dataclass
class Process:
    """A program that runs beside us until it ends or is stopped."""

    argv: Tuple[str, ...]
    _child: "subprocess.Popen[bytes]"

    @property
    def pid(self) -> int:
        return self._child.pid

    def poll(self) -> Optional[int]:
        """Its exit status, or None while it runs."""
        return self._child.poll()

    def wait(self, timeout: float) -> Optional[int]:
        """Wait up to ``timeout`` seconds; its exit status, or None if it still runs."""
        import subprocess
        try:
            return self._child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def stop(self, grace: float = 10.0) -> int:
        """Ask it to end, then make it; returns the exit status."""
        import subprocess
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(grace)
            except subprocess.TimeoutExpired:
                self._child.kill()
        return self._child.wait()


def spawn(argv: Sequence[str], *, log: IO[bytes], env: Optional[Mapping[str, str]] = None) -> Process:
    """Start a program that outlives this call; its output goes to ``log``."""
    import subprocess
    full = dict(environment(env))
    full["PATH"] = full.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin"
    try:
        child = subprocess.Popen(list(argv), stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=full)
    except OSError as error:
        raise cannot_start(argv, error) from error
    return Process(tuple(argv), child)
