"""Mounting without leaving a trace: read-only, and no journal is replayed."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Tuple

from sif.run import run

_NO_REPLAY = {"ext2": ("noload",), "ext3": ("noload",), "ext4": ("noload",), "xfs": ("norecovery", "nouuid"),
              "btrfs": ("rescue=nologreplay",)}
READABLE = ("ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "exfat", "iso9660", "udf", "ntfs")


def readonly_options(fstype: str) -> Tuple[str, ...]:
    """The mount options with which a file system of that type is not written to, not even to repair it."""
    return ("ro", *_NO_REPLAY.get(fstype, ()), "nodev", "nosuid")


def mount_readonly(device: str, fstype: str, where: Path, options: Tuple[str, ...] = ()) -> None:
    """Mount a device at ``where`` (made if needed) so that no byte of it changes.

    The device itself is set read-only too: a journaling file system would replay its journal even for a
    read-only mount if it were not told otherwise. Raises :class:`sif.errors.CommandFailed`.
    """
    where.mkdir(parents=True, exist_ok=True)
    run(["blockdev", "--setro", device], timeout=30)
    run(["mount", "-t", fstype, "-o", ",".join((*readonly_options(fstype), *options)), device, str(where)], timeout=120)


def unmount(where: Path) -> None:
    """Unmount, never lazily."""
    run(["umount", str(where)], timeout=300)


@contextmanager
def looked_into(device: str, fstype: str, where: Path, options: Tuple[str, ...] = ()) -> Iterator[Path]:
    """Mount a device read-only for a look, and leave it as it was: unmounted and writable."""
    was_readonly = run(["blockdev", "--getro", device], timeout=30).stdout.strip() == "1"
    try:
        mount_readonly(device, fstype, where, options)
        try:
            yield where
        finally:
            unmount(where)
    finally:
        if not was_readonly:
            run(["blockdev", "--setrw", device], timeout=30)
