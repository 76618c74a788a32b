"""What partition tables are on the disk itself, where no tool tells: MBR, chains of logical partitions, GPT headers.

Pure: bytes in, facts out. Sources: UEFI specification 2.10, chapter 5 (MBR and GPT); the layout of extended boot
records as every PC operating system has it. Sectors are the disk's logical ones.
"""

from __future__ import annotations

import struct
import zlib
from typing import Callable, Dict, List, Mapping, Optional, Set, Tuple

from sif.plain import dataclass

BOOT_CODE_BYTES = 440
PROTECTIVE = 0xEE
EXTENDED = frozenset({0x05, 0x0F, 0x85})
MAX_LOGICAL = 128
"""More logical partitions than any system makes: a longer chain is a broken one."""

_ENTRIES_AT, _SIGNATURE_AT = 446, 510
_GPT_HEADER = struct.Struct("<8sIIIIQQQQ16sQIII")
_GPT_ENTRY_BYTES = 128
_GPT_MAX_ENTRIES = 4096

Read = Callable[[int, int], bytes]
"""Reads from the disk: (first sector, number of bytes)."""


class BrokenTable(ValueError):
    """A partition table that contradicts itself; the text says how."""


@dataclass(frozen=True)
class MbrEntry:
    """One of the four entries; ``slot`` counts from 1."""

    slot: int
    type: int
    start: int
    sectors: int
    active: bool


def mbr_entries(sector: bytes) -> Tuple[MbrEntry, ...]:
    """The used entries of a boot record; none if it has no signature."""
    if sector[_SIGNATURE_AT:_SIGNATURE_AT + 2] != b"\x55\xaa":
        return ()
    found = []
    for slot in range(4):
        flag, kind, start, sectors = struct.unpack_from("<B3xB3xII", sector, _ENTRIES_AT + 16 * slot)
        if kind:
            found.append(MbrEntry(slot + 1, kind, start, sectors, bool(flag & 0x80)))
    return tuple(found)


def logical_records(container: MbrEntry, read: Read) -> Mapping[int, int]:
    """First sector of each logical partition → sector of the extended boot record that describes it.

    Raises :class:`BrokenTable` for a chain that loops, leaves its container or does not end.
    """
    found: Dict[int, int] = {}
    seen: Set[int] = set()
    record = container.start
    while True:
        if record in seen or len(seen) >= MAX_LOGICAL:
            raise BrokenTable(f"the chain of logical partitions comes back to sector {record} or does not end")
        seen.add(record)
        after: Optional[int] = None
        for entry in mbr_entries(read(record, 512)):
            if entry.type in EXTENDED:
                # of several, the first one counts, as for the kernel
                after = container.start + entry.start if after is None else after
            elif entry.sectors:
                found[record + entry.start] = record
        if after is None:
            return found
        if not container.start < after < container.start + container.sectors:
            raise BrokenTable(f"the chain of logical partitions leaves its container at sector {after}")
        record = after


def hybrid_words(entries: Tuple[MbrEntry, ...]) -> Tuple[str, ...]:
    """The entries of a hybrid MBR as the key of DISK writes them; none if there is only a protective one."""
    if all(entry.type == PROTECTIVE for entry in entries):
        return ()
    return tuple(f"{entry.slot}:0x{entry.type:02x}:{entry.start}:{entry.sectors}{':active' if entry.active else ''}"
                 for entry in entries)


@dataclass(frozen=True)
class GptHeader:
    """One of the two headers of a GPT, its checksums correct."""

    lba: int
    alternate: int
    first: int
    last: int
    guid: bytes
    entries: int
    entries_crc: int

    def agrees(self, other: "GptHeader") -> bool:
        """Whether both describe the same table."""
        return (self.first, self.last, self.guid, self.entries, self.entries_crc) == (
            other.first, other.last, other.guid, other.entries, other.entries_crc)


def gpt_header(lba: int, read: Read) -> Optional[GptHeader]:
    """The header at that sector; None if there is none, or if one of its checksums is wrong.

    Raises :class:`BrokenTable` for a table whose entries have a size that nothing writes.
    """
    raw = read(lba, 512)
    if len(raw) < _GPT_HEADER.size:
        return None
    (signature, _, size, crc, _, mine, alternate, first, last, guid, array, count, entry_bytes,
     array_crc) = _GPT_HEADER.unpack_from(raw)
    if signature != b"EFI PART" or not _GPT_HEADER.size <= size <= 512 or mine != lba:
        return None
    if zlib.crc32(raw[:16] + bytes(4) + raw[20:size]) != crc:
        return None
    if entry_bytes != _GPT_ENTRY_BYTES or not 0 < count <= _GPT_MAX_ENTRIES:
        raise BrokenTable(f"a GPT of {count} entries of {entry_bytes} bytes")
    if zlib.crc32(read(array, count * entry_bytes)) != array_crc:
        return None
    return GptHeader(lba, alternate, first, last, guid, count, array_crc)


def judge_gpt(read: Read, sectors: int) -> Tuple[GptHeader, Tuple[str, ...]]:
    """The table's header, and what is worth knowing. Raises :class:`BrokenTable` if no one can say which one counts."""
    primary = gpt_header(1, read)
    places = [primary.alternate, sectors - 1] if primary else [sectors - 1]
    backups = (gpt_header(place, read) for place in places if 1 < place < sectors)
    backup = next((header for header in backups if header), None)
    if primary is None:
        raise BrokenTable("its first GPT is damaged" + (", only the backup at the end is whole" if backup else
                                                        ", and so is the backup at the end"))
    if backup is None:
        return primary, ("the backup GPT at the end of the disk is damaged or missing; a restore writes both",)
    if not primary.agrees(backup):
        raise BrokenTable("its two GPTs differ")
    return primary, ()


def usual_last(sectors: int, entries: int, sector_bytes: int) -> int:
    """The last usable sector of a GPT that reaches to the end of the disk."""
    return sectors - 2 - -(-entries * _GPT_ENTRY_BYTES // sector_bytes)


def without_zeros(content: bytes, sector_bytes: int) -> bytes:
    """The content without the sectors of zeros at its end; empty if there is nothing else."""
    kept = content.rstrip(b"\0")
    return content[:-(-len(kept) // sector_bytes) * sector_bytes]


def gap(starts: List[int], read: Read, sector_bytes: int, limit: int) -> bytes:
    """What lies between the MBR and the first partition, up to ``limit`` bytes, without zeros at the end."""
    if not starts or min(starts) <= 1:
        return b""
    return without_zeros(read(1, min((min(starts) - 1) * sector_bytes, limit)), sector_bytes)
