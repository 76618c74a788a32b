"""A secret as a file: in memory, for one user, gone afterwards."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional, Tuple

from sif.errors import Exit, LifeboatError

CANDIDATES = (Path("/run"), Path("/dev/shm"))
"""Where systems have a file system in memory."""

IN_MEMORY = ("tmpfs", "ramfs")


class NoMemoryFileSystem(LifeboatError):
    """There is nowhere to put a secret that is not on a disk."""

    code = Exit.SECRET_UNAVAILABLE


@contextmanager
def private_file(name: str, value: bytes, owner: Optional[Tuple[int, int]] = None) -> Iterator[Path]:
    """A file that holds ``value``: mode 0600 in a directory of mode 0700 on tmpfs; overwritten and removed at the end.

    ``name`` must be a plain file name. Both belong to ``owner`` (user and group number) if given. Raises
    :class:`NoMemoryFileSystem` rather than writing to a disk. Memory may be swapped out; the rescue system has no swap.
    """
    with private_place(name) as path:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(handle, "wb") as stream:
            stream.write(value)
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
                os.chown(path.parent, *owner)
        yield path


@contextmanager
def private_place(name: str) -> Iterator[Path]:
    """Where a program can put a secret: a path that is not there yet, in a directory of mode 0700 on tmpfs.

    What it has put there is overwritten and removed at the end. Raises :class:`NoMemoryFileSystem`.
    """
    directory = Path(tempfile.mkdtemp(prefix="sif-secret-", dir=memory_directory()))
    path = directory / name
    try:
        yield path
    finally:
        _wipe(path)
        directory.rmdir()


def _wipe(path: Path) -> None:
    """Overwrite the file's own pages, whatever the program that used it left there, and remove it."""
    if path.is_symlink() or not path.is_file():
        path.unlink(missing_ok=True)
        return
    with path.open("r+b") as stream:
        stream.write(bytes(os.fstat(stream.fileno()).st_size))
    path.unlink()


def memory_directory() -> Path:
    """A directory on a file system in memory that we may write to."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    for path in CANDIDATES:
        if filesystem_type(mounts, path) in IN_MEMORY and os.access(path, os.W_OK):
            return path
    raise NoMemoryFileSystem("no file system in memory to put a secret on", wanted="tmpfs at one of "
                             + ", ".join(map(str, CANDIDATES)), hint="mount -t tmpfs -o mode=0755 tmpfs /run")


def filesystem_type(mounts: str, path: Path) -> Optional[str]:
    """The type of the file system that holds ``path``, by the text of ``/proc/self/mounts``; the last mount wins."""
    best, found = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        point = Path(fields[1])
        if (point == path or point in path.parents) and len(point.parts) >= best:
            best, found = len(point.parts), fields[2]
    return found
