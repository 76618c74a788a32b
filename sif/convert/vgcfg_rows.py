"""The volumes of LVM's metadata text as the rows that ``lvs --all --segments`` prints, which become records.

So a converted volume and a captured one are described by the same code. Source: lvmraid(7), lvmthin(7), lvmcache(7)
for what the parts are, and vgcfgbackup's own comments for the keys; sizes in the text count sectors of 512 bytes.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif.capture.lvm_volumes import Row
from sif.convert.vgcfg import LVM_SECTOR, Group, Metadata, MetadataLv

_IMAGES = ("raids", "raid0_lvs")


def rows_of(data: Metadata, group: str) -> Tuple[Row, ...]:
    """One row for each segment of each volume, the group under the name ``group``; snapshots with their origin."""
    roles = _roles(data)
    pools = {volume.name: segment for volume in data.lvs for segment in volume.segments
             if _kind(segment) == "cache-pool"}
    origins = {store: origin for store, origin in (_snapshot(volume) for volume in data.lvs) if store}
    return tuple(
        _row(group, volume, segment, roles.get(volume.name, ()), origins, pools)
        for volume in data.lvs if not _snapshot(volume)[0] for segment in volume.segments)


def segment_type(segment: Group) -> str:
    """LVM's name of the segment's type, without the flags behind it; a stripe of one device is called linear."""
    kind = _kind(segment)
    return "linear" if kind == "striped" and segment.number("stripe_count") == 1 else kind


def _kind(segment: Group) -> str:
    return (segment.text("type") or "unknown").partition("+")[0]


def _snapshot(volume: MetadataLv) -> Tuple[str, str]:
    """(the volume that holds a snapshot's blocks, its origin) from the hidden volume that ties them together."""
    for segment in volume.segments:
        if _kind(segment) == "snapshot":
            return segment.text("cow_store") or segment.text("merging_store") or "", segment.text("origin") or ""
    return "", ""


def _roles(data: Metadata) -> Dict[str, Tuple[str, ...]]:
    """What the hidden volumes are for, from those that name them."""
    found: Dict[str, Tuple[str, ...]] = {}

    def mark(name: Optional[str], *words: str) -> None:
        if name:
            found[name] = ("private", *words)
    for volume in data.lvs:
        if volume.name.endswith("_pmspare"):
            mark(volume.name, "pool", "spare")
        for segment in volume.segments:
            kind = _kind(segment)
            metadata, images = _images(segment)
            for name in images:
                mark(name, "mirror" if kind == "mirror" else "raid", "image")
            for name in metadata:
                mark(name, "raid", "metadata")
            mark(segment.text("mirror_log"), "mirror", "log")
            if kind == "thin-pool":
                mark(segment.text("pool"), "thin", "pool", "data")
                mark(segment.text("metadata"), "thin", "pool", "metadata")
            elif kind == "cache-pool":
                mark(segment.text("data"), "cache", "pool", "data")
                mark(segment.text("metadata"), "cache", "pool", "metadata")
            elif kind in ("cache", "writecache"):
                mark(segment.text("origin"), "cache", "origin")
    return found


def _images(segment: Group) -> Tuple[Tuple[str, ...], Tuple[str, ...]]:
    """(metadata volumes, images) of a RAID or mirror: RAID lists them in pairs, a mirror with offsets."""
    for key in _IMAGES:
        names = segment.words(key)
        if names and key == "raids":
            return names[0::2], names[1::2]
        if names:
            return (), names
    mirrors = segment.words("mirrors")
    return (), mirrors[0::2]


def _row(group: str, volume: MetadataLv, segment: Group, role: Sequence[str],
         origins: Mapping[str, str], pools: Mapping[str, Group]) -> Row:
    kind = segment_type(segment)
    metadata, images = _images(segment)
    cached = kind in ("cache", "writecache")
    cache = segment.text("cache_pool") or segment.text("writecache")
    pool = segment.text("thin_pool") or (cache if cached else None) or ""
    origin = segment.text("origin") or segment.text("external_origin") or origins.get(volume.name, "")
    zero = segment.number("zero_new_blocks")
    # a cached volume has the settings of its pool, where it has a pool
    settings = pools.get(pool, segment) if cached else segment
    words = list(role) if not volume.visible else ["public"]
    if volume.name in origins:
        words += ["snapshot", "thicksnapshot"]
    return {
        "vg_name": group, "lv_name": volume.name if volume.visible else f"[{volume.name}]", "lv_uuid": volume.uuid,
        "lv_tags": ",".join(volume.tags), "segtype": kind, "seg_start_pe": str(segment.number("start_extent") or 0),
        "seg_size_pe": str(segment.number("extent_count") or 0), "seg_pe_ranges": " ".join(_ranges(segment)),
        "lv_role": ",".join(words), "devices": ",".join(f"{name}(0)" for name in images),
        "metadata_devices": ",".join(f"{name}(0)" for name in metadata),
        "stripe_size": _bytes(segment, "stripe_size"), "region_size": _bytes(segment, "region_size"),
        "chunk_size": _bytes(settings, "chunk_size"), "thin_id": _plain(segment, "device_id"),
        "discards": segment.text("discards") or ("passdown" if kind == "thin-pool" else ""),
        "zero": "zero" if zero else "", "pool_lv": pool, "origin": origin,
        "data_lv": (segment.text("pool") if kind == "thin-pool" else segment.text("data")) or "",
        "metadata_lv": segment.text("metadata") or "", "mirror_log": segment.text("mirror_log") or "",
        "cache_mode": settings.text("cache_mode") or ""}


def _ranges(segment: Group) -> List[str]:
    """Where the stripes lie, as ``pv0:first-last``; the extents of a segment are spread evenly over its stripes."""
    if _kind(segment) != "striped":
        return []
    stripes = segment.values.get("stripes", (0, ()))[1]
    pieces = list(zip(stripes[0::2], stripes[1::2]))
    count = (segment.number("extent_count") or 0) // max(len(pieces), 1)
    return [f"{pv}:{first}-{int(first) + count - 1}" for pv, first in pieces if isinstance(first, int) and count]


def _bytes(segment: Group, key: str) -> str:
    found = segment.number(key)
    return str(found * LVM_SECTOR) if found else ""


def _plain(segment: Group, key: str) -> str:
    found = segment.number(key)
    return str(found) if found is not None else ""
