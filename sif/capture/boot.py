"""How the machine starts: firmware, boot loader, EFI entries, kernel command line."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import dataclass
from typing import Callable, Mapping, Sequence, Tuple

from sif import look
from sif.capture.errors import NotRestorable
from sif.model import Boot, EfiEntry, FileSystem, Firmware, Loader, Partition, Ref

_EFI = "/sys/firmware/efi"
_SECURE_BOOT = "SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
_OWN_ENTRY = "Lifeboat recovery"
_SECONDS = 30.0
_BOOT_CODE_BYTES = 440

_ENTRY = re.compile(r"Boot([0-9A-Fa-f]{4})\*\s+(.+?)\s+HD\(\d+,GPT,([0-9A-Fa-f-]{36})[^)]*\)/(.*)$")


@dataclass(frozen=True)
class RawEntry:
    """One line of ``efibootmgr -v``: number, label, the partition's GUID and the file's path."""

    number: str
    label: str
    partition: str
    path: str


def firmware(efi: str = _EFI) -> Firmware:
    return Firmware.UEFI if look.is_dir(efi) else Firmware.BIOS


def secure_boot(efi: str = _EFI) -> bool:
    """Whether Secure Boot is on: the last byte of the EFI variable."""
    try:
        return look.data(f"{efi}/efivars/{_SECURE_BOOT}")[-1:] == b"\x01"
    except OSError:
        return False


def parse_efibootmgr(text: str) -> Tuple[Tuple[str, ...], Tuple[RawEntry, ...]]:
    """BootOrder, and the active entries that start a file on a GPT partition, of ``efibootmgr -v``.

    Versions before 18 write ``HD(...)/File(\\EFI\\...)``, later ones ``HD(...)/\\EFI\\...``.
    """
    order: Tuple[str, ...] = ()
    entries = []
    for line in text.splitlines():
        if line.startswith("BootOrder:"):
            order = tuple(line.partition(":")[2].strip().split(","))
        found = _ENTRY.match(line)
        if found:
            number, label, partition, rest = found.groups()
            entries.append(RawEntry(number.upper(), label.strip(), partition.lower(), _file_path(rest)))
    return order, tuple(entries)


def _file_path(rest: str) -> str:
    """The path behind ``HD(...)/``, without the optional data that may follow it."""
    inside = re.match(r"File\(([^)]*)\)", rest)
    return inside.group(1) if inside else re.split(r"[\t{]", rest)[0].strip()


def efi_entries(order: Sequence[str], raw: Sequence[RawEntry], esp_of: Mapping[str, str]) -> Tuple[EfiEntry, ...]:
    """The entries of this system as records, numbered in BootOrder.

    ``esp_of`` maps partition GUIDs to ids of file systems. The firmware's numbers are not kept: a new machine's
    firmware gives its own. Our own recovery entry never belongs to a system.
    """
    by_number = {entry.number: entry for entry in raw}
    ours = [by_number[n.upper()] for n in order if n.upper() in by_number]
    ours = [entry for entry in ours if entry.partition in esp_of and entry.label != _OWN_ENTRY]
    return tuple(EfiEntry(id=str(i), label=entry.label, esp=Ref(esp_of[entry.partition]), path=entry.path)
                 for i, entry in enumerate(ours, 1))


def clean_cmdline(text: str) -> str:
    """The kernel command line without what the boot loader adds."""
    return " ".join(w for w in text.split() if not w.startswith(("BOOT_IMAGE=", "initrd=")))


def has_grub_boot_code(first_sector: bytes) -> bool:
    """Whether a disk's first sector holds GRUB's boot code (its ``GRUB`` message)."""
    return b"GRUB" in first_sector[:_BOOT_CODE_BYTES]


def probe_boot(
    filesystems: Sequence[FileSystem], partitions: Sequence[Partition], disk_paths: Mapping[str, str],
    read: Callable[[str], bytes],
) -> Tuple[Boot, Tuple[EfiEntry, ...]]:
    """The boot loader and the firmware's entries. Raises NotRestorable when the loader is not GRUB.

    ``disk_paths`` maps disk ids to device paths, ``read`` returns a device's first sector.
    """
    cmdline = clean_cmdline(look.text("/proc/cmdline"))
    prefix = next((p for p in ("/boot/grub", "/boot/grub2") if look.is_dir(p)), None)
    if prefix is None:
        raise NotRestorable("the boot loader of this machine can't be restored", found="no /boot/grub", wanted="GRUB")
    if firmware() is Firmware.BIOS:
        disks = tuple(Ref(ident) for ident, path in disk_paths.items() if has_grub_boot_code(read(path)))
        return Boot(loader=Loader.GRUB_PC, disks=disks, cmdline=cmdline, grub_prefix=prefix), ()
    esp = tuple(fs for fs in filesystems if fs.mount in ("/boot/efi", "/efi"))
    guid_of = {p.id: p.uuid for p in partitions}
    esp_of = {guid: fs.id for fs in esp for guid in (guid_of.get(fs.device),) if guid}
    order, raw = _efibootmgr()
    entries = efi_entries(order, raw, esp_of)
    shim = any(_has_shim(f"{fs.mount}/EFI") for fs in esp)
    return Boot(loader=Loader.GRUB_EFI, esp=tuple(Ref(fs.id) for fs in esp), shim=shim, cmdline=cmdline,
                grub_prefix=prefix, boot_order=tuple(Ref(e.id) for e in entries)), entries


def _has_shim(folder: str) -> bool:
    return any(fnmatch.fnmatch(name, "shim*.efi") for vendor in look.entries(folder)
               for name in look.entries(f"{folder}/{vendor}"))


def _efibootmgr() -> Tuple[Tuple[str, ...], Tuple[RawEntry, ...]]:
    if not look.have("efibootmgr"):
        return (), ()
    result = look.run(["efibootmgr", "-v"], timeout=_SECONDS, check=False)
    return parse_efibootmgr(result.stdout) if result.ok else ((), ())
