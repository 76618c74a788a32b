"""A machine that started by BIOS on one that starts by UEFI, and the other way round.

What the new firmware starts from is added (an EFI system partition; a BIOS boot partition on GPT disks), the boot
loader becomes the other GRUB, which reads the restored system's own menu. An EFI system partition stays even where
nothing starts from it: the system's fstab mounts it. A BIOS boot partition holds nothing and goes.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Optional

from rescue.planner.errors import Reason
from rescue.planner.layout import Layout
from rescue.planner.sketch import Cause, Sketch
from sif.model import (
    Boot,
    Disk,
    EfiEntry,
    FileSystem,
    Firmware,
    FsType,
    Loader,
    Partition,
    Ref,
    TableType,
)

CODE = "firmware"
"""Code of the one adjustment of SYSTEM that every change of the firmware has."""

ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
BIOS_BOOT_TYPE = "21686148-6449-6e6f-744e-656564454649"
MBR_ESP_TYPE = "0xef"
ESP_BYTES = 256 << 20
BIOS_BOOT_BYTES = 1 << 20
FALLBACK = "\\EFI\\BOOT\\BOOTX64.EFI"
"""What firmware starts from a disk that has no entry of its own (UEFI 2.10, 3.5.1.1)."""

_GAP = (40, 2008)
"""First sector and sectors of a BIOS boot partition before the first MiB, where partitions leave that free."""


def adapt_firmware(sketch: Sketch, firmware: Firmware) -> Optional[Reason]:
    """Make the sketch start by that firmware; why not, if it cannot."""
    system, boot = sketch.single["SYSTEM"], sketch.single["BOOT"]
    if system.firmware is firmware:
        return None
    why = f"it started by {system.firmware.value.upper()}, this machine starts by {firmware.value.upper()}"
    hint = f"or start the rescue system in {system.firmware.value.upper()} mode (firmware setup)"
    if boot is None or boot.loader not in (Loader.GRUB_PC, Loader.GRUB_EFI):
        return Reason(CODE, system.id, f"{why}; its boot loader has no counterpart there", hint[3:])
    if _encrypted(sketch):
        return Reason(CODE, system.id, f"{why}; its boot loader's files are on an encrypted volume", hint[3:])
    disk = _boot_disk(sketch)
    if disk is None:
        return Reason(CODE, system.id, f"{why}; its boot volume is not on a disk with a partition table", hint[3:])
    failed = _to_uefi(sketch, disk, boot, why) if firmware is Firmware.UEFI else _to_bios(sketch, disk, boot, why)
    if failed:
        return Reason(CODE, system.id, f"{why}; {failed}", hint[3:])
    sketch.put(replace(system, firmware=firmware, secure_boot=system.secure_boot and firmware is Firmware.UEFI), Cause(
        CODE, why, "the rescue system's GRUB is installed for it, which shows the restored system's own menu; install "
        "the distribution's package for this firmware afterwards", True))
    return None


def _boot_disk(sketch: Sketch) -> Optional[Disk]:
    for ident in Layout(sketch.result()).under_tree(sketch.single["SYSTEM"].boot_fs):
        if sketch.disks[ident].table is not TableType.NONE:
            return sketch.disks[ident]
    return None


def _encrypted(sketch: Sketch) -> bool:
    """Whether what the boot loader reads lies on an encrypted volume: its menu would ask for a passphrase."""
    layout = Layout(sketch.result())
    wanted = sketch.single["SYSTEM"].boot_fs
    trees = {sub.id: sub.btrfs for sub in sketch.subvolumes.values()}
    owner = trees.get(wanted, wanted)
    fs, btrfs = sketch.filesystems.get(owner), sketch.btrfs.get(owner)
    waiting = [*((fs.device,) if fs else ()), *(btrfs.devices if btrfs else ())]
    seen = set()
    while waiting:
        ident = waiting.pop()
        if ident in sketch.luks:
            return True
        if ident not in seen:
            seen.add(ident)
            waiting += layout.below(ident)
    return False


def _to_uefi(sketch: Sketch, disk: Disk, boot: Boot, why: str) -> Optional[str]:
    for part in [p for p in sketch.partitions.values() if p.type == BIOS_BOOT_TYPE and p.id not in sketch.holder]:
        sketch.remove("PARTITION", part.id, Cause("firmware-bios-boot-dropped", why, "it held the BIOS loader's image"))
    esp = _esp(sketch)
    if esp is None:
        made = _added(sketch, disk, "esp", ESP_BYTES, ESP_TYPE, MBR_ESP_TYPE, "EFI System Partition", why)
        if made is None:
            return f"the partition table of {disk.id} has no free entry for an EFI system partition"
        serial = uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), "esp").hex[:8].upper()
        taken = any(fs.mount == "/boot/efi" for fs in sketch.filesystems.values())
        esp = FileSystem(_free_id(sketch, "esp"), Ref(made.id), FsType.VFAT, f"{serial[:4]}-{serial[4:]}",
                         mount=None if taken else "/boot/efi", options="umask=0077", content="none")
        sketch.put(esp, Cause("firmware-esp-added", why, "the firmware starts the loader from it; fstab gets a line"))
        sketch.holder[made.id] = ("FS", esp.id)
    entry = EfiEntry("1", "Linux", Ref(esp.id), FALLBACK)
    sketch.put(entry, Cause("firmware-efi-entry", why, "the firmware's menu names the loader"))
    sketch.put(replace(boot, loader=Loader.GRUB_EFI, disks=(), esp=(Ref(esp.id),), boot_order=(Ref("1"),)),
               Cause("firmware-loader", why, "GRUB is installed as UEFI program"))
    return None


def _to_bios(sketch: Sketch, disk: Disk, boot: Boot, why: str) -> Optional[str]:
    area = any(p.type == BIOS_BOOT_TYPE and p.disk == disk.id for p in sketch.partitions.values())
    if disk.table is TableType.GPT and not area and _added(
            sketch, disk, "biosboot", BIOS_BOOT_BYTES, BIOS_BOOT_TYPE, "", None, why) is None:
        return f"the partition table of {disk.id} has no free entry for a BIOS boot partition"
    for entry in list(sketch.records["EFIENTRY"]):
        sketch.remove("EFIENTRY", entry, Cause("firmware-efi-entry", why, "a BIOS has no such entries"))
    sketch.put(replace(boot, loader=Loader.GRUB_PC, disks=(Ref(disk.id),), esp=(), boot_order=(), shim=False),
               Cause("firmware-loader", why, f"GRUB is installed in the boot area of {disk.id}"))
    return None


def _esp(sketch: Sketch) -> Optional[FileSystem]:
    """An EFI system partition that is there already."""
    for fs in sketch.filesystems.values():
        part = sketch.partitions.get(fs.device)
        if part is not None and part.type in (ESP_TYPE, MBR_ESP_TYPE) and fs.type is FsType.VFAT and fs.mount:
            return fs
    return None


def _added(sketch: Sketch, disk: Disk, name: str, size: int, gpt_type: str, mbr_type: str, label: Optional[str],
           why: str) -> Optional[Partition]:
    """A new partition behind the others, or in front of them where a small one has room; None: no free entry."""
    mbr = disk.table is TableType.MBR
    used = {part.number for part in (*sketch.on_disk(disk.id), *sketch.origin.on_disk(disk.id))}
    number = next((n for n in range(1, 5 if mbr else (disk.gpt_entries or 128) + 1) if n not in used), None)
    if number is None:
        return None
    start = max((p.start_sector + p.sectors for p in sketch.on_disk(disk.id)), default=0)
    sectors = size // disk.logical_sector
    first = min((p.start_sector for p in sketch.on_disk(disk.id)), default=0)
    if size <= BIOS_BOOT_BYTES and disk.logical_sector == 512 and first >= sum(_GAP):
        start, sectors = _GAP
        sketch.put(replace(sketch.disks[disk.id], first_lba=34), Cause(
            "firmware-first-sector", why, "the table allows partitions from sector 34 on"))
    made = Partition(_free_id(sketch, f"{disk.id}p{number}"), Ref(disk.id), number, start, sectors,
                     mbr_type if mbr else gpt_type, name=None if mbr else label, uuid=None if mbr else str(uuid.uuid5(
                         uuid.UUID(sketch.saved.version.set_id), f"partition {name}")))
    sketch.put(made, Cause("firmware-partition", why, "the firmware or its loader needs it"))
    return made


def _free_id(sketch: Sketch, wanted: str) -> str:
    taken = {ident for at in (sketch, sketch.origin) for records in at.records.values() for ident in records}
    return next(name for name in (wanted, *(f"{wanted}x{n}" for n in range(1, 1000))) if name not in taken)
