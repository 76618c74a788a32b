"""Reading files for a catalog: digests and facts, many at a time.

Threads are enough: hashlib and the system calls let the other threads run. Each worker reads into a buffer of its
own that stays in the processor's cache between the digests.
"""

from __future__ import annotations

import hashlib
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple, TypeVar

BUFFER_BYTES = 256 * 1024
BATCH_FILES = 64
CAPABILITIES = "security.capability"

T = TypeVar("T")
R = TypeVar("R")


class NotRegular(Exception):
    """The name is a link, a directory or a device where a regular file was expected."""


class Facts(NamedTuple):
    """What can be known of a file without reading it; ``size`` counts bytes."""

    mode: int
    uid: int
    gid: int
    size: int
    capabilities: bytes


class Measured(NamedTuple):
    """A file's facts and digests; ``other`` is that of the algorithm asked for, else empty. Hexadecimal."""

    facts: Facts
    sha256: str
    other: str


def open_regular(name: bytes, directory: int) -> int:
    """A descriptor of the regular file ``name``; NotRegular or OSError. Leaves the access time alone where it may."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(name, flags | os.O_NOATIME, dir_fd=directory)
    except PermissionError:
        return os.open(name, flags, dir_fd=directory)  # only the owner and root may ask for O_NOATIME


def facts(handle: int) -> Facts:
    """The facts of an open file; NotRegular for anything but a regular file."""
    state = os.fstat(handle)
    if not stat.S_ISREG(state.st_mode):
        raise NotRegular(stat.filemode(state.st_mode))
    return Facts(stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid, state.st_size, _capabilities(handle))


def _capabilities(handle: int) -> bytes:
    try:
        return os.getxattr(handle, CAPABILITIES)
    except OSError:
        return b""  # none, or a file system without attributes


def digest(handle: int, size: int, buffer: bytearray, algorithm: str = "") -> Tuple[str, str, int]:
    """SHA-256 and, if ``algorithm`` is another, that digest of an open file, and the bytes read.

    ``size`` is where the end is expected: a short read there saves looking for the end.
    """
    main = hashlib.sha256()
    other: Any = None if algorithm in ("", "sha256") else hashlib.new(algorithm, usedforsecurity=False)
    view = memoryview(buffer)
    done = 0
    while True:
        count = os.readv(handle, (buffer,))
        if not count:
            break
        main.update(view[:count])
        if other is not None:
            other.update(view[:count])
        done += count
        if done == size and count < len(buffer):
            break
    first = main.hexdigest()
    return first, (first if algorithm == "sha256" else other.hexdigest() if other is not None else ""), done


def measure(name: bytes, directory: int, buffer: bytearray, algorithm: str = "") -> Measured:
    """Everything about one file. NotRegular or OSError."""
    handle = open_regular(name, directory)
    try:
        known = facts(handle)
        sha256, other, size = digest(handle, known.size, buffer, algorithm)
        return Measured(known._replace(size=size), sha256, other)
    finally:
        os.close(handle)


def batches(groups: Iterable[Tuple[bytes, Sequence[T]]]) -> Iterator[List[Tuple[bytes, Sequence[T]]]]:
    """Directories with their files, cut and joined into jobs of about ``BATCH_FILES`` files, in the order given."""
    job: List[Tuple[bytes, Sequence[T]]] = []
    count = 0
    for directory, items in groups:
        for start in range(0, len(items), BATCH_FILES):
            piece = items[start:start + BATCH_FILES]
            job.append((directory, piece))
            count += len(piece)
            if count >= BATCH_FILES:
                yield job
                job, count = [], 0
    if job:
        yield job


def in_parallel(jobs: Iterable[T], work: Callable[[T, bytearray], R], threads: Optional[int] = None) -> Iterator[R]:
    """The results of ``work(job, buffer)`` in the order of the jobs; ``threads``: default one per processor."""
    count = threads or len(os.sched_getaffinity(0))
    spare: List[bytearray] = [bytearray(BUFFER_BYTES) for _ in range(count)]

    def one(job: T) -> R:
        buffer = spare.pop()
        try:
            return work(job, buffer)
        finally:
            spare.append(buffer)

    with ThreadPoolExecutor(count, thread_name_prefix="catalog") as pool:
        yield from pool.map(one, jobs)
