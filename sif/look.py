"""The one door through which a capture looks at a machine: reads only, recordable, replayable, movable.

Files are named as on the captured machine. With :func:`rooted` they are taken from a mounted tree instead of ``/``,
absolute links staying inside that tree; the kernel's own places (``/dev``, ``/proc``, ``/sys``, ``/run``) are always
those of the running system. With :func:`recording` every answer, of programs too, goes onto a :class:`Tape`; with
:func:`replaying` the answers come from there, so that a recorded machine can be captured again without that machine.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import posixpath
import stat
import threading
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, Optional, Sequence, Tuple, TypeVar

from sif import run as programs
from sif.errors import CommandFailed, LifeboatError, ToolMissing
from sif.run import Result, pasteable
from sif.tape import Tape, decoded, encoded

T = TypeVar("T")

_LIVE = ("dev", "proc", "sys", "run")
_MAX_LINKS = 40


class NotRecorded(LifeboatError):
    """A replayed machine was asked something that its tape has no answer to."""


_root: ContextVar[str] = ContextVar("root", default="/")
_record: ContextVar[Optional[Tape]] = ContextVar("record", default=None)
_replay: ContextVar[Optional[Tape]] = ContextVar("replay", default=None)
_answers: ContextVar[Optional[Dict[Tuple[Any, ...], Any]]] = ContextVar("answers", default=None)


@contextlib.contextmanager
def rooted(root: str) -> Iterator[None]:
    """Inside, configuration and installed files are those below ``root``."""
    token = _root.set(os.path.realpath(root))
    try:
        yield
    finally:
        _root.reset(token)


@contextlib.contextmanager
def recording() -> Iterator[Tape]:
    """Inside, every answer is written onto the tape."""
    tape = Tape()
    token = _record.set(tape)
    try:
        yield tape
    finally:
        _record.reset(token)


@contextlib.contextmanager
def replaying(tape: Tape) -> Iterator[None]:
    """Inside, every answer comes from the tape; nothing of the running machine is looked at."""
    token = _replay.set(tape)
    try:
        yield
    finally:
        _replay.reset(token)


def root() -> str:
    """The tree that is captured: ``/``, or what :func:`rooted` says."""
    return _root.get()


def ask(what: str, arguments: Sequence[Any], answer: Callable[[], T]) -> T:
    """The answer to a question about the machine, through the tapes.

    ``answer`` asks the machine; it returns something JSON can hold, or bytes, and may raise OSError, CommandFailed
    or ToolMissing, which are recorded too. Tuples come back as tuples. An OSError names the path that was asked for,
    of a read that failed as well, where the system names none.
    """
    try:
        return _asked(what, arguments, answer)
    except OSError as error:
        if error.filename is None and arguments:
            error.filename = arguments[0]
        raise


def _asked(what: str, arguments: Sequence[Any], answer: Callable[[], T]) -> T:
    replay, tape = _replay.get(), _record.get()
    if replay is None and tape is None:
        return _once(what, arguments, answer)
    name = json.dumps([what, *arguments], ensure_ascii=False)
    if replay is not None:
        if name not in replay.answers:
            raise NotRecorded("the recorded machine has no answer to this", where=name,
                              hint="record the machine again with this version")
        return decoded(replay.answers[name])  # type: ignore[no-any-return]
    assert tape is not None
    try:
        found = answer()
    except OSError as error:
        tape.answers[name] = {"errno": error.errno or errno.EIO}
        raise
    except (CommandFailed, ToolMissing) as error:
        tape.answers[name] = {"failed": type(error).__name__, "what": error.what, "where": error.where,
                              "found": error.found}
        raise
    tape.answers[name] = encoded(found)
    return found


_REPEATED = frozenset(("real", "exists", "entries", "is_dir", "text", "have"))
"""Questions that many parts of a capture ask again: half of all that they ask."""


def _once(what: str, arguments: Sequence[Any], answer: Callable[[], T]) -> T:
    """The answer of the machine; to a repeated question in one capture the same."""
    known = _answers.get()
    if known is None or what not in _REPEATED:
        return answer()
    question = (_root.get(), what, *arguments)
    if question not in known:
        known[question] = answer()
    return known[question]  # type: ignore[no-any-return]


def once(what: str, find: Callable[[], T]) -> T:
    """What a reader of configuration finds: in one capture the same, and looked for once."""
    known = _answers.get()
    if known is None:
        return find()
    question = (_root.get(), "once", what)
    if question not in known:
        known[question] = find()
    return known[question]  # type: ignore[no-any-return]


def real(path: str) -> str:
    """The path with every link resolved, as the captured machine would; relative to its own ``/``."""
    return ask("real", (path,), lambda: _resolved(path))


def _resolved(path: str) -> str:
    """The path on the captured machine, links resolved inside the tree."""
    base = _root.get()
    return os.path.realpath(path) if base == "/" or _is_live(path) else _walked(base, path)[0]


def _here(path: str) -> str:
    """Where a path of the captured machine is to be opened now."""
    base = _root.get()
    return path if base == "/" or _is_live(path) else _walked(base, path)[1]


def _walked(base: str, path: str) -> Tuple[str, str]:
    """(path on the captured machine, path to open now), links resolved inside the tree ``base``."""
    done: list[str] = []
    todo = [part for part in path.split("/") if part]
    links = 0
    while todo:
        part = todo.pop(0)
        if part == ".":
            continue
        if part == "..":
            del done[-1:]
            continue
        here = posixpath.join(base, *done, part)
        if _is_live("/" + "/".join([*done, part])):
            live = os.path.realpath("/" + "/".join([*done, part, *todo]))
            return live, live
        if Path(here).is_symlink():
            links += 1
            if links > _MAX_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            target = str(Path(here).readlink())
            if target.startswith("/"):
                done = []
            todo = [piece for piece in target.split("/") if piece] + todo
            continue
        done.append(part)
    return "/" + "/".join(done), posixpath.join(base, *done)


def _is_live(path: str) -> bool:
    return path.lstrip("/").split("/", 1)[0] in _LIVE


def place(path: str) -> Path:
    """Where a path of the captured machine is now; for programs that read whole trees."""
    return Path(_here(path))


def exists(path: str) -> bool:
    return ask("exists", (path,), lambda: Path(_here(path)).exists())


def is_dir(path: str) -> bool:
    return ask("is_dir", (path,), lambda: Path(_here(path)).is_dir())


def is_mount(path: str) -> bool:
    """Whether something is mounted there."""
    return ask("is_mount", (path,), lambda: os.path.ismount(_here(path)))


def mode(path: str) -> int:
    """Permission bits. Raises OSError."""
    return ask("mode", (path,), lambda: stat.S_IMODE(Path(_here(path)).stat().st_mode))


def _opened(path: str, flags: int = 0) -> int:
    """The file or directory, open for reading; that it was read is not noted on its file system. Raises OSError."""
    real = _here(path)
    flags |= os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(real, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(real, flags)  # only the owner and root may ask for O_NOATIME


def data(path: str, length: int = -1, offset: int = 0) -> bytes:
    """Up to ``length`` bytes (all, if negative) from ``offset``. Raises OSError."""
    def answer() -> bytes:
        with os.fdopen(_opened(path), "rb") as stream:
            if offset:
                stream.seek(offset)
            return stream.read(length)
    return ask("data", (path, length, offset), answer)


def text(path: str) -> str:
    """A text file's content; what is not UTF-8 becomes U+FFFD. Raises OSError."""
    def answer() -> bytes:
        with os.fdopen(_opened(path), "rb") as stream:
            return stream.read()
    return ask("text", (path,), answer).decode("utf-8", "replace")


def text_or(path: str, default: str = "") -> str:
    """A text file's content, or ``default`` if it can't be read."""
    try:
        return text(path)
    except OSError:
        return default


def entries(path: str) -> Tuple[str, ...]:
    """The names in a directory, sorted; none if it is no directory."""
    def answer() -> Tuple[str, ...]:
        try:
            handle = _opened(path, os.O_DIRECTORY)
        except OSError:
            return ()
        try:
            return tuple(sorted(found.name for found in os.scandir(handle)))
        finally:
            os.close(handle)
    return ask("entries", (path,), answer)


def link(path: str) -> Optional[str]:
    """Where a symbolic link points, as written; None if it is none."""
    def answer() -> Optional[str]:
        parent, name = posixpath.split(path)
        try:
            return str(Path(_here(parent or "/"), name).readlink())
        except OSError:
            return None
    return ask("link", (path,), answer)


def used_bytes(path: str) -> Optional[int]:
    """Space in use on the file system mounted at ``path``, in bytes; None if it can't be asked."""
    def answer() -> Optional[int]:
        try:
            found = os.statvfs(_here(path))
        except OSError:
            return None
        return (found.f_blocks - found.f_bfree) * found.f_frsize
    return ask("used_bytes", (path,), answer)


def have(tool: str) -> bool:
    """Whether a program of that name is at hand."""
    return ask("have", (tool,), lambda: programs.have(tool))


_ahead: ContextVar[Optional[Dict[Tuple[str, ...], "_Ahead"]]] = ContextVar("ahead", default=None)


class _Ahead(threading.Thread):
    """A program that was started before anybody asked for it."""

    def __init__(self, argv: Tuple[str, ...], timeout: float) -> None:
        super().__init__(daemon=True)
        self.argv, self.timeout = argv, timeout
        self._done: Optional[Result] = None
        self._error: Optional[LifeboatError] = None

    def run(self) -> None:
        try:
            self._done = programs.run(self.argv, timeout=self.timeout, check=False)
        except LifeboatError as error:
            self._error = error

    def result(self) -> Result:
        if self.ident is not None:
            self.join()
        elif self._done is None and self._error is None:
            self.run()
        if self._done is None:
            raise self._error or CommandFailed(f"{self.argv[0]} did not run", where=pasteable(self.argv))
        return self._done


_begun: Dict[Tuple[str, ...], _Ahead] = {}


def begin(argvs: Iterable[Sequence[str]], timeout: float) -> None:
    """Start these programs beside us, where there is a second processor, for the :func:`ahead` that comes."""
    if len(os.sched_getaffinity(0)) > 1:
        for argv in map(tuple, argvs):
            _begun[argv] = _Ahead(argv, timeout)
            _begun[argv].start()


@contextlib.contextmanager
def ahead(argvs: Iterable[Sequence[str]], timeout: float) -> Iterator[None]:
    """Inside, each of these programs runs once, however often it is asked for, and the machine is read once.

    Where there is a second processor they run beside us from the start on. What a replayed machine says comes from its
    tape, as always.
    """
    wanted = tuple(map(tuple, argvs)) if _replay.get() is None else ()
    known = {argv: _begun.pop(argv) if argv in _begun else _Ahead(argv, timeout) for argv in wanted}
    beside = known if len(os.sched_getaffinity(0)) > 1 else {}
    for one in beside.values():
        if one.ident is None:
            one.start()
    token, memory = _ahead.set(known), _answers.set({})
    try:
        yield
    finally:
        _ahead.reset(token)
        _answers.reset(memory)
        for one in beside.values():
            one.join()


def run(argv: Sequence[str], *, timeout: float, check: bool = True, ok: Sequence[int] = (0,)) -> Result:
    """:func:`sif.run.run` for programs that only read. ``timeout`` in seconds; raises as that one does."""
    def answer() -> Tuple[int, str, str]:
        early = (_ahead.get() or {}).get(tuple(argv))
        done = early.result() if early else programs.run(argv, timeout=timeout, check=False)
        return done.status, done.stdout, done.stderr
    status, stdout, stderr = ask("run", (list(argv),), answer)
    result = Result(tuple(argv), status, stdout, stderr, 0.0)
    if check and status not in ok:
        raise CommandFailed(f"{argv[0]} failed", where=pasteable(argv),
                            found=f"exit status {status}: {(stderr or stdout).strip()[-2000:]}")
    return result
