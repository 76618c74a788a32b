"""The machine around a ReaR layout's storage: its name, its firmware, how it starts."""

from __future__ import annotations

from typing import FrozenSet, List, Optional, Sequence, Tuple, Union

from sif.checks.common import device
from sif.convert.identity import Identities, is_hostname
from sif.convert.rear_side import UEFI_VARIABLES
from sif.convert.report import Ledger
from sif.convert.vgcfg import Metadata
from sif.keys import CARRIERS
from sif.model import (
    Boot,
    Btrfs,
    Disk,
    FileSystem,
    Firmware,
    FsType,
    Loader,
    LogicalVolume,
    Luks,
    MdArray,
    Partition,
    PhysicalVolume,
    Record,
    Ref,
    Subvolume,
    System,
    SystemInformation,
)
from sif.plain import dataclass, replace

Mountable = Union[FileSystem, Subvolume, Btrfs]

_GRUB = ("GRUB2", "GRUB2-EFI")
_ESP_MOUNTS = ("/boot/efi", "/efi")
_BIOS_BOOT = "21686148-6449-6e6f-744e-656564454649"


@dataclass(frozen=True)
class Hints:
    """What the source says of the machine.

    ``loader`` is the name in ReaR's recovery/bootloader and its place, ``uefi`` whether EFI variables were saved,
    ``flagged`` the partitions with parted's flag esp, ``hostname`` what the operator gave.
    """

    file: str
    loader: Optional[Tuple[str, str]]
    uefi: bool
    flagged: FrozenSet[str]
    metadata: Sequence[Metadata]
    hostname: Optional[str]


def with_machine(info: SystemInformation, hints: Hints, identities: Identities, ledger: Ledger) -> SystemInformation:
    """``info`` with SYSTEM and BOOT; what the source does not say is in the ledger."""
    mountable: Tuple[Mountable, ...] = (*info.filesystems, *info.subvolumes, *info.btrfs)
    root = next((fs for fs in mountable if fs.mount == "/"), None)
    boot_fs = next((fs for fs in mountable if fs.mount == "/boot"), root)
    if root is None:
        ledger.lost(hints.file, "root file system", "no carried file system is mounted at /")
    esp = _esp(info.filesystems, hints.flagged)
    firmware = _firmware(esp, hints, ledger)
    name, arch = _names(hints, identities, ledger)
    ledger.left(hints.file, "os, kernel, machine id, time zone, locale, network, hardware",
                "a disk layout does not describe them; the keys and the sections NIC and DEVICE are absent")
    ledger.left(hints.file, "STORE and COMMAND", "where the backup is and how it is restored is not in the layout; "
                "without a COMMAND the set rebuilds the disks and restores no file")
    ident = name.split(".")[0]
    ledger.place("SYSTEM", ident, hints.file)
    system = System(id=ident, hostname=name, firmware=firmware, arch=arch,
                    boot_fs=Ref(boot_fs.id if boot_fs else "boot"), root_fs=Ref(root.id if root else "root"))
    return replace(info, system=system, boot=_boot(info, firmware, esp, boot_fs, hints, ledger))


def _esp(filesystems: Sequence[FileSystem], flagged: FrozenSet[str]) -> Optional[FileSystem]:
    fat = [fs for fs in filesystems if fs.type is FsType.VFAT]
    mounted = [fs for fs in fat if fs.mount in _ESP_MOUNTS]
    return next(iter([*mounted, *(fs for fs in fat if fs.device in flagged)]), None)


def _firmware(esp: Optional[FileSystem], hints: Hints, ledger: Ledger) -> Firmware:
    if hints.uefi or (hints.loader is not None and "EFI" in hints.loader[0]):
        ledger.assumed(hints.loader[1] if hints.loader else hints.file, "firmware",
                       "uefi, as ReaR's recovery files say", UEFI_VARIABLES if hints.uefi or not hints.loader
                       else hints.loader[0])
        return Firmware.UEFI
    found = Firmware.UEFI if esp is not None else Firmware.BIOS
    ledger.assumed(hints.file, "firmware", f"{found.value}: the layout has {'an' if esp else 'no'} "
                   "EFI system partition")
    return found


def _names(hints: Hints, identities: Identities, ledger: Ledger) -> Tuple[str, str]:
    """Host name and architecture: given, from LVM's metadata, or made up; the ledger says which."""
    hostname = hints.hostname
    hosts: List[Metadata] = [data for data in hints.metadata if data.host and is_hostname(data.host)]
    if hostname is None and hosts:
        hostname = str(hosts[0].host)
        ledger.assumed(f"lvm/{hosts[0].name}.cfg", "hostname", f"{hostname}: the host that wrote LVM's metadata")
    if hostname is None:
        hostname = identities.hostname()
        ledger.generated(hints.file, "hostname", f"{hostname}: the layout does not name the machine; --hostname does")
    arch = next((data.arch for data in hints.metadata if data.arch), None)
    ledger.assumed(hints.file, "arch", f"{arch}, as LVM's metadata says" if arch else
                   "x86_64: the layout does not say")
    return hostname, arch or "x86_64"


def _boot(info: SystemInformation, firmware: Firmware, esp: Optional[FileSystem], boot_fs: Optional[Mountable],
          hints: Hints, ledger: Ledger) -> Optional[Boot]:
    loader, file = hints.loader, hints.file
    where = loader[1] if loader else file
    if loader is not None and loader[0] not in _GRUB:
        ledger.lost(where, "boot loader", "this version restores GRUB 2 only", loader[0])
        return None
    if loader is None:
        ledger.assumed(file, "BOOT loader", "GRUB 2: there is no recovery/bootloader beside the layout")
    ledger.left(file, "BOOT cmdline, grub_prefix, shim and the EFI entries", "ReaR's layout does not record them")
    if firmware is Firmware.UEFI:
        if esp is None:
            ledger.lost(where, "boot loader", "UEFI firmware, but no carried EFI system partition")
            return None
        return Boot(loader=Loader.GRUB_EFI, esp=(Ref(esp.id),))
    disk = _disk_below(info, boot_fs)
    if disk is None:
        ledger.lost(where, "boot loader", "no carried disk holds the system volume")
        return None
    ledger.assumed(where, "BOOT disks", f"{disk}, the disk with the system volume: the layout does not say which disk "
                   "has boot code")
    return Boot(loader=Loader.GRUB_PC, disks=(Ref(disk),))


def _disk_below(info: SystemInformation, fs: Optional[Mountable]) -> Optional[str]:
    """The first disk that starts a BIOS machine: one with a BIOS boot partition, else the first one under ``fs``."""
    own = next((p.disk for p in info.partitions if p.type == _BIOS_BOOT), None)
    return own or (_below(info, fs) if fs else None)


def _below(info: SystemInformation, record: Optional[Record]) -> Optional[str]:
    """The first disk that something stands on, through any number of layers."""
    if isinstance(record, Disk):
        return record.id
    if isinstance(record, Partition):
        return record.disk
    if isinstance(record, Subvolume):
        return _below(info, info.find("BTRFS", record.btrfs))
    if isinstance(record, LogicalVolume) and record.segments:
        return _below(info, info.find("PV", record.segments[0].partition(":")[0]))
    if isinstance(record, LogicalVolume):
        part = next(iter((*record.parts, *(ref for ref in (record.pool, record.origin) if ref))), None)
        return _below(info, info.find("LV", part)) if part else None
    refs = record.devices if isinstance(record, Btrfs) else record.members if isinstance(record, MdArray) else ()
    ref = record.device if isinstance(record, (FileSystem, PhysicalVolume, Luks)) else next(iter(refs), None)
    return _below(info, device(info, ref, CARRIERS)) if ref else None
