"""The names a set may put into ``VERSION.requires``, which of them a given machine needs, and which can be rebuilt."""

from __future__ import annotations

from typing import FrozenSet, Mapping, Set, Tuple

from sif.model import LogicalVolume, LvType, MdLevel, SystemInformation, TableType

FEATURES: Mapping[str, str] = {
    "gpt": "GUID partition table",
    "mbr": "MBR partition table",
    "hybrid-mbr": "MBR partitions beside a GUID partition table",
    "raw": "partition that is kept sector by sector",
    "md": "Linux software RAID",
    "md-linear": "linear software RAID, which not every kernel has",
    "bcache": "bcache: devices cached by another one",
    "luks": "LUKS encrypted volume",
    "luks-integrity-header": "saved header of a LUKS2 volume with integrity tags: the tags' own area is not in it",
    "lvm": "LVM2 with linear logical volumes",
    "lvm-striped": "striped logical volumes",
    "lvm-raid": "RAID and mirrored logical volumes",
    "lvm-thin": "thin pools and thin volumes",
    "lvm-cache": "cached logical volumes",
    "multipath": "disk with several paths",
    "ext2": "ext2 file system",
    "ext3": "ext3 file system",
    "ext4": "ext4 file system",
    "xfs": "xfs file system",
    "btrfs": "btrfs file system",
    "vfat": "FAT file system",
    "ntfs": "NTFS file system",
    "f2fs": "F2FS file system",
    "swap": "swap area",
    "swap-file": "swap file",
    "grub-efi": "GRUB started by UEFI firmware",
    "grub-pc": "GRUB started by BIOS firmware",
    "systemd-boot": "systemd-boot started by UEFI firmware",
    "drivers": "kernel modules that come with the set",
    "secrets": "secrets in an age file",
}
"""Feature → what it is. A set that requires anything else is refused by name before any write."""

REBUILT: FrozenSet[str] = frozenset({
    "gpt", "mbr", "hybrid-mbr", "multipath", "md", "bcache", "luks", "lvm", "lvm-striped", "lvm-raid", "lvm-thin",
    "lvm-cache", "ext2", "ext3", "ext4", "xfs", "btrfs", "vfat", "ntfs", "f2fs", "swap", "swap-file", "grub-efi",
    "grub-pc", "secrets", "drivers", "raw",
})
"""What the rescue system of this version makes again. The others can be described, and are refused by name."""

_LVM = {
    LvType.LINEAR: "lvm", LvType.SNAPSHOT: "lvm", LvType.STRIPED: "lvm-striped", LvType.THIN: "lvm-thin",
    LvType.THIN_POOL: "lvm-thin", LvType.CACHE: "lvm-cache", LvType.CACHE_POOL: "lvm-cache",
    LvType.WRITECACHE: "lvm-cache",
}


def features_of(info: SystemInformation) -> Tuple[str, ...]:
    """The features a reader must understand to restore this machine, sorted."""
    found: Set[str] = {fs.type.value for fs in info.filesystems}
    found.update(disk.table.value for disk in info.disks if disk.table is not TableType.NONE)
    found.update(_lvm(volume) for volume in info.lvs)
    if info.boot is not None and info.boot.loader.value in FEATURES:
        found.add(info.boot.loader.value)
    for name, present in (
        ("hybrid-mbr", any(disk.hybrid for disk in info.disks)),
        ("multipath", any(disk.multipath for disk in info.disks)),
        ("raw", info.raws), ("md", info.arrays),
        ("md-linear", any(array.level is MdLevel.LINEAR for array in info.arrays)),
        ("bcache", info.cachesets or info.bcaches), ("luks", info.luks), ("lvm", info.vgs), ("btrfs", info.btrfs),
        ("luks-integrity-header", any(one.integrity and one.header is not None for one in info.luks)),
        ("swap", any(swap.path is None for swap in info.swaps)),
        ("swap-file", any(swap.path is not None for swap in info.swaps)),
        ("drivers", any(driver.needs for driver in info.drivers)),
        ("secrets", info.secrets is not None),
    ):
        if present:
            found.add(name)
    return tuple(sorted(found))


def not_rebuilt(info: SystemInformation) -> Tuple[str, ...]:
    """The features of this machine that the rescue system of this version does not make again, sorted."""
    return tuple(name for name in features_of(info) if name not in REBUILT)


def _lvm(volume: LogicalVolume) -> str:
    return _LVM.get(volume.type, "lvm-raid")
