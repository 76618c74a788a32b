"""Gives the sections of one set the ids that another set gives to the same things.

Ids are names. Those of disks and partitions count in the order in which the kernel found the disks, which another
kernel, slot or adapter changes; what a disk, a volume or a file system is says its own identity. Two captures of one
machine are compared after this, so that only what has changed differs.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, Hashable, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from sif.capture.adopt import segment
from sif.codec import KindSchema, schemas
from sif.merge import merged
from sif.model import Record, SystemInformation
from sif.plain import dataclass, replace

Names = Mapping[Tuple[str, str], str]
"""(kind, id) → the other id."""

_Key = Callable[[Any], Optional[Hashable]]


def _content(info: SystemInformation) -> _Key:
    """What lies on a disk as a whole: the uuid of a volume or file system, or of an array and the place in it."""
    on: Dict[str, Hashable] = {}
    volumes: Tuple[Any, ...] = (*info.pvs, *info.luks, *info.cachesets, *info.bcaches, *info.filesystems, *info.swaps)
    for record in volumes:
        if record.uuid:
            on.setdefault(record.device, (record.KIND, record.uuid))
    for array in info.arrays:
        on.update((member, ("MD", array.uuid, slot)) for slot, member in enumerate(array.members))
    for one in info.btrfs:
        on.update((device, ("BTRFS", one.uuid, place)) for place, device in enumerate(one.devices))
    return lambda disk: on.get(disk.id)


_ALIKE: Tuple[Tuple[str, Tuple[Any, ...]], ...] = (
    ("DISK", (lambda disk: disk.table_id, _content, lambda disk: disk.wwn, lambda disk: disk.serial,
              lambda disk: disk.by_path)),
    ("PARTITION", (lambda part: part.uuid, lambda part: (part.disk, part.number))),
    *((kind, ((lambda one: one.uuid),)) for kind in ("MD", "CACHESET", "BCACHE", "LUKS", "PV", "VG", "LV", "BTRFS")),
    ("SUBVOLUME", (lambda sub: (sub.btrfs, sub.path),)),
    ("FS", (lambda fs: fs.device,)),
    ("SWAP", (lambda swap: (swap.device, swap.path),)),
    ("RAW", (lambda raw: raw.device,)),
)
"""What makes two sections of a kind the same, the surest first. Each kind comes after those that it lies on. Of a disk
that is what is on it, which a restore brings back, before the hardware, which may be another."""


@dataclass(frozen=True)
class Aligned:
    """The set with the other's ids, and which of its own ids were changed."""

    info: SystemInformation
    names: Names


def aligned(saved: SystemInformation, found: SystemInformation) -> Aligned:
    """``found`` with the ids of ``saved`` for what is the same there. What is not keeps its id where that is free."""
    names: Dict[Tuple[str, str], str] = {}
    for kind, keys in _ALIKE:
        new = _of_kind(found, kind)
        pairs = _pairs(saved, found, kind, keys)
        step = {(kind, ident): other for ident, other in _changed(pairs, new).items()}
        if step:
            names.update(step)
            found = _renamed(found, step)
    return Aligned(found, names)


def _of_kind(info: SystemInformation, kind: str) -> Tuple[Any, ...]:
    return tuple(record for record in info.records() if kind == record.KIND)


def _pairs(saved: SystemInformation, found: SystemInformation, kind: str, keys: Sequence[Any]) -> Dict[str, str]:
    """Found id → saved id. A key that two sections of one set share says nothing."""
    pairs: Dict[str, str] = {}
    for key in keys:
        mine, theirs = (_content(saved), _content(found)) if key is _content else (key, key)
        known = set(pairs.values())
        old = _unique((one for one in _of_kind(saved, kind) if one.id not in known), mine)
        new = _unique((one for one in _of_kind(found, kind) if one.id not in pairs), theirs)
        pairs.update((new[value].id, old[value].id) for value in new if value in old)
    return pairs


def _unique(records: Iterable[Any], key: _Key) -> Dict[Hashable, Any]:
    found: Dict[Hashable, List[Any]] = {}
    for record in records:
        value = key(record)
        if value:
            found.setdefault(value, []).append(record)
    return {value: ones[0] for value, ones in found.items() if len(ones) == 1}


def _changed(pairs: Mapping[str, str], found: Sequence[Any]) -> Dict[str, str]:
    """The ids that change: those of pairs, and of whoever has an id that now is another's."""
    taken = set(pairs.values())
    changed = {ident: other for ident, other in pairs.items() if ident != other}
    for record in found:
        if record.id not in pairs and record.id in taken:
            changed[record.id] = _free(record.id, taken | {one.id for one in found})
            taken.add(changed[record.id])
    return changed


def _free(ident: str, taken: Set[str]) -> str:
    number = 2
    while f"{ident}_{number}" in taken:
        number += 1
    return f"{ident}_{number}"


def _renamed(info: SystemInformation, names: Names) -> SystemInformation:
    known = schemas()
    records = [_with_names(known[record.KIND], record, names) for record in info.records()]
    return merged(info.version, _with_names(known["SYSTEM"], info.system, names), records, info.foreign)


def _with_names(schema: KindSchema, record: Record, names: Names) -> Any:
    """The record with its id, its references and its segments changed."""
    changed: Dict[str, Any] = {}
    ident = names.get((record.KIND, str(getattr(record, "id", ""))))
    if ident is not None:
        changed["id"] = ident
    for key in schema.keys:
        value = getattr(record, key.name)
        if not value:
            continue
        if key.info.refs:
            other = tuple(_other(key.info.refs, one, names) for one in value) if isinstance(value, tuple) else \
                _other(key.info.refs, value, names)
        elif record.KIND == "LV" and key.name == "segments":
            other = tuple(segment(text, {ident: new for (kind, ident), new in names.items() if kind == "PV"})
                          for text in value)
        else:
            continue
        if other != value:
            changed[key.name] = other
    return replace(record, **changed) if changed else record


def _other(kinds: Sequence[str], ident: Any, names: Names) -> Any:
    """The reference; carriers of all kinds have ids of their own."""
    return next((type(ident)(names[kind, ident]) for kind in kinds if (kind, ident) in names), ident)
