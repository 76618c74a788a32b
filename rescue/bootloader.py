"""Makes the restored machine start by itself, without changing a file of the restored tree."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Tuple

from rescue.chroot import chroot_mounts
from rescue.durable import keeping_times
from rescue.efi import LABEL, EfiBoot
from rescue.failures import BootLoaderFailed
from rescue.other_firmware import changed_firmware, install_bios, install_uefi
from rescue.plan import RestorePlan
from sif.errors import CommandFailed, ToolMissing
from sif.model import Boot, EfiEntry, Firmware, Loader, Partition, SystemInformation
from sif.run import run

_BIOS_SETUP = ("/usr/lib/grub/i386-pc/grub-bios-setup", "/usr/sbin/grub-bios-setup", "grub-bios-setup")
"""Debian ships it beside GRUB's modules, others among the programs."""


@dataclass(frozen=True)
class EfiTarget:
    """A saved boot entry on the present machine: disk path, partition number and GUID, and the loader's path.

    ``data`` is its optional data in hexadecimal, ``in_order`` whether it belongs to BootOrder.
    """

    label: str
    disk: str
    part_number: int
    partition: str
    path: str
    file: Path
    active: bool = True
    data: str = ""
    in_order: bool = True


def make_bootable(saved: SystemInformation, plan: RestorePlan, target: Path, firmware: Firmware) -> Tuple[str, ...]:
    """Install the boot path of the restored system and return what was done, for the report.

    Raises :class:`BootLoaderFailed`. Can be repeated.
    """
    saved = plan.target_of(saved)
    if saved.boot is None:
        raise BootLoaderFailed("the SIF does not say how the machine starts", wanted="a [BOOT] section",
                               hint="install the boot loader by hand (chroot), then remove /lifeboat")
    other = changed_firmware(plan)
    if saved.boot.loader is Loader.GRUB_PC and other:
        return tuple(line for disk in saved.boot.disks
                     for line in install_bios(saved.boot, plan.path_of(disk), target))
    if saved.boot.loader is Loader.GRUB_PC:
        return _bios(saved.boot, plan, target)
    if firmware is not Firmware.UEFI:
        raise BootLoaderFailed("the restored system starts by UEFI, but this machine started by BIOS",
                               hint="switch the firmware to UEFI mode and start again")
    done = install_uefi(saved, target) if other else ()
    return (*done, *_uefi(saved, saved.boot, plan, target))


def _bios(boot: Boot, plan: RestorePlan, target: Path) -> Tuple[str, ...]:
    """Write the restored core image into the boot area of every disk that held it."""
    prefix = target / (boot.grub_prefix or "/boot/grub").strip("/") / "i386-pc"
    done = []
    for saved_disk in boot.disks:
        disk = plan.path_of(saved_disk)
        if (prefix / "boot.img").is_file() and (prefix / "core.img").is_file():
            _bios_setup(prefix, disk)
            done.append(f"{disk}: boot sector from the restored {prefix.name}/boot.img and core.img")
        else:
            _install_in_chroot(target, disk)
            done.append(f"{disk}: grub-install of the restored system (its core image was not in the backup)")
    if not done:
        raise BootLoaderFailed("the SIF names no disk that starts the machine", where="BOOT.disks")
    return tuple(done)


def _bios_setup(prefix: Path, disk: str) -> None:
    """The images are those of the restored files, so the machine starts exactly what it started before."""
    try:
        with keeping_times(prefix):
            run([_tool(_BIOS_SETUP), f"--directory={prefix}", disk], timeout=120)
    except (CommandFailed, ToolMissing) as error:
        raise BootLoaderFailed("the boot sector could not be written", where=disk, found=error.found,
                               hint="look at the partition table: a GPT disk needs a BIOS boot partition") from error


def _tool(paths: Tuple[str, ...]) -> str:
    """The first of the programs that is there, else the last one, whose absence is then reported."""
    return next((path for path in paths if Path(path).is_file()), paths[-1])


def _install_in_chroot(target: Path, disk: str) -> None:
    try:
        with chroot_mounts(target):
            run(["chroot", str(target), "grub-install", "--target=i386-pc", disk], timeout=600)
    except (CommandFailed, ToolMissing) as error:
        raise BootLoaderFailed("grub-install of the restored system failed", where=disk, found=error.found) from error


def _uefi(saved: SystemInformation, boot: Boot, plan: RestorePlan, target: Path) -> Tuple[str, ...]:
    """Make the firmware's entries again, in the saved order; an entry that is still there is used as it is."""
    efi = EfiBoot()
    entries = ordered_entries(saved, boot)
    targets = [replace(efi_target(saved, plan, target, entry), in_order=entry.id in boot.boot_order or
                       not boot.boot_order) for entry in entries]
    missing = [str(t.file) for t in targets if not t.file.is_file()]
    if missing or not targets:
        raise BootLoaderFailed("a loader that the firmware starts is not in the restored tree",
                               found=", ".join(missing) or "no EFI entry in the SIF",
                               hint="is the EFI system partition part of the backup?")
    try:
        numbers: List[str] = []
        startable: List[str] = []
        done: List[str] = []
        for wanted in targets:
            present = efi.read().matching(wanted.label, wanted.partition, wanted.path)
            number = present.number if present else efi.create(wanted.label, wanted.disk, wanted.part_number,
                                                               wanted.path, wanted.data)
            if (present.active if present else True) is not wanted.active:
                efi.set_active(number, wanted.active)
            if wanted.in_order:
                numbers.append(number)
                startable += [number] if wanted.active else []
            done.append(f"Boot{number}: {wanted.label} {wanted.path}" + (" (was there)" if present else ""))
        for ours in efi.read().named(LABEL):
            efi.delete(ours.number)
        efi.order_first(numbers)
        # The medium may still be first in the firmware's own order; the next start is the restored system's.
        efi.next(startable[0] if startable else None)
    except (CommandFailed, ToolMissing) as error:
        raise BootLoaderFailed("the firmware's boot entries could not be written", found=str(error),
                               hint="choose the entry in the firmware's own menu") from error
    return tuple(done)


def ordered_entries(saved: SystemInformation, boot: Boot) -> Tuple[EfiEntry, ...]:
    """The saved entries in BootOrder; those that were in no order come last."""
    order: Dict[str, int] = {ident: place for place, ident in enumerate(boot.boot_order)}
    return tuple(sorted(saved.efi_entries, key=lambda entry: (order.get(entry.id, len(order)), entry.id)))


def efi_target(saved: SystemInformation, plan: RestorePlan, target: Path, entry: EfiEntry) -> EfiTarget:
    """Where a saved entry points on the present machine."""
    filesystem = next(fs for fs in saved.filesystems if fs.id == entry.esp)
    partition = saved.find("PARTITION", filesystem.device)
    if not isinstance(partition, Partition) or not filesystem.mount:
        raise BootLoaderFailed("a boot entry's file system is not a mounted partition", where=f"EFIENTRY {entry.id}",
                               found=f"{filesystem.id} on {filesystem.device}")
    below = entry.path.replace("\\", "/").strip("/")
    return EfiTarget(entry.label, plan.path_of(partition.disk), partition.number, (partition.uuid or "").lower(),
                     entry.path, target / filesystem.mount.strip("/") / below, entry.active, entry.data or "")
