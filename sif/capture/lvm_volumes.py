"""Logical volumes of every kind, from the rows of ``lvs --all --segments``, as records.

Hidden volumes (images of RAID, data and metadata of pools, origins of caches) are records of their own, named without
the brackets that LVM's reports put around them. Source: lvmraid(7), lvmthin(7), lvmcache(7), ``lvs -o help``.
"""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple

from sif.capture.errors import Unrestorable
from sif.capture.names import identifier
from sif.model import CacheMode, LogicalVolume, LvRole, LvType, Omitted, OmittedWhy, Ref
from sif.plain import dataclass

Row = Mapping[str, str]

_PARITY = {LvType.RAID4: 1, LvType.RAID5: 1, LvType.RAID6: 2}
_ON_DEVICES = (LvType.LINEAR, LvType.STRIPED)
_MADE_OF_IMAGES = (LvType.RAID0, LvType.RAID1, LvType.RAID4, LvType.RAID5, LvType.RAID6, LvType.RAID10, LvType.MIRROR)
_POOLS = (LvType.THIN_POOL, LvType.CACHE_POOL)
_CACHED = (LvType.CACHE, LvType.WRITECACHE)


class NotKept(ValueError):
    """A volume of a kind that can't be described; the text says which."""


@dataclass(frozen=True)
class Volumes:
    """The volumes of all groups, what was left out, what can't be described, and what should be known."""

    lvs: Tuple[LogicalVolume, ...] = ()
    omitted: Tuple[Omitted, ...] = ()
    unsupported: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()


def lv_id(vg: str, lv: str) -> str:
    return f"lv_{identifier(vg)}_{identifier(lv)}"


def bare(name: str) -> str:
    """A volume's name without the brackets of a hidden one."""
    return name[1:-1] if name.startswith("[") else name


def describe_volumes(rows: Sequence[Row], groups: Sequence[str], pv_of: Mapping[str, str]) -> Volumes:
    """The volumes of ``groups``, given by name. ``pv_of`` maps LVM's device names to ids of physical volumes."""
    segments: Dict[Tuple[str, str], List[Row]] = {}
    for row in rows:
        if row["vg_name"] in groups:
            segments.setdefault((row["vg_name"], bare(row["lv_name"])), []).append(row)
    lvs: List[LogicalVolume] = []
    omitted: List[Omitted] = []
    unsupported: List[str] = []
    notes: List[str] = []
    moving: Set[str] = set()
    for (group, name), mine in sorted(segments.items()):
        roles = _words(mine[0], "lv_role")
        if "pvmove" in roles:
            moving.add(group)
        elif "thicksnapshot" in roles:
            what = f"snapshot {group}/{name} of {group}/{bare(mine[0].get('origin', ''))}"
            omitted.append(Omitted(f"omitted_{lv_id(group, name)}", what, OmittedWhy.SNAPSHOT, Ref(identifier(group))))
            notes.append(f"{what} is left out: it is not there after a restore")
        else:
            try:
                lvs.append(_volume(group, name, sorted(mine, key=lambda row: int(row["seg_start_pe"] or 0)), pv_of))
            except NotKept as error:
                unsupported.append(Unrestorable(f"logical volume {group}/{name}: {error}", f"{group}/{name}"))
    moved = [f"volume group {group}: extents are being moved (pvmove); capture again when that is done"
             for group in sorted(moving)]
    return Volumes(tuple(lvs), tuple(omitted), (*moved, *unsupported), tuple(notes))


def _volume(group: str, name: str, rows: Sequence[Row], pv_of: Mapping[str, str]) -> LogicalVolume:
    first = rows[0]
    kind, layout = _kind(rows)
    images = _names(first, "devices") if kind in _MADE_OF_IMAGES else ()

    def volume(column: str) -> Optional[Ref]:
        text = first.get(column, "")
        return Ref(lv_id(group, bare(text))) if text else None

    parts: Tuple[Ref, ...] = ()
    if images:
        log = volume("mirror_log") if kind is LvType.MIRROR else None
        parts = (*(Ref(lv_id(group, image)) for image in (*images, *_names(first, "metadata_devices"))),
                 *([log] if log else []))
    elif kind in _POOLS:
        parts = tuple(ref for ref in (volume("data_lv"), volume("metadata_lv")) if ref)
    extents = sum(int(row["seg_size_pe"]) for row in rows)
    pool = kind is LvType.THIN_POOL
    return LogicalVolume(
        id=lv_id(group, name), vg=Ref(identifier(group)), name=name, uuid=first["lv_uuid"], type=kind, extents=extents,
        segments=tuple(_segment(row, pv_of) for row in rows) if kind in _ON_DEVICES else (),
        tags=tags(first["lv_tags"]), role=_role(first), parts=parts, layout=layout,
        stripes=_stripes(kind, rows, images),
        stripe_bytes=_stripe_bytes(rows) if kind is not LvType.RAID1 else None,
        region_bytes=_number(first, "region_size") if images else None,
        chunk_bytes=_number(first, "chunk_size") if kind in (*_POOLS, *_CACHED) else None,
        pool=volume("pool_lv") if kind in (LvType.THIN, *_CACHED) else None,
        origin=volume("origin") if kind in (LvType.THIN, *_CACHED) else None,
        device_number=_number(first, "thin_id") if kind is LvType.THIN else None,
        discards=first.get("discards") or None if pool else None, zero=first.get("zero") == "zero" if pool else None,
        cache_mode=_cache_mode(first) if kind in (LvType.CACHE, LvType.CACHE_POOL) else None)


def _kind(rows: Sequence[Row]) -> Tuple[LvType, Optional[str]]:
    """The type, and LVM's own name for it where that says more (``raid5_la``, ``raid0_meta``)."""
    names = {row["segtype"] for row in rows}
    if names == {"linear", "striped"}:
        return LvType.STRIPED, None
    if len(names) > 1:
        raise NotKept(f"segments of several types: {', '.join(sorted(names))}")
    name = names.pop()
    if name in {kind.value for kind in LvType if kind is not LvType.SNAPSHOT}:
        return LvType(name), None
    base = re.fullmatch(r"(raid[0-9]+)_[a-z0-9_]+", name)
    if base and base.group(1) in {kind.value for kind in _MADE_OF_IMAGES}:
        return LvType(base.group(1)), name
    raise NotKept(f"type {name}")


def _role(row: Row) -> LvRole:
    """What a volume is for; only volumes with brackets around their names are hidden parts."""
    if not row["lv_name"].startswith("["):
        return LvRole.VOLUME
    roles = _words(row, "lv_role")
    if "spare" in roles:
        return LvRole.SPARE
    if "origin" in roles:
        return LvRole.ORIGIN
    if "integrity" in roles:
        raise NotKept("dm-integrity below RAID")
    if "pool" in roles:
        if "data" in roles:
            return LvRole.CACHE_DATA if "cache" in roles else LvRole.POOL_DATA
        return LvRole.POOL_METADATA
    for word, role in (("log", LvRole.LOG), ("image", LvRole.IMAGE), ("metadata", LvRole.METADATA)):
        if word in roles:
            return role
    return LvRole.CACHE  # a cache pool in use, or a volume that is one: LVM calls them just private


def _segment(row: Row, pv_of: Mapping[str, str]) -> str:
    """One segment: its stripes as ``pv:first:extents``, joined by ``+``."""
    pieces = []
    for text in row["seg_pe_ranges"].split():
        device, _, span = text.rpartition(":")
        first, _, last = span.partition("-")
        if device not in pv_of:
            raise NotKept(f"a part of it lies on {device}, which is not on a disk that is captured")
        pieces.append(f"{pv_of[device]}:{first}:{int(last) - int(first) + 1}")
    return "+".join(pieces)


def _stripes(kind: LvType, rows: Sequence[Row], images: Sequence[str]) -> Optional[int]:
    if kind is LvType.STRIPED:
        return max(len(row["seg_pe_ranges"].split()) for row in rows)
    if kind is LvType.RAID10:
        return len(images) // 2
    if kind in _MADE_OF_IMAGES and kind not in (LvType.RAID1, LvType.MIRROR):
        return len(images) - _PARITY.get(kind, 0)
    return None


def _stripe_bytes(rows: Sequence[Row]) -> Optional[int]:
    sizes = {size for row in rows for size in (_number(row, "stripe_size"),) if size}
    if len(sizes) > 1:
        raise NotKept(f"segments with several stripe sizes: {', '.join(map(str, sorted(sizes)))}")
    return sizes.pop() if sizes else None


def _cache_mode(row: Row) -> Optional[CacheMode]:
    text = row.get("cache_mode", "")
    return CacheMode(text) if text in {mode.value for mode in CacheMode} else None


def _names(row: Row, column: str) -> Tuple[str, ...]:
    """The volumes in a column like ``root_rimage_0(0),root_rimage_1(0)``."""
    return tuple(bare(text.rpartition("(")[0]) for text in row.get(column, "").split(",") if text)


def _number(row: Row, column: str) -> Optional[int]:
    return int(row.get(column) or 0) or None


def _words(row: Row, column: str) -> Tuple[str, ...]:
    return tuple(row.get(column, "").split(","))


def tags(text: str) -> Tuple[str, ...]:
    return tuple(sorted(tag for tag in text.split(",") if tag))
