"""Gives what was found the ids of what was saved, by the uuids: ids are names, and a clash may have changed them, or a
plan that puts a partition on another disk than the one it is named after.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Dict, Mapping, Tuple, TypeVar

from sif.model import SystemInformation
from sif.plain import fields, replace

if TYPE_CHECKING:
    from sif.capture.storage import Storage

R = TypeVar("R")
_BY_UUID = ("arrays", "cachesets", "bcaches", "luks", "pvs", "vgs", "lvs")
_REFERRING = ("partitions", *_BY_UUID, "btrfs", "filesystems", "swaps", "raws")


def with_saved_ids(storage: "Storage", saved: SystemInformation) -> "Storage":
    """The same storage; partitions get the id of the saved one in their place, arrays, LUKS volumes and LVM's parts
    that of the one with their uuid."""
    places: Dict[Tuple[str, int], str] = {(part.disk, part.number): part.id for part in saved.partitions}
    names: Dict[str, str] = {part.id: places[part.disk, part.number] for part in storage.partitions
                             if places.get((part.disk, part.number), part.id) != part.id}
    for group in _BY_UUID:
        known: Dict[str, str] = {one.uuid: one.id for one in getattr(saved, group)}
        names.update((one.id, known[one.uuid]) for one in getattr(storage, group)
                     if known.get(one.uuid, one.id) != one.id)
    if not names:
        return storage
    changed: Dict[str, Any] = {group: renamed_all(getattr(storage, group), names) for group in _REFERRING}
    return replace(storage, paths={names.get(ident, ident): path for ident, path in storage.paths.items()},
                   **changed)


def renamed_all(records: Tuple[R, ...], names: Mapping[str, str]) -> Tuple[R, ...]:
    """The records with their ids and everything in them that refers to a renamed record changed."""
    return tuple(_renamed(record, names) for record in records)


def _renamed(record: R, names: Mapping[str, str]) -> R:
    changed: Dict[str, Any] = {}
    for field in fields(type(record)):
        value = getattr(record, field.name)
        if field.name == "segments":
            changed[field.name] = tuple(segment(text, names) for text in value)
        elif field.name == "id" or "Ref" in field.annotation:
            changed[field.name] = tuple(names.get(one, one) for one in value) if isinstance(value, tuple) else \
                names.get(value, value)
    return replace(record, **changed)  # type: ignore[type-var]


def segment(text: str, names: Mapping[str, str]) -> str:
    """``pv:first:extents+pv:first:extents`` with the physical volumes renamed."""
    stripes = (stripe.partition(":") for stripe in text.split("+"))
    return "+".join(names.get(volume, volume) + colon + rest for volume, colon, rest in stripes)
