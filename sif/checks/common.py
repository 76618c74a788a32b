"""What the rules share: making a problem, finding a record, sizes of devices."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, Optional, Tuple, TypeVar

from sif.errors import Exit
from sif.later import regex
from sif.model import Bcache, Disk, LogicalVolume, Luks, MdArray, Partition, Record, SystemInformation, VolumeGroup
from sif.problems import Problem

SHA256 = re.compile(r"[0-9a-f]{64}")
GUID = regex(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

R = TypeVar("R")


def bad(record: Record, key: str, what: str, *, found: Optional[str] = None, wanted: Optional[str] = None,
        hint: Optional[str] = None) -> Problem:
    """A problem with one key of a record (or, with an empty key, with the whole section)."""
    ident = str(getattr(record, "id", ""))
    title = f"[{record.KIND} {ident}]" if ident else f"[{record.KIND}]"
    return Problem(what, f"{title} {key}".strip(), found, wanted, hint, Exit.SIF_INVALID, (record.KIND, ident, key))


def is_power_of_two(number: int) -> bool:
    """Whether ``number`` is 1, 2, 4, 8, ..."""
    return number > 0 and number & (number - 1) == 0


def device(info: SystemInformation, ident: str, kinds: Tuple[str, ...]) -> Optional[Record]:
    """The record that a ``device`` reference names, or None."""
    for kind in kinds:
        record = info.find(kind, ident)
        if record is not None:
            return record
    return None


def size_of(info: SystemInformation, record: Optional[Record]) -> Optional[int]:
    """Bytes of what can carry something; None when something on the way is missing."""
    if isinstance(record, Disk):
        return record.size_bytes
    if isinstance(record, Partition):
        disk = info.find("DISK", record.disk)
        return record.sectors * disk.logical_sector if isinstance(disk, Disk) else None
    if isinstance(record, (MdArray, Luks, Bcache)):
        return record.size_bytes
    if isinstance(record, LogicalVolume):
        group = info.find("VG", record.vg)
        return record.extents * group.pe_bytes if isinstance(group, VolumeGroup) else None
    return None


def repeated(items: Iterable[Tuple[R, Optional[str]]]) -> Iterator[Tuple[R, R]]:
    """Pairs (later, earlier) of items whose non-empty texts are equal."""
    seen: Dict[str, R] = {}
    for item, text in items:
        if not text:
            continue
        if text in seen:
            yield item, seen[text]
        else:
            seen[text] = item
