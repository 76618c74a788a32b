"""Records of several parts to one :class:`SystemInformation`, in canonical order."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, List, Set, Tuple

from sif.errors import Exit
from sif.model import FIELD_OF_KIND, RECORDS, Record, System, SystemInformation, Version
from sif.problems import Problem

_NUMBER = re.compile(r"([0-9]+)")


def natural(ident: str) -> Tuple[Tuple[Tuple[int, int, str], ...], str]:
    """Sort key of an id: runs of digits compare as numbers, so that d0p2 comes before d0p10."""
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _NUMBER.split(ident) if part)
    return parts, ident


def in_order(records: Iterable[Record]) -> Tuple[Record, ...]:
    """The records by kind (the canonical order of sections), then by id."""
    rank = {record.KIND: number for number, record in enumerate(RECORDS)}
    return tuple(sorted(records, key=lambda record: (rank[record.KIND], natural(getattr(record, "id", "")))))


def merged(version: Version, system: System, records: Iterable[Record]) -> SystemInformation:
    """The content of a whole set. ``records`` may repeat ``version`` and ``system``; ids must be unique."""
    fields: Dict[str, Any] = {}
    many: Dict[str, List[Record]] = {}
    for record in in_order(records):
        if isinstance(record, (Version, System)):
            continue
        name = FIELD_OF_KIND[record.KIND]
        if hasattr(record, "id"):
            many.setdefault(name, []).append(record)
        else:
            fields[name] = record
    fields.update({name: tuple(found) for name, found in many.items()})
    return SystemInformation(version=version, system=system, **fields)


def canonical(info: SystemInformation) -> SystemInformation:
    """The same content with every kind's records in canonical order."""
    return merged(info.version, info.system, info.records())


def duplicates(records: Iterable[Record]) -> Tuple[Problem, ...]:
    """Sections that several files define, compared without regard to case."""
    seen: Set[Tuple[str, str]] = set()
    found: List[Problem] = []
    for record in records:
        ident = getattr(record, "id", "")
        if isinstance(record, Version):
            continue
        if (record.KIND, ident.lower()) in seen:
            found.append(Problem(f"[{(record.KIND + ' ' + ident).strip()}] is in two files",
                                 code=Exit.SIF_SET_BROKEN, subject=(record.KIND, ident, ""),
                                 hint="remove one of them"))
        seen.add((record.KIND, ident.lower()))
    return tuple(found)
