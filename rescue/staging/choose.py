"""Which of the machine's file systems carries the rescue system until phase 2 is done. Pure."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Tuple

from rescue.failures import StagingFailed
from sif.model import FileSystem, FsType, SystemInformation

MARGIN_BYTES = 16 * 1024 * 1024
"""Room for the journal, events, logs, GRUB's own files and the drivers behind the initrd."""

_READABLE = (FsType.EXT2, FsType.EXT3, FsType.EXT4, FsType.XFS)


def expected_free_bytes(saved: SystemInformation, filesystem: FileSystem) -> int:
    """How much an empty file system of that kind will offer: its size less 5 % for its own tables, at least 32 MiB."""
    partition = next((p for p in saved.partitions if p.id == filesystem.device), None)
    if filesystem.blocks and filesystem.block_size:
        size = filesystem.blocks * filesystem.block_size
    elif partition is not None:
        sector = next(d.logical_sector for d in saved.disks if d.id == partition.disk)
        size = partition.sectors * sector
    else:
        return 0
    return max(size - max(size // 20, 32 * 1024 * 1024), 0)


def choose_stage(saved: SystemInformation, free_bytes: Mapping[str, int], needed_bytes: int) -> FileSystem:
    """The file system that carries the rescue system: the system volume, else the boot volume, else any other.

    ``free_bytes`` is what each file system (SIF id) offers while it is empty. Whoever carries the rescue system
    must have room for it *and* for everything that will be restored there. Only ext and XFS directly on a
    partition qualify: the signed GRUB and the early userspace read no others.
    Raises :class:`StagingFailed` with the reason for each file system.
    """
    reasons: List[str] = []
    for filesystem in _in_order(saved):
        why = _unfit(saved, filesystem, free_bytes.get(filesystem.id, 0), needed_bytes)
        if why is None:
            return filesystem
        reasons.append(f"{filesystem.id} ({filesystem.mount}): {why}")
    raise StagingFailed("no volume of this machine can carry the rescue system to phase 2",
                        found="\n    ".join(["", *reasons]),
                        wanted=f"ext2/3/4 or XFS directly on a partition, with {_mib(needed_bytes + MARGIN_BYTES)} "
                        "beside what is restored there",
                        hint="restore by hand from the rescue system's shell, or use a smaller rescue image")


def _in_order(saved: SystemInformation) -> Tuple[FileSystem, ...]:
    """Mounted file systems, the system volume first, then the boot volume, then the others by mount point."""
    first: Dict[str, int] = {saved.system.boot_fs: 0, saved.system.root_fs: 1}
    mounted = [fs for fs in saved.filesystems if fs.mount]
    return tuple(sorted(mounted, key=lambda fs: (fs.mount != "/boot", first.get(fs.id, 2), fs.mount or "")))


def _unfit(saved: SystemInformation, filesystem: FileSystem, free: int, needed: int) -> Optional[str]:
    if filesystem.type not in _READABLE:
        return f"{filesystem.type.value} does not qualify"
    if not any(partition.id == filesystem.device for partition in saved.partitions):
        return "not directly on a partition"
    room = free - (filesystem.used_bytes or 0) - MARGIN_BYTES
    if room < needed:
        return (f"{_mib(free)} free, of which {_mib(filesystem.used_bytes or 0)} will be restored; "
                f"{_mib(needed + MARGIN_BYTES)} wanted")
    return None


def _mib(size: int) -> str:
    return f"{size / 1048576:.0f} MiB"
