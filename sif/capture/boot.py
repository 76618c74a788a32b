"""How the machine starts: firmware, boot loader, EFI entries, kernel command line."""

from __future__ import annotations

import fnmatch
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.bootconfig import clean_cmdline, configured_cmdline, grub_default, systemd_boot_default
from sif.capture.efi import EFI, RawEntry, efi_entries, own_entries, read_entries
from sif.capture.errors import NotRestorable
from sif.capture.loaders import (
    CONFIG_FILES,
    boot_code_name,
    config_name,
    esp_leftovers,
    has_grub_boot_code,
    uefi_loader,
)
from sif.capture.trees import offline
from sif.model import (
    Boot,
    EfiEntry,
    FileSystem,
    Firmware,
    FsType,
    Loader,
    MdArray,
    Partition,
    Ref,
    SystemInformation,
    TableType,
)
from sif.plain import dataclass

_ESP_TYPES = ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "0xef")
_ESP_PLACES = ("/boot/efi", "/efi", "/boot")
EXCLUDABLE = "boot-loader"
"""The name by which an administrator says that the machine has no loader of its own to restore."""


@dataclass(frozen=True)
class BootFacts:
    """The BOOT section, its EFIENTRY sections, and what could not be carried."""

    boot: Boot
    entries: Tuple[EfiEntry, ...] = ()
    notes: Tuple[str, ...] = ()


def firmware() -> Firmware:
    """How the running machine was started."""
    return Firmware.UEFI if look.is_dir(EFI) else Firmware.BIOS


def tree_firmware(info: SystemInformation, disk_paths: Mapping[str, str], read: Callable[[str], bytes]) -> Firmware:
    """How the system of another tree is started: as the running machine was, unless that can't be."""
    now = firmware()
    if now is Firmware.UEFI:
        return Firmware.UEFI if esps(info) else Firmware.BIOS
    started = any(has_grub_boot_code(read(path)) for path in disk_paths.values())
    return Firmware.BIOS if started or not esps(info) else Firmware.UEFI


def probe_boot(info: SystemInformation, disk_paths: Mapping[str, str], read: Callable[[str], bytes],
               excluded: Sequence[str] = ()) -> BootFacts:
    """The boot loader and the firmware's entries of the machine whose storage ``info`` holds.

    ``disk_paths`` maps disk ids to device paths, ``read`` returns a device's first sector. Raises NotRestorable, naming
    what is there, when the loader is none of those that can be restored, unless ``excluded`` has ``boot-loader``.
    """
    prefix = next((p for p in ("/boot/grub", "/boot/grub2") if look.is_dir(p)), None)
    if EXCLUDABLE in excluded:
        return BootFacts(Boot(loader=Loader.NONE, cmdline=_cmdline(info, None, ())),
                         notes=("the boot loader is excluded: a restored machine does not start by itself",))
    if info.system.firmware is Firmware.BIOS:
        return _bios(info, disk_paths, read, prefix)
    return _uefi(info, prefix)


def _bios(info: SystemInformation, disk_paths: Mapping[str, str], read: Callable[[str], bytes],
          prefix: Optional[str]) -> BootFacts:
    sectors = {ident: read(path) for ident, path in disk_paths.items()}
    disks = tuple(Ref(ident) for ident, sector in sectors.items() if has_grub_boot_code(sector))
    if prefix is None or not disks:
        names = dict.fromkeys((*config_name([path for path in CONFIG_FILES if look.exists(path)]),
                               *(name for name in map(boot_code_name, sectors.values()) if name)))
        raise _unknown(names, "no directory /boot/grub" if prefix is None else
                       "no disk whose first sector holds GRUB's boot code")
    return BootFacts(Boot(loader=Loader.GRUB_PC, disks=disks, cmdline=_cmdline(info, prefix, ()), grub_prefix=prefix,
                          default_entry=grub_default()))


def _uefi(info: SystemInformation, prefix: Optional[str]) -> BootFacts:
    order, raw = read_entries()
    found = esps(info)
    idle = () if found else _idle_esps(info)
    if idle:
        raise NotRestorable(
            "not restorable: the EFI system partition is not mounted", where=", ".join(fs.device for fs in idle),
            found="a file system that nothing mounts: no backup has the boot loader in it",
            wanted="it mounted at /boot/efi, /efi or /boot",
            hint="mount it now, and at every start (/etc/fstab); or leave the loader out: --exclude " + EXCLUDABLE)
    partitions = {uuid: fs.id for fs in found for uuid in _partition_names(info, fs)}
    ours = own_entries(order, raw, partitions)
    usable, notes = _usable(ours, {fs.id: fs for fs in found}, partitions)
    entries = efi_entries(order, usable, partitions)
    found = _in_order(found, entries)
    folders = [fs.mount for fs in found if fs.mount]
    systemd_boot = any(_files(f"{folder}/EFI/systemd", "systemd-boot*.efi") for folder in folders)
    loader = uefi_loader([entry.path for entry in usable if entry.active], prefix is not None, systemd_boot)
    if not isinstance(loader, Loader):
        names = dict.fromkeys((*loader, *esp_leftovers([n for f in folders for n in look.entries(f"{f}/EFI")])))
        raise _unknown(names, "neither /boot/grub nor \\EFI\\systemd on an EFI system partition"
                       if folders else "no EFI system partition that is mounted")
    grub = loader is Loader.GRUB_EFI
    numbers = [entry.number for entry in own_entries(order, usable, partitions)]
    boot = Boot(
        loader=loader, esp=tuple(Ref(fs.id) for fs in found), grub_prefix=prefix if grub else None,
        shim=any(_files(f"{folder}/EFI/{vendor}", "shim*.efi") for folder in folders
                 for vendor in look.entries(f"{folder}/EFI")),
        cmdline=_cmdline(info, prefix if grub else None, folders),
        default_entry=grub_default() if grub else systemd_boot_default((*folders, "/boot")),
        boot_order=tuple(Ref(entry.id) for entry, one in zip(entries, numbers) if one in order))
    return BootFacts(boot, entries, notes)


def _unknown(names: Mapping[str, None], otherwise: str) -> NotRestorable:
    return NotRestorable(
        "not restorable: the boot loader of this machine", found=", ".join(names) or otherwise,
        wanted="GRUB, or systemd-boot under UEFI",
        hint=f"if the machine is started by something else, leave the loader out: --exclude {EXCLUDABLE}")


def esps(info: SystemInformation) -> Tuple[FileSystem, ...]:
    """The EFI system partitions that are mounted: at the usual places first, then in the order of the disks."""
    found = [fs for fs in info.filesystems if fs.type is FsType.VFAT and fs.mount and (
        fs.mount in _ESP_PLACES or any(part.type in _ESP_TYPES for part in _below(info, fs)))]
    place = {mount: at for at, mount in enumerate(_ESP_PLACES)}
    return tuple(sorted(found, key=lambda fs: place.get(str(fs.mount), len(place))))


def _idle_esps(info: SystemInformation) -> Tuple[FileSystem, ...]:
    return tuple(fs for fs in info.filesystems if fs.type is FsType.VFAT and not fs.mount
                 and any(part.type in _ESP_TYPES for part in _below(info, fs)))


def _below(info: SystemInformation, fs: FileSystem) -> Tuple[Partition, ...]:
    """The partitions an ESP consists of: one, or the members of a mirror whose metadata the firmware does not see."""
    array = info.find("MD", fs.device)
    idents: Tuple[str, ...] = array.members if isinstance(array, MdArray) else (fs.device,)
    return tuple(part for part in (info.find("PARTITION", ident) for ident in idents) if isinstance(part, Partition))


def _partition_names(info: SystemInformation, fs: FileSystem) -> Tuple[str, ...]:
    """How the firmware's entries name the partitions of an ESP."""
    names: List[str] = []
    tables = {disk.id: disk for disk in info.disks}
    for part in _below(info, fs):
        disk = tables[part.disk]
        if part.uuid:
            names.append(part.uuid)
        elif disk.table is TableType.MBR and disk.table_id:
            names.append(f"{disk.table_id[2:]}-{part.number:02x}")
    return tuple(names)


def _usable(ours: Sequence[RawEntry], by_id: Mapping[str, FileSystem],
            partitions: Mapping[str, str]) -> Tuple[Tuple[RawEntry, ...], Tuple[str, ...]]:
    """The entries whose file is there: firmware keeps those of systems long gone, and they can't be made again."""
    kept: List[RawEntry] = []
    notes: List[str] = []
    for entry in ours:
        mount = str(by_id[partitions[entry.partition]].mount).rstrip("/")
        # an empty mount point is one that is not mounted now: then there is nothing to compare with
        if not look.entries(mount) or look.exists(mount + entry.path.replace("\\", "/")):
            kept.append(entry)
        else:
            notes.append(f"EFI entry {entry.label} is left out: there is no {entry.path} on {mount}")
    return tuple(kept), tuple(notes)


def _in_order(found: Sequence[FileSystem], entries: Sequence[EfiEntry]) -> Tuple[FileSystem, ...]:
    """The ESPs: the one at the usual place, then those that entries start from in their order, then the others."""
    first: Dict[str, int] = {}
    for at, entry in enumerate(entries):
        first.setdefault(entry.esp, at)
    return tuple(sorted(found, key=lambda fs: (fs.mount not in _ESP_PLACES, first.get(fs.id, len(entries)))))


def _cmdline(info: SystemInformation, prefix: Optional[str], folders: Sequence[str]) -> Optional[str]:
    """What the running kernel was given; for another tree, what its loader is configured to give."""
    if not offline():
        return clean_cmdline(look.text("/proc/cmdline"))
    return configured_cmdline(prefix, folders, info.system.kernel or "")


def _files(folder: str, pattern: str) -> bool:
    return any(fnmatch.fnmatch(name.lower(), pattern) for name in look.entries(folder))
