"""What file systems change when their disk has other sectors: none can have blocks smaller than a sector.

Sources: mkfs.fat(8) -S, mkfs.xfs(8) -s, mke2fs(8) -b; Microsoft's FAT specification: fewer than 65525 clusters are no
FAT32.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Set, Tuple

from rescue.planner.layout import Layout
from rescue.planner.resize import file_system_of
from rescue.planner.sketch import Cause, Sketch
from sif.model import FileSystem, FsType

_EXT = (FsType.EXT2, FsType.EXT3, FsType.EXT4)
_FAT32_CLUSTERS = 65525
_COUNTED = ("sectors", "fat_sectors", "reserved_sectors", "hidden_sectors", "root_entries", "backup_sector")
_PER_BLOCK = ("blocks_per_group", "cluster_bytes", "stride", "stripe_width", "flex_bg")


def adapt_sectors(sketch: Sketch) -> None:
    """Let every file system on a disk with other sectors than the saved one follow."""
    changed: Dict[str, int] = {disk.id: disk.logical_sector for disk in sketch.disks.values()
                               if (old := sketch.origin.disks.get(disk.id)) and old.logical_sector
                               != disk.logical_sector}
    if not changed:
        return
    layout = Layout(sketch.result())
    for fs in list(sketch.filesystems.values()):
        under: Set[str] = set(layout.under(fs.device))
        sectors = {changed[disk] for disk in under if disk in changed}
        made = _adapted(fs, max(sectors), sketch.size_of(fs.device)) if sectors else None
        if made is not None and made != fs:
            sketch.put(made, Cause("fs-sectors", f"the disk below has sectors of {max(sectors)} bytes",
                                   "it is made with blocks that the disk can write; what was saved stays the same"))


def _without_sectors(fs: FileSystem) -> Tuple[str, ...]:
    """The parameters that do not count sectors."""
    return tuple(word for word in fs.parameters if word.partition("=")[0] not in _COUNTED)


def _adapted(fs: FileSystem, sector: int, size: int) -> Optional[FileSystem]:
    if fs.type is FsType.VFAT:
        cluster = max(fs.block_size or sector, sector)
        bits = fs.fat_bits if fs.fat_bits != 32 or size // cluster >= _FAT32_CLUSTERS else None
        return replace(fs, sector_size=sector, block_size=fs.block_size and cluster, fat_bits=bits,
                       parameters=_without_sectors(fs))
    if fs.type is FsType.NTFS:
        return replace(fs, sector_size=sector, block_size=fs.block_size and max(fs.block_size, sector),
                       parameters=_without_sectors(fs))
    if fs.type is FsType.F2FS:
        return replace(fs, sector_size=sector)
    if fs.type is FsType.XFS and (fs.sector_size or 512) < sector:
        features = tuple(f"log_sectsz={sector}" if word.startswith("log_sectsz=") else word for word in fs.features)
        return replace(fs, sector_size=sector, features=features)
    if fs.type in _EXT and fs.block_size is not None and fs.block_size < sector:
        made = file_system_of(fs, size, size)
        reserved = None if fs.reserved_blocks is None else fs.reserved_blocks * fs.block_size // sector
        kept = tuple(word for word in made.parameters if word.partition("=")[0] not in _PER_BLOCK)
        return replace(made, block_size=sector, reserved_blocks=reserved, parameters=kept)
    return None
