"""Writing that survives a power cut, and copying that is proven by reading back."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Iterator

from sif.errors import Exit, LifeboatError

CHUNK = 1024 * 1024


class CopyDiffers(LifeboatError):
    """What was read back from the disk is not what was written."""

    code = Exit.STAGING_FAILED


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, text: str) -> None:
    """Replace a file so that after a power cut either the old or the new content is there, never a part."""
    write_bytes_durably(path, text.encode("utf-8"))


def write_bytes_durably(path: Path, data: bytes) -> None:
    """:func:`write_durably` for what is no text."""
    fresh = path.with_name(path.name + ".new")
    with fresh.open("wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    sync_directory(path.parent)


def rewrite_durably(path: Path, data: bytes) -> None:
    """:func:`write_bytes_durably` for a file that is there: owner, mode, ACL and other extended attributes stay, and
    the times of its directory, which has the same files as before."""
    fresh = path.with_name(path.name + ".new")
    before, directory = path.stat(), path.parent.stat()
    with fresh.open("wb") as out:
        out.write(data)
        os.chown(out.fileno(), before.st_uid, before.st_gid)
        shutil.copystat(path, fresh)
        os.utime(out.fileno())
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
    os.utime(path.parent, ns=(directory.st_atime_ns, directory.st_mtime_ns))
    sync_directory(path.parent)


def remove_durably(path: Path) -> None:
    """Remove a file, if it is there, so that it stays removed after a power cut."""
    path.unlink(missing_ok=True)
    sync_directory(path.parent)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file as it lies on the disk: the page cache is dropped first where the kernel agrees."""
    with path.open("rb") as source:
        os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return _digest(source)


def copy_verified(source: Path, target: Path) -> str:
    """Copy a file, make it durable, read it back and return its SHA-256.

    Raises :class:`CopyDiffers` when the disk returns something else: better now than when phase 2 starts.
    """
    digest = hashlib.sha256()
    with source.open("rb") as reader, target.open("wb") as writer:
        while chunk := reader.read(CHUNK):
            digest.update(chunk)
            writer.write(chunk)
        writer.flush()
        os.fsync(writer.fileno())
    sync_directory(target.parent)
    wanted, found = digest.hexdigest(), sha256_of(target)
    if wanted != found:
        raise CopyDiffers("the copy differs from its source", where=str(target), found=f"sha256 {found}",
                          wanted=f"sha256 {wanted} ({source})", hint="the disk does not keep what is written to it: "
                          "look at its cables and at its own log (smartctl -a), then use another disk")
    return wanted


@contextmanager
def keeping_times(*directories: Path) -> Iterator[None]:
    """Give directories back the access and modification times they had, whatever is done in them meanwhile."""
    before = [(directory, directory.stat()) for directory in directories if directory.is_dir()]
    try:
        yield
    finally:
        for directory, status in before:
            if directory.is_dir():
                os.utime(directory, ns=(status.st_atime_ns, status.st_mtime_ns))


def remove_tree(directory: Path) -> None:
    """Remove a directory with all it holds; nothing happens when it is not there."""
    if directory.is_dir() and not directory.is_symlink():
        shutil.rmtree(directory)


def _digest(source: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := source.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()
