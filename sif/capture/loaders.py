"""Which boot loader a machine has: by what the firmware starts, by files, by boot code. Decisions only.

Source: systemd-boot(7), GRUB's and SYSLINUX's boot sectors, the vendors' directories on EFI system partitions.
"""

from __future__ import annotations

import posixpath
from typing import Optional, Sequence, Tuple, Union

from sif.model import Loader

_BOOT_CODE_BYTES = 440
_SECTOR_MARKS = ((b"SYSLINUX", "SYSLINUX"), (b"EXTLINUX", "EXTLINUX"), (b"LILO", "LILO"), (b"NTLDR", "Windows (NTLDR)"),
                 (b"BOOTMGR", "Windows (BOOTMGR)"), (b"LIMINE", "Limine"))
_OTHER_FILES = (("refind", "rEFInd"), ("limine", "Limine"), ("elilo", "ELILO"), ("syslinux", "SYSLINUX"),
                ("clover", "Clover"), ("zfsbootmenu", "ZFSBootMenu"), ("vmlinuz", "a kernel started by the firmware"))
_NOT_OURS = ("bootmgfw", "fwup", "memtest", "shell", "mm", "fb")
"""Beside the system's own loader: Windows, firmware updates, tools, shim's helpers."""


def has_grub_boot_code(first_sector: bytes) -> bool:
    """Whether a disk's first sector holds GRUB's boot code (its ``GRUB`` message)."""
    return b"GRUB" in first_sector[:_BOOT_CODE_BYTES]


def boot_code_name(first_sector: bytes) -> Optional[str]:
    """The loader that a boot sector names, if it is a known one other than GRUB."""
    return next((name for mark, name in _SECTOR_MARKS if mark in first_sector), None)


def loader_of_path(path: str) -> Union[Loader, str, None]:
    """What an EFI file is by its name: a loader, the name of one that is not supported, None for what says nothing."""
    lower = path.lower().replace("/", "\\")
    name = lower.rpartition("\\")[2]
    if name.startswith("systemd-boot"):
        return Loader.SYSTEMD_BOOT
    if name.startswith(("grub", "gcd", "shim")):
        return Loader.GRUB_EFI
    if name.startswith(_NOT_OURS) or lower.startswith("\\efi\\boot\\") or lower.startswith("\\efi\\microsoft\\"):
        return None
    if lower.startswith("\\efi\\linux\\"):
        return "a unified kernel image started by the firmware"
    return next((title for mark, title in _OTHER_FILES if mark in lower), path)


def uefi_loader(paths: Sequence[str], grub: bool, systemd_boot: bool) -> Union[Loader, Tuple[str, ...]]:
    """The loader of a UEFI machine, or the names of what was found instead of one that is known.

    ``paths`` are the files of its active entries in BootOrder; ``grub`` and ``systemd_boot`` say whose files are there.
    """
    installed = {Loader.GRUB_EFI: grub, Loader.SYSTEMD_BOOT: systemd_boot}
    others = []
    for path in paths:
        found = loader_of_path(path)
        if isinstance(found, Loader) and installed[found]:
            return found
        if isinstance(found, str):
            others.append(found)
    # shim also starts systemd-boot, and without entries the firmware starts \EFI\BOOT: then the files decide
    for loader, there in installed.items():
        if there:
            return loader
    return tuple(dict.fromkeys(others))


def esp_leftovers(names: Sequence[str]) -> Tuple[str, ...]:
    """Known loaders among the directories of an EFI system partition."""
    return tuple(dict.fromkeys(title for name in names for mark, title in _OTHER_FILES if mark in name.lower()))


def config_name(found: Sequence[str]) -> Tuple[str, ...]:
    """Loaders that configuration files speak of: paths that are there → names."""
    titles = {"/etc/lilo.conf": "LILO", "/boot/extlinux/extlinux.conf": "EXTLINUX", "/etc/zipl.conf": "zipl",
              "/boot/grub/menu.lst": "GRUB Legacy", "/etc/yaboot.conf": "yaboot"}
    return tuple(dict.fromkeys(titles.get(path, posixpath.basename(path)) for path in found))


CONFIG_FILES = ("/etc/lilo.conf", "/boot/extlinux/extlinux.conf", "/etc/zipl.conf", "/etc/yaboot.conf")
