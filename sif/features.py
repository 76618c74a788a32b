"""The names a set may put into ``VERSION.requires``, and which of them a given machine needs."""

from __future__ import annotations

from typing import Mapping, Set, Tuple

from sif.model import Loader, SystemInformation, TableType

FEATURES: Mapping[str, str] = {
    "gpt": "GUID partition table",
    "mbr": "MBR partition table",
    "lvm": "LVM2 with linear logical volumes",
    "ext2": "ext2 file system",
    "ext3": "ext3 file system",
    "ext4": "ext4 file system",
    "xfs": "xfs file system",
    "vfat": "FAT file system",
    "swap": "swap area",
    "grub-efi": "GRUB started by UEFI firmware",
    "grub-pc": "GRUB started by BIOS firmware",
    "secrets": "secrets in an age file",
}
"""Feature → what it is. A set that requires anything else is refused by name before any write."""


def features_of(info: SystemInformation) -> Tuple[str, ...]:
    """The features a reader must understand to restore this machine, sorted."""
    found: Set[str] = {fs.type.value for fs in info.filesystems}
    found.update(disk.table.value for disk in info.disks if disk.table is not TableType.NONE)
    if info.vgs:
        found.add("lvm")
    if info.swaps:
        found.add("swap")
    if info.boot is not None:
        found.add(Loader(info.boot.loader).value)
    if info.secrets is not None:
        found.add("secrets")
    return tuple(sorted(found))
