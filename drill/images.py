"""Disk images: made, overlaid and hashed with qemu-img, mtools and the host's mkfs."""

from __future__ import annotations

import hashlib
from pathlib import Path

from sif.run import run


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
    run(("mkfs.ext4", "-q", "-F", "-L", label, str(path)), timeout=60)


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(1 << 20), b""):
            digest.update(chunk)
    return digest.hexdigest()
