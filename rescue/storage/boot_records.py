"""The records of partitions that sfdisk does not write as they were: beside a GPT, and in a container of logical ones.

Pure: a disk's sectors in, sectors out. Sources: UEFI specification 2.10, 5.2 (MBR); the layout of extended boot records
as every PC operating system has it (:mod:`sif.capture.sectors` reads what this writes).
"""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Sequence, Tuple

from rescue.planner.layout import is_extended, mbr_type
from sif.capture.sectors import PROTECTIVE
from sif.model import Disk, Partition, TableType

_ENTRIES_AT, _ENTRY_BYTES, _SLOTS = 446, 16, 4
_RECORD_BYTES = 512
_SIGNATURE = b"\x55\xaa"
_LINK = 0x05
"""The type of an entry that leads to the next record."""

_HEADS, _TRACK = 255, 63
_BEYOND = bytes((0xFE, 0xFF, 0xFF))
"""Cylinder, head and sector of what lies behind the 1024 cylinders that the field can count."""


def needs_records(disk: Disk, partitions: Sequence[Partition]) -> bool:
    """Whether the disk has records that are written here."""
    if disk.table is TableType.GPT:
        return bool(disk.hybrid) or disk.pmbr_active
    return any(part.ebr_sector is not None for part in partitions)


def protective(disk: Disk, first: bytes) -> bytes:
    """The disk's first sector (``first`` as sfdisk left it) with the saved entries of its hybrid MBR and boot flags."""
    if not disk.hybrid:
        entries = first[_ENTRIES_AT:_ENTRIES_AT + _SLOTS * _ENTRY_BYTES]
        return _with_entries(first, [_active(one) if disk.pmbr_active and one[4] == PROTECTIVE else one
                                     for one in _pieces(entries)])
    slots = [bytes(_ENTRY_BYTES)] * _SLOTS
    for text in disk.hybrid:
        slot, kind, start, sectors, *active = text.split(":")
        slots[int(slot) - 1] = _entry(int(kind, 16), int(start), int(sectors), int(start), bool(active))
    return _with_entries(first, slots)


def chain(partitions: Sequence[Partition]) -> Mapping[int, bytes]:
    """Sector → record of each logical partition, linked in the order of their numbers; empty if a place is unknown."""
    logical = sorted((part for part in partitions if part.number > _SLOTS), key=lambda part: part.number)
    box = next((part for part in partitions if is_extended(part)), None)
    places = [part.ebr_sector for part in logical if part.ebr_sector is not None]
    if box is None or not places or len(places) != len(logical):
        return {}
    found: Dict[int, bytes] = {}
    for part, place, after in zip(logical, places, (*logical[1:], None)):
        start = part.start_sector - place
        entries = [_entry(mbr_type(part.type) or 0, start, part.sectors, part.start_sector, part.active)]
        if after is not None and after.ebr_sector is not None:
            end = after.start_sector + after.sectors
            entries.append(_entry(_LINK, after.ebr_sector - box.start_sector, end - after.ebr_sector,
                                  after.ebr_sector, False))
        found[place] = _with_entries(bytes(_RECORD_BYTES), entries)
    return found


def _entry(kind: int, start: int, sectors: int, at: int, active: bool) -> bytes:
    """An entry of a record; ``start`` is what it says, ``at`` the sector of the disk that it means."""
    return struct.pack("<B3sB3sII", 0x80 if active else 0, _chs(at), kind, _chs(at + sectors - 1), start, sectors)


def _chs(sector: int) -> bytes:
    cylinder, rest = divmod(sector, _HEADS * _TRACK)
    if cylinder > 1023:
        return _BEYOND
    head, track = divmod(rest, _TRACK)
    return bytes((head, track + 1 | cylinder >> 2 & 0xC0, cylinder & 0xFF))


def _active(entry: bytes) -> bytes:
    return bytes((entry[0] | 0x80,)) + entry[1:]


def _pieces(entries: bytes) -> List[bytes]:
    return [entries[at:at + _ENTRY_BYTES] for at in range(0, len(entries), _ENTRY_BYTES)]


def _with_entries(sector: bytes, entries: Sequence[bytes]) -> bytes:
    table = b"".join(entries).ljust(_SLOTS * _ENTRY_BYTES, b"\0")
    return sector[:_ENTRIES_AT] + table + _SIGNATURE + sector[_RECORD_BYTES:]


def stale(there: Mapping[int, int], wanted: Mapping[int, bytes]) -> Tuple[int, ...]:
    """The sectors of records that sfdisk has put where none shall be. ``there``: first sector → record's sector."""
    return tuple(sorted(set(there.values()) - set(wanted)))
