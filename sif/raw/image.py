"""One image: a device read to its end, its digest taken on the way, packed by zstd, in constant memory.

The content is looked at in blocks of 64 KiB. Blocks of zeros are counted here and left out when the image is written
back. Where the device is a file, its holes are not read.
"""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Iterator, Optional

from sif.errors import CommandFailed, LifeboatError
from sif.media import CHUNK_BYTES, Spooled, spooled
from sif.plain import dataclass
from sif.run import feed

BLOCK_BYTES = 64 * 1024
ZSTD = ("zstd", "--quiet", "--stdout", "-3")
UNZSTD = ("zstd", "--quiet", "--stdout", "--decompress", "--memory=128MB")
_SECONDS = 3600.0
_ZERO_BLOCK = bytes(BLOCK_BYTES)
_ZERO_CHUNK = bytes(CHUNK_BYTES)


@dataclass(frozen=True)
class Content:
    """What a device holds: length, SHA-256, and bytes in blocks of 64 KiB that are not all zero."""

    size: int
    sha256: str
    data_bytes: int


class ImageFailed(LifeboatError):
    """The image of a partition could not be made; nothing of it is left."""

    code = CommandFailed.code


def read_content(path: str, size: int) -> Content:
    """Read ``size`` bytes of a device or file and say what they are.

    Opens for reading only, and does not touch the time of access. Raises ImageFailed when the device cannot be read or
    is shorter.
    """
    tally = Tally(path, size)
    for _ in tally.pieces():
        pass
    return tally.content()


class Tally:
    """Reads a device once and keeps account of what went by."""

    def __init__(self, path: str, size: int) -> None:
        self.path, self.size = path, size
        self._digest, self._data, self._done = hashlib.sha256(), 0, 0

    def pieces(self) -> Iterator[bytes]:
        """The content in pieces of up to a MiB. Raises ImageFailed."""
        for chunk in chunks(self.path, self.size):
            self._digest.update(chunk)
            self._data += 0 if chunk is _ZERO_CHUNK else data_in(chunk)
            self._done += len(chunk)
            yield chunk

    def content(self) -> Content:
        """What it was, after all of it was read; ImageFailed when the device is shorter."""
        if self._done != self.size:
            raise ImageFailed("the device is shorter than its table says", where=self.path,
                              found=f"{self._done} bytes", wanted=f"{self.size} bytes")
        return Content(self._done, self._digest.hexdigest(), self._data)


def data_in(chunk: bytes) -> int:
    """How many bytes of the piece lie in blocks that are not all zero."""
    return sum(len(block) for block in (chunk[at:at + BLOCK_BYTES] for at in range(0, len(chunk), BLOCK_BYTES))
               if block != _ZERO_BLOCK[:len(block)])


def chunks(path: str, size: int) -> Iterator[bytes]:
    """The first ``size`` bytes in pieces of a MiB; holes of a file come as the same piece of zeros, unread."""
    handle = _open(path)
    try:
        at = 0
        while at < size:
            length = min(CHUNK_BYTES, size - at)
            hole = length == CHUNK_BYTES and _hole(handle, at, length)
            chunk = _ZERO_CHUNK if hole else os.pread(handle, length, at)
            if not chunk:
                return
            yield chunk
            at += len(chunk)
    except OSError as error:
        raise ImageFailed("the device cannot be read", where=path, found=str(error),
                          hint="look at the kernel's log; a disk that cannot be read is about to die") from error
    finally:
        os.close(handle)


def _open(path: str) -> int:
    flags = os.O_RDONLY | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(path, flags)  # O_NOATIME is for the owner of a file and root
    except OSError as error:
        raise ImageFailed("the device cannot be opened", where=path, found=str(error)) from error


def _hole(handle: int, at: int, length: int) -> bool:
    """Whether a file has no data in that stretch; a device always has."""
    try:
        return os.lseek(handle, at, os.SEEK_DATA) >= at + length
    except OSError as error:
        return error.errno == errno.ENXIO  # no data up to the end; others: the question is not understood


@dataclass(frozen=True)
class Image:
    """A finished image: what it is of, and the file."""

    content: Content
    file: Spooled


def take_image(path: str, size: int, target: Path, limit: Optional[int] = None) -> Image:
    """Pack the device into ``target``, which is forced to its medium and read back for its digest.

    ``limit`` is the largest file that the target's file system can hold. Raises ImageFailed (too large, no room, device
    unreadable), ToolMissing without zstd; ``target`` is gone then.
    """
    tally = Tally(path, size)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as output:
            def watched() -> Iterator[bytes]:
                for chunk in tally.pieces():
                    _within(os.fstat(output.fileno()).st_size, limit, target)
                    yield chunk
            feed(ZSTD, watched(), output, timeout=_SECONDS)
            _within(os.fstat(output.fileno()).st_size, limit, target)
            os.fsync(output.fileno())
        return Image(tally.content(), spooled(target))
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, (OSError, CommandFailed)):
            raise ImageFailed("the image could not be written", where=str(target),
                              found=error.found if isinstance(error, CommandFailed) else str(error),
                              hint="check free space, or keep images on a store: --raw-to STORE") from error
        raise


def _within(size: int, limit: Optional[int], target: Path) -> None:
    if limit is not None and size > limit:
        raise ImageFailed("the image is too large for this file system", where=str(target),
                          found=f"more than {limit} bytes", wanted=f"at most {limit} bytes in a file (FAT)",
                          hint="use a medium with ext4 or exFAT, or keep images on a store: --raw-to STORE")
