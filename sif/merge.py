"""Records of several parts to one :class:`SystemInformation`, in canonical order."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Set, Tuple

from sif.errors import Exit
from sif.foreign import Foreign
from sif.later import regex
from sif.model import FIELD_OF_KIND, RECORDS, Record, System, SystemInformation, Version
from sif.problems import Problem

_NUMBER = regex(r"([0-9]+)")


def natural(ident: str) -> Tuple[Tuple[Tuple[int, int, str], ...], str]:
    """Sort key of an id: runs of digits compare as numbers, so that d0p2 comes before d0p10."""
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in _NUMBER.split(ident) if part)
    return parts, ident


def in_order(records: Iterable[Record]) -> Tuple[Record, ...]:
    """The records by kind (the canonical order of sections), then by id."""
    rank = {record.KIND: number for number, record in enumerate(RECORDS)}
    return tuple(sorted(records, key=lambda record: (rank[record.KIND], natural(getattr(record, "id", "")))))


def foreign_in_order(foreign: Iterable[Foreign]) -> Tuple[Foreign, ...]:
    """By kind, then by id; unknown sections and unknown keys alike."""
    return tuple(sorted(foreign, key=lambda found: (found.kind, natural(found.id))))


def merged(version: Version, system: System, records: Iterable[Record],
           foreign: Iterable[Foreign] = ()) -> SystemInformation:
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
    return SystemInformation(version=version, system=system, foreign=foreign_in_order(foreign), **fields)


def canonical(info: SystemInformation) -> SystemInformation:
    """The same content with every kind's records in canonical order."""
    return merged(info.version, info.system, info.records(), info.foreign)


def duplicates(records: Iterable[Record], foreign: Iterable[Foreign] = ()) -> Tuple[Problem, ...]:
    """Sections that several files define, compared without regard to case."""
    names = [(record.KIND, getattr(record, "id", "")) for record in records if not isinstance(record, Version)]
    names += [(found.kind, found.id) for found in foreign if found.whole]
    seen: Set[Tuple[str, str]] = set()
    problems: List[Problem] = []
    for kind, ident in names:
        if (kind, ident.lower()) in seen:
            problems.append(Problem(f"[{(kind + ' ' + ident).strip()}] is in two files", code=Exit.SIF_SET_BROKEN,
                                    subject=(kind, ident, ""), hint="remove one of them"))
        seen.add((kind, ident.lower()))
    return tuple(problems)
