"""The boot path to phase 2 on the machine's own disk: GRUB in the boot sector, or files and an entry under UEFI."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence, Tuple

from rescue.blockdev import BlockDevices, partition_number
from rescue.durable import copy_verified, sha256_of, sync_directory, write_durably
from rescue.efi import LABEL, EfiBoot
from rescue.failures import StagingFailed
from rescue.job import PlacedFile
from rescue.staging.grubcfg import GrubPlace, entry_cfg
from sif.errors import CommandFailed
from sif.run import run

_LIBRARY = Path("/usr/lib")
MARK_TIME = 946684800
"""Modification time of our files on the ESP (2000-01-01): tells them from restored files of the same content."""

@dataclass(frozen=True)
class EfiNames:
    """Names on the EFI system partition, and the signed programs under ``/usr/lib``, the first there is of each.

    ``suffix`` is the architecture's in names of EFI programs (UEFI 2.10, 3.5.1.1), ``platform`` is GRUB's name of it.
    """

    suffix: str
    platform: str

    @property
    def loader(self) -> str:
        return f"EFI/lifeboat/shim{self.suffix}.efi"

    @property
    def fallback(self) -> str:
        """What firmware starts from a disk without an entry of its own."""
        return f"EFI/BOOT/BOOT{self.suffix.upper()}.EFI"

    @property
    def shim(self) -> Tuple[str, ...]:
        return (f"shim/shim{self.suffix}.efi.signed",)

    @property
    def mok(self) -> Tuple[str, ...]:
        return (f"shim/mm{self.suffix}.efi.signed", f"shim/mm{self.suffix}.efi")

    @property
    def grub(self) -> Tuple[str, ...]:
        return (f"grub/{self.platform}-signed/gcd{self.suffix}.efi.signed",
                f"grub/{self.platform}/monolithic/gcd{self.suffix}.efi")


_EFI = {"x86_64": EfiNames("x64", "x86_64-efi"), "aarch64": EfiNames("aa64", "arm64-efi")}
"""By the kernel's name of the architecture (``uname -m``)."""


def efi_names() -> EfiNames:
    """Those of this machine. Raises :class:`StagingFailed` for an architecture that no image is built for."""
    machine = os.uname().machine
    if machine not in _EFI:
        raise StagingFailed("phase 2 cannot be started on this architecture", where="uname -m", found=machine,
                            wanted=" or ".join(_EFI), hint="start the rescue system on a machine of one of these")
    return _EFI[machine]


def install_bios(stage_directory: Path, place: GrubPlace, disks: Sequence[str]) -> None:
    """Make a BIOS start phase 2: GRUB with its files in ``lifeboat/grubdir`` on every disk (device paths) given.

    Raises :class:`StagingFailed`, for example when a GPT disk has no BIOS boot partition.
    """
    boot_directory = stage_directory / "grubdir"
    boot_directory.mkdir(exist_ok=True)
    for disk in disks:
        try:
            run(["grub-install", "--target=i386-pc", f"--boot-directory={boot_directory}", "--no-floppy",
                 "--locales=", "--fonts=", disk], timeout=300)
        except CommandFailed as error:
            raise StagingFailed("GRUB could not be put on the machine's disk", where=disk, found=error.found,
                                hint="a GPT disk needs a BIOS boot partition, an MBR disk room before its first "
                                "partition") from error
    write_durably(boot_directory / "grub" / "grub.cfg", entry_cfg(place))


def install_uefi(esp: Path, menu: GrubPlace) -> Tuple[PlacedFile, ...]:
    """Put shim and GRUB on the ESP and return the files placed there.

    The signed CD GRUB reads its configuration from ``/boot/grub`` of the device it was loaded from. The fallback
    loader is added where there is none, for firmware that forgets its entries.
    """
    names = efi_names()
    shim, grub, mok = (_first(candidates) for candidates in (names.shim, names.grub, names.mok))
    beside = ((grub, f"grub{names.suffix}.efi"), (mok, f"mm{names.suffix}.efi"))
    wanted = [(shim, names.loader), *((source, f"EFI/lifeboat/{name}") for source, name in beside)]
    if not (esp / names.fallback).exists():
        wanted += [(shim, names.fallback), *((source, f"EFI/BOOT/{name}") for source, name in beside)]
    placed = [place_on_esp(esp, source, path) for source, path in wanted]
    config = esp / "boot/grub/grub.cfg"
    config.parent.mkdir(parents=True, exist_ok=True)
    write_durably(config, entry_cfg(menu))
    os.utime(config, (MARK_TIME, MARK_TIME))
    placed.append(PlacedFile("boot/grub/grub.cfg", sha256_of(config)))
    return tuple(placed)


def announce_uefi(devices: BlockDevices, esp_device: str, efi: EfiBoot) -> None:
    """Make the firmware start our loader next time and, until clean-up, every time."""
    device = devices.by_path(esp_device)
    if device is not None and device.type.startswith("raid") and device.parents:
        # On a mirror with its superblock at the end each member is an EFI system partition of its own.
        device = devices.by_kname(device.parents[0])
    number_on_disk = partition_number(device) if device is not None else None
    if device is None or number_on_disk is None or len(devices.disks_under(device)) != 1:
        raise StagingFailed("the EFI system partition is not a partition of one disk", where=esp_device)
    disk = devices.disks_under(device)[0]
    for entry in efi.read().named(LABEL):
        efi.delete(entry.number)
    number = efi.create(LABEL, f"/dev/{disk}", number_on_disk,
                        "\\" + efi_names().loader.replace("/", "\\"))
    efi.order_first((number,))
    efi.next(number)


def is_ours(path: Path, placed: PlacedFile) -> bool:
    """Whether a file on the ESP is still the one that staging put there, and not a restored one in its place."""
    return path.is_file() and int(path.stat().st_mtime) == MARK_TIME and sha256_of(path) == placed.sha256


def place_on_esp(esp: Path, source: Path, path: str) -> PlacedFile:
    """Copy a file of ours to ``path`` on the mounted ESP, read it back, and mark it as ours."""
    target = esp / path
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = copy_verified(source, target)
    os.utime(target, (MARK_TIME, MARK_TIME))
    sync_directory(target.parent)
    return PlacedFile(path, digest)


def _first(candidates: Sequence[str]) -> Path:
    for name in candidates:
        if (_LIBRARY / name).is_file():
            return _LIBRARY / name
    raise StagingFailed("the rescue image lacks a file of the boot path", where=str(_LIBRARY / candidates[0]),
                        hint="build the image with shim-signed and the signed GRUB of this architecture")
