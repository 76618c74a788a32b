"""What differs between two sets, by kind, id and key."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from sif.codec import KindSchema, schemas, to_text
from sif.merge import in_order
from sif.model import Disk, DiskRole, Mount, MountSource, Nic, Record, SystemInformation
from sif.plain import dataclass


@dataclass(frozen=True)
class Difference:
    """One key (or, with an empty ``key``, one whole section) that is not the same.

    ``before`` and ``after`` are canonical text; None where there is nothing.
    """

    kind: str
    id: str
    key: str
    before: Optional[str]
    after: Optional[str]

    def __str__(self) -> str:
        section = f"[{self.kind} {self.id}]" if self.id else f"[{self.kind}]"
        if not self.key:
            return f"{section} only in the {'first' if self.after is None else 'second'}"
        return f"{section} {self.key}: {self.before or '(none)'} -> {self.after or '(none)'}"


def diff(a: SystemInformation, b: SystemInformation, identity_only: bool) -> Tuple[Difference, ...]:
    """Every difference, in canonical order.

    With ``identity_only``: only the keys by which a restored machine must equal the original, only disks that are
    rebuilt, and only network interfaces that something configures; a data disk that is gone, a spare interface, a new
    model or hardware address are no differences.
    """
    before, after = _index(a, identity_only), _index(b, identity_only)
    found: List[Difference] = []
    for record in in_order(_union(before, after)):
        place = (record.KIND, str(getattr(record, "id", "")))
        schema = schemas()[record.KIND]
        if identity_only and not any(key.info.identity for key in schema.keys):
            continue
        found.extend(_compare(schema, place[1], before.get(place), after.get(place), identity_only))
    return tuple(found) if identity_only else (*found, *_foreign(a, b))


def _foreign(a: SystemInformation, b: SystemInformation) -> Iterator[Difference]:
    """What differs in sections and keys that this version has no meaning for."""
    before, after = ({(part.kind, part.id): part for part in info.foreign} for info in (a, b))
    for place in sorted({*before, *after}):
        old, new = before.get(place), after.get(place)
        if any(part is not None and part.whole for part in (old, new)) and (old is None or new is None):
            yield Difference(*place, "", None if old is None else "present", None if new is None else "present")
            continue
        texts = [dict(part.entries) if part else {} for part in (old, new)]
        for key in sorted({*texts[0], *texts[1]}):
            if texts[0].get(key) != texts[1].get(key):
                yield Difference(*place, key, texts[0].get(key), texts[1].get(key))


_Index = Dict[Tuple[str, str], Record]


def _index(info: SystemInformation, identity_only: bool) -> _Index:
    return {(record.KIND, str(getattr(record, "id", ""))): record for record in info.records()
            if not identity_only or _is_the_systems(record)}


def _is_the_systems(record: Record) -> bool:
    """Whether a section is about the system, and not about hardware that may be another one after a restore."""
    if isinstance(record, Disk):
        return record.role is DiskRole.CRITICAL
    if isinstance(record, Nic):
        return record.manager is not None or record.dhcp or bool(record.addresses)
    return not (isinstance(record, Mount) and record.source is MountSource.RUNNING)


def _union(before: _Index, after: _Index) -> Tuple[Record, ...]:
    return tuple({**after, **before}.values())


def _compare(schema: KindSchema, ident: str, before: Optional[Record], after: Optional[Record],
             identity_only: bool) -> Tuple[Difference, ...]:
    if before is None or after is None:
        return (Difference(schema.kind, ident, "", None if before is None else "present",
                           None if after is None else "present"),)
    found: List[Difference] = []
    for key in schema.keys:
        if identity_only and not key.info.identity:
            continue
        old, new = getattr(before, key.name), getattr(after, key.name)
        if old != new:
            found.append(Difference(schema.kind, ident, key.name,
                                    None if old is None else to_text(key, old, schema.kind),
                                    None if new is None else to_text(key, new, schema.kind)))
    return tuple(found)
