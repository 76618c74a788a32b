"""The firmware's boot entries, read from its variables; ``efibootmgr`` only where the kernel does not show them.

Source: UEFI 2.10, 3.1.3 (load options) and 10.3 (device paths); the kernel's efivarfs.
"""

from __future__ import annotations

import re
import struct
from typing import Iterator, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.names import uuid_text
from sif.later import regex
from sif.model import EfiEntry, Ref
from sif.plain import dataclass
from sif.problems import printable

EFI = "/sys/firmware/efi"
VARIABLES = f"{EFI}/efivars"
_GLOBAL = "8be4df61-93ca-11d2-aa0d-00e098032b8c"
_LOADER = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_OWN_ENTRY = "Lifeboat recovery"
_SECONDS = 30.0
_ACTIVE = 1
_MEDIA, _HARD_DRIVE, _FILE_PATH = 4, 1, 4
_GUID_SIGNATURE, _MBR_SIGNATURE = 2, 1
_FIRMWARES_MARKS = frozenset({"0000424f"})
"""Optional data that firmware itself adds to every entry (AMI's ``BO``): the next firmware adds its own."""

_ENTRY = regex(r"Boot([0-9A-Fa-f]{4})(\*?)\s+(.+?)\s+HD\(\d+,GPT,([0-9A-Fa-f-]{36})[^)]*\)/(.*)$")


@dataclass(frozen=True)
class RawEntry:
    """One boot entry that starts a file: its number, label, partition (GUID, or ``signature-number`` as the kernel
    names an MBR's), path, whether it is active, and its optional data in hexadecimal."""

    number: str
    label: str
    partition: str
    path: str
    active: bool = True
    data: str = ""


def secure_boot() -> bool:
    """Whether Secure Boot is on: the last byte of the EFI variable."""
    return _variable("SecureBoot")[-1:] == b"\x01"


def _variable(name: str, vendor: str = _GLOBAL) -> bytes:
    """A variable's content without the four bytes of attributes; empty if it is not there."""
    try:
        return look.data(f"{VARIABLES}/{name}-{vendor}")[4:]
    except OSError:
        return b""


def chosen_by_firmware() -> Optional[str]:
    """The entry that systemd-boot was told to start by default, kept in a variable of its own; None if not."""
    return _wide(_variable("LoaderEntryDefault", _LOADER)) or None


def read_entries() -> Tuple[Tuple[str, ...], Tuple[RawEntry, ...]]:
    """BootOrder, and the entries that start a file on a partition. Nothing without EFI variables."""
    names = [name for name in look.entries(VARIABLES) if re.fullmatch(rf"Boot[0-9A-F]{{4}}-{_GLOBAL}", name)]
    if not names:
        return _efibootmgr()
    raw = _variable("BootOrder")
    order = tuple(f"{number:04X}" for number, in struct.iter_unpack("<H", raw[:len(raw) & ~1]))
    found = (parse_load_option(name[4:8], _variable(name[:8])) for name in names)
    return order, tuple(entry for entry in found if entry is not None)


def parse_load_option(number: str, option: bytes) -> Optional[RawEntry]:
    """An EFI_LOAD_OPTION; None if it starts no file on a partition, or is cut short."""
    if len(option) < 8:
        return None
    attributes, length = struct.unpack_from("<IH", option)
    end = next((at for at in range(6, len(option) - 1, 2) if option[at:at + 2] == b"\0\0"), None)
    if end is None or end + 2 + length > len(option):
        return None
    partition, path = "", ""
    for kind, sub, node in _nodes(option[end + 2:end + 2 + length]):
        if (kind, sub) == (_MEDIA, _HARD_DRIVE) and len(node) >= 38:
            partition = _partition(node)
        elif (kind, sub) == (_MEDIA, _FILE_PATH):
            piece = _wide(node)
            path += piece if not path or piece.startswith("\\") or path.endswith("\\") else "\\" + piece
    if not partition or not path:
        return None
    data = option[end + 2 + length:].hex()
    return RawEntry(number.upper(), printable(_wide(option[6:end])), partition, path.replace("/", "\\"),
                    bool(attributes & _ACTIVE), "" if data in _FIRMWARES_MARKS else data)


def _nodes(path: bytes) -> Iterator[Tuple[int, int, bytes]]:
    """The nodes of a device path up to its end: type, subtype, data."""
    at = 0
    while at + 4 <= len(path):
        kind, sub, length = struct.unpack_from("<BBH", path, at)
        if kind == 0x7f or length < 4:
            return
        yield kind, sub, path[at + 4:at + length]
        at += length


def _partition(node: bytes) -> str:
    """The partition a hard drive node names, as PARTUUID names it; empty for a disk without a signature."""
    number, = struct.unpack_from("<I", node)
    signature, kind = node[20:36], node[37]
    if kind == _GUID_SIGNATURE:
        return uuid_text(signature[3::-1] + signature[5:3:-1] + signature[7:5:-1] + signature[8:])
    return f"{struct.unpack_from('<I', signature)[0]:08x}-{number:02x}" if kind == _MBR_SIGNATURE else ""


def _wide(text: bytes) -> str:
    """UCS-2 up to its NUL."""
    return text[:len(text) & ~1].decode("utf-16-le", "replace").partition("\0")[0]


def parse_efibootmgr(text: str) -> Tuple[Tuple[str, ...], Tuple[RawEntry, ...]]:
    """BootOrder, and the entries that start a file on a GPT partition, of ``efibootmgr -v``.

    Versions before 18 write ``HD(...)/File(\\EFI\\...)``, later ones ``HD(...)/\\EFI\\...``. Optional data can't be
    told from this text.
    """
    order: Tuple[str, ...] = ()
    entries: List[RawEntry] = []
    for line in text.splitlines():
        if line.startswith("BootOrder:"):
            order = tuple(number.upper() for number in line.partition(":")[2].strip().split(","))
        found = _ENTRY.match(line)
        if found:
            number, star, label, partition, rest = found.groups()
            entries.append(RawEntry(number.upper(), label.strip(), partition.lower(), _file_path(rest), bool(star)))
    return order, tuple(entries)


def _file_path(rest: str) -> str:
    """The path behind ``HD(...)/``, without the optional data that may follow it."""
    inside = re.match(r"File\(([^)]*)\)", rest)
    return inside.group(1) if inside else re.split(r"[\t{]", rest)[0].strip()


def _efibootmgr() -> Tuple[Tuple[str, ...], Tuple[RawEntry, ...]]:
    if not look.have("efibootmgr"):
        return (), ()
    result = look.run(["efibootmgr", "-v"], timeout=_SECONDS, check=False)
    return parse_efibootmgr(result.stdout) if result.ok else ((), ())


def efi_entries(order: Sequence[str], raw: Sequence[RawEntry], esp_of: Mapping[str, str]) -> Tuple[EfiEntry, ...]:
    """The entries of this system as records: those in BootOrder first, numbered in that order.

    ``esp_of`` maps partitions to ids of file systems. The firmware's numbers are not kept: a new machine's firmware
    gives its own. Our own recovery entry never belongs to a system.
    """
    return tuple(
        EfiEntry(id=str(at), label=entry.label, esp=Ref(esp_of[entry.partition]), path=entry.path,
                 active=entry.active, data=entry.data or None)
        for at, entry in enumerate(own_entries(order, raw, esp_of), 1))


def own_entries(order: Sequence[str], raw: Sequence[RawEntry], esp_of: Mapping[str, str]) -> Tuple[RawEntry, ...]:
    """The entries that start something from this system's own partitions, those in BootOrder first."""
    place = {number: at for at, number in enumerate(order)}
    ours = [entry for entry in raw if entry.partition in esp_of and entry.label != _OWN_ENTRY]
    return tuple(sorted(ours, key=lambda entry: (place.get(entry.number, len(place)), entry.number)))
