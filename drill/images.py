"""Disk images: made, overlaid and hashed with qemu-img, mtools and the host's mkfs."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Optional

from sif.run import run

GIB = 1 << 30
"""More than two of these at once is too much for a write of qemu-io."""


def make_overlay(path: Path, base: Path) -> None:
    """A qcow2 that begins as ``base`` and takes all writes."""
    run(("qemu-img", "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", str(base), str(path)), timeout=60)


def make_blank(path: Path, size: int) -> None:
    """A new empty qcow2 disk of ``size`` bytes."""
    run(("qemu-img", "create", "-q", "-f", "qcow2", str(path), str(size)), timeout=60)


def make_sparse(path: Path, size: int) -> None:
    """A new raw file of ``size`` bytes without content."""
    with path.open("wb") as file:
        file.truncate(size)


def make_stick(path: Path, size: int, label: str) -> None:
    """A USB stick as shops sell it: one vfat over the whole device."""
    make_sparse(path, size)
    run(("mkfs.vfat", "-n", label, str(path)), timeout=60)


def make_ext4(path: Path, size: int, label: str) -> None:
    """A raw disk with an empty ext4 over the whole device."""
    make_sparse(path, size)
    run(("mkfs.ext4", "-q", "-F", "-L", label, str(path)), timeout=120)


def convert_to_raw(path: Path, base: Path) -> None:
    """The content of a qcow2 disk as a raw file with holes."""
    run(("qemu-img", "convert", "-O", "raw", str(base), str(path)), timeout=600)


def copy(source: Path, path: Path) -> None:
    """A copy of a raw file that keeps its holes, and shares its blocks where the file system can."""
    run(("cp", "--reflink=auto", "--sparse=always", str(source), str(path)), timeout=600)


def write_random(path: Path, start: int, length: int) -> None:
    """Overwrite a part of a raw file with bytes that nobody can guess."""
    with path.open("r+b") as disk:
        disk.seek(start)
        disk.write(os.urandom(length))


def overwrite(path: Path, start: int, length: int) -> None:
    """Destroy a part of a qcow2 disk: zeros, and garbage where a superblock was."""
    zeros = tuple(f"write -q -z {at} {min(GIB, start + length - at)}" for at in range(start, start + length, GIB))
    commands = (*zeros, f"write -q -P 0xa5 {start} {min(length, 65536)}")
    run(("qemu-io", "-f", "qcow2", *(word for one in commands for word in ("-c", one)), str(path)), timeout=600)


def content_sha256(path: Path, start: int = 0, length: Optional[int] = None) -> str:
    """The SHA-256 of a qcow2 disk's content (or of a part of it), as a machine reads it."""
    raw = path.with_name(f"{path.name}.content")
    try:
        convert_to_raw(raw, path)
        return sha256(raw, start, length)
    finally:
        raw.unlink(missing_ok=True)


def sha256(path: Path, start: int = 0, length: Optional[int] = None) -> str:
    """The SHA-256 of a file's bytes, or of a part of them."""
    digest = hashlib.sha256()
    left = path.stat().st_size - start if length is None else length
    with path.open("rb") as file:
        file.seek(start)
        while left > 0:
            chunk = file.read(min(left, 1 << 20))
            if not chunk:
                break
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
