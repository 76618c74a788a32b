"""What is kept sector by sector: left alone when the partition holds it already, else written from its image."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import struct
from pathlib import Path
from typing import FrozenSet, Iterator, Optional, Tuple

from rescue.planner.layout import Layout
from rescue.storage.errors import RebuildFailed
from sif.errors import CommandFailed
from sif.media import CHUNK_BYTES
from sif.model import Compression, Partition, Raw, SystemInformation
from sif.raw.image import BLOCK_BYTES, UNZSTD, ImageFailed, read_content
from sif.run import drawn

_BLKZEROOUT = 0x127F
_BLKFLSBUF = 0x1261
_SECONDS = 600.0


def stretches(saved: SystemInformation, disk: str) -> FrozenSet[Tuple[int, int]]:
    """Where images lie on a saved disk: first byte and bytes."""
    layout = Layout(saved)
    found = layout.disk(disk)
    parts = [part for raw in saved.raws if isinstance(part := layout.carrier(raw.device), Partition)]
    return frozenset((part.start_sector * found.logical_sector, part.sectors * found.logical_sector)
                     for part in parts if found is not None and part.disk == disk)


def holds(device: str, raw: Raw) -> bool:
    """Whether the device holds the saved content now; a device that cannot be read, or is shorter, does not."""
    try:
        return read_content(device, raw.size_bytes).sha256 == raw.sha256
    except ImageFailed:
        return False


def put_back(raw: Raw, device: str, image: Optional[Path]) -> bool:
    """Give the device its saved content; False if it had it already, and was not written.

    Blocks of zeros are not written where the device has zeros. What was written is read back from the device and
    compared. Raises :class:`RebuildFailed`. Idempotent.
    """
    if holds(device, raw):
        return False
    if image is None:
        raise RebuildFailed("nobody said where the image of a partition is", where=f"[RAW {raw.id}]", found=raw.path)
    try:
        handle = os.open(device, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
        try:
            _write(handle, raw, image)
            os.fsync(handle)
            with contextlib.suppress(OSError):  # a file has no such buffers
                fcntl.ioctl(handle, _BLKFLSBUF, 0)
            os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(handle)
    except (OSError, CommandFailed) as error:
        raise RebuildFailed("the image of a partition could not be written back", where=f"{image} to {device}",
                            found=str(error), hint="is the medium with the image still in?") from error
    if not holds(device, raw):
        raise RebuildFailed("a partition does not hold what its image should have brought", where=device,
                            wanted=f"sha256 {raw.sha256}", hint="the image or the disk is damaged; keep the logs")
    return True


def _write(handle: int, raw: Raw, image: Path) -> None:
    done = 0
    with _content(raw, image) as pieces:
        for piece in pieces:
            if done + len(piece) > raw.size_bytes:
                raise RebuildFailed("the image is longer than the partition", where=str(image),
                                    wanted=f"{raw.size_bytes} bytes")
            for at in range(0, len(piece), BLOCK_BYTES):
                _block(handle, piece[at:at + BLOCK_BYTES], done + at)
            done += len(piece)
    if done != raw.size_bytes:
        raise RebuildFailed("the image is shorter than the partition", where=str(image), found=f"{done} bytes",
                            wanted=f"{raw.size_bytes} bytes", hint="copy the whole set again")


@contextlib.contextmanager
def _content(raw: Raw, image: Path) -> Iterator[Iterator[bytes]]:
    if raw.compression is Compression.ZSTD:
        with drawn((*UNZSTD, "--", str(image)), CHUNK_BYTES, timeout=_SECONDS) as pieces:
            yield pieces
        return
    with image.open("rb") as stream:
        yield iter(lambda: stream.read(CHUNK_BYTES), b"")


def _block(handle: int, block: bytes, at: int) -> None:
    if not any(block):
        _zeros(handle, at, len(block))
        return
    view = memoryview(block)
    while view:
        count = os.pwrite(handle, view, at)
        view, at = view[count:], at + count


def _zeros(handle: int, at: int, length: int) -> None:
    """Make the stretch read as zeros: not at all if it does, by the device itself if it can, else by writing."""
    if not any(os.pread(handle, length, at)):
        return
    if stat.S_ISBLK(os.fstat(handle).st_mode):
        with contextlib.suppress(OSError):
            fcntl.ioctl(handle, _BLKZEROOUT, struct.pack("QQ", at, length))
            return
    os.pwrite(handle, bytes(length), at)
