"""Logical volumes of every type: what each is made of, and that each hidden part belongs to exactly one volume.

Sources: lvmraid(7), lvmthin(7), lvmcache(7).
"""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from sif.checks.common import bad, is_power_of_two, repeated
from sif.model import LogicalVolume, LvRole, LvType, SystemInformation
from sif.problems import Problem

_PARITY = {LvType.RAID4: 1, LvType.RAID5: 1, LvType.RAID6: 2}
_STRIPED_RAID = (LvType.RAID0, LvType.RAID4, LvType.RAID5, LvType.RAID6, LvType.RAID10)
_WITH_METADATA = (LvType.RAID1, LvType.RAID4, LvType.RAID5, LvType.RAID6, LvType.RAID10)
_OF_IMAGES = (*_STRIPED_RAID, LvType.RAID1, LvType.MIRROR)
_POOLS = {LvType.THIN_POOL: LvRole.POOL_DATA, LvType.CACHE_POOL: LvRole.CACHE_DATA}
_CACHED = (LvType.CACHE, LvType.WRITECACHE)
_ON_DEVICES = (LvType.LINEAR, LvType.STRIPED)
_LEAST_POOL_CHUNK = {LvType.THIN_POOL: 65536, LvType.CACHE_POOL: 32768}
_GIB = 1 << 30


def check_kinds(info: SystemInformation) -> Iterator[Problem]:
    """Every rule that depends on a volume's type, and the owners of hidden volumes."""
    known = {lv.id: lv for lv in info.lvs}
    for lv in info.lvs:
        yield from _check_shape(lv)
        yield from _check_group(lv, known)
        if lv.type in _OF_IMAGES and lv.parts:
            yield from _check_images(lv, known)
        if lv.type in _POOLS:
            yield from _check_pool(lv, known)
        if lv.type is LvType.THIN:
            yield from _check_thin(lv, known)
        if lv.type in _CACHED:
            yield from _check_cached(lv, known)
    for later, earlier in repeated((lv, f"{lv.pool}/{lv.device_number}") for lv in info.lvs
                                   if lv.type is LvType.THIN and lv.device_number is not None):
        yield bad(later, "device_number", f"the same number as {earlier.id}", found=str(later.device_number))
    yield from _check_owners(info)


def _check_shape(lv: LogicalVolume) -> Iterator[Problem]:
    """What a volume of its type can't have."""
    kind = lv.type.value
    if lv.segments and lv.type not in _ON_DEVICES:
        yield bad(lv, "segments", f"a {kind} volume does not lie on physical volumes itself",
                  hint="its parts have the segments")
    if lv.type is LvType.LINEAR and any("+" in segment for segment in lv.segments):
        yield bad(lv, "segments", "a linear volume has no stripes", wanted="type = striped")
    if lv.type is LvType.STRIPED:
        yield from _check_striped(lv)
    for key, wanted in (("parts", (*_OF_IMAGES, *_POOLS)), ("pool", (LvType.THIN, *_CACHED)),
                        ("origin", (LvType.THIN, *_CACHED, LvType.SNAPSHOT)), ("device_number", (LvType.THIN,)),
                        ("cache_mode", (LvType.CACHE, LvType.CACHE_POOL))):
        if getattr(lv, key) not in (None, ()) and lv.type not in wanted:
            yield bad(lv, key, f"a {kind} volume has no {key}")


def _check_striped(lv: LogicalVolume) -> Iterator[Problem]:
    widths = [len(segment.split("+")) for segment in lv.segments]
    if widths and lv.stripes is not None and lv.stripes != max(widths):
        yield bad(lv, "stripes", "not what its segments have", found=str(lv.stripes), wanted=str(max(widths)))
    if lv.stripe_bytes is None or not is_power_of_two(lv.stripe_bytes) or lv.stripe_bytes < 4096:
        yield bad(lv, "stripe_bytes", "not a stripe size", found=str(lv.stripe_bytes or "nothing"),
                  wanted="a power of two from 4096")
    for segment in lv.segments:
        counts = {piece.rpartition(":")[2] for piece in segment.split("+")}
        if len(counts) > 1:
            yield bad(lv, "segments", "stripes of different length", found=segment)


def _check_group(lv: LogicalVolume, known: Dict[str, LogicalVolume]) -> Iterator[Problem]:
    """What it refers to is in its own group."""
    refs: List[Tuple[str, Optional[str]]] = [("pool", lv.pool), ("origin", lv.origin)]
    refs += [("parts", part) for part in lv.parts]
    for key, ref in refs:
        other = known.get(ref or "")
        if other is not None and other.vg != lv.vg:
            yield bad(lv, key, f"{other.id} is in another volume group", found=other.vg, wanted=lv.vg)


def _check_images(lv: LogicalVolume, known: Dict[str, LogicalVolume]) -> Iterator[Problem]:
    parts = [known[part] for part in lv.parts if part in known]
    images = [part for part in parts if part.role is LvRole.IMAGE]
    metadata = [part for part in parts if part.role is LvRole.METADATA]
    logs = [part for part in parts if part.role is LvRole.LOG]
    if len(images) + len(metadata) + len(logs) != len(parts) or (logs and lv.type is not LvType.MIRROR):
        yield bad(lv, "parts", f"something that is no part of {lv.type.value}",
                  found=", ".join(f"{part.id} ({part.role.value})" for part in parts), wanted="images and metadata")
        return
    wanted = _images_wanted(lv)
    if wanted is None and len(images) < 2:
        yield bad(lv, "parts", "too few images", found=str(len(images)), wanted="at least 2")
    elif wanted is not None and len(images) != wanted:
        yield bad(lv, "parts", f"not the images of {lv.stripes} stripes", found=str(len(images)), wanted=str(wanted))
    if lv.type in _WITH_METADATA and len(metadata) != len(images):
        yield bad(lv, "parts", "not one metadata volume for each image", found=str(len(metadata)),
                  wanted=str(len(images)))
    data = lv.stripes if lv.type in _STRIPED_RAID else 1
    for image in images:
        if data and image.extents * data < lv.extents:
            yield bad(lv, "extents", f"more than its image {image.id} has room for", found=str(lv.extents),
                      wanted=f"at most {image.extents * data}")
    if lv.type in _STRIPED_RAID and (lv.stripe_bytes is None or not is_power_of_two(lv.stripe_bytes)):
        yield bad(lv, "stripe_bytes", "not a stripe size", found=str(lv.stripe_bytes or "nothing"),
                  wanted="a power of two")


def _images_wanted(lv: LogicalVolume) -> Optional[int]:
    if lv.type not in _STRIPED_RAID or lv.stripes is None:
        return None
    return lv.stripes * 2 if lv.type is LvType.RAID10 else lv.stripes + _PARITY.get(lv.type, 0)


def _check_pool(lv: LogicalVolume, known: Dict[str, LogicalVolume]) -> Iterator[Problem]:
    roles = [known[part].role for part in lv.parts if part in known]
    wanted = [_POOLS[lv.type], LvRole.POOL_METADATA]
    if len(roles) == len(lv.parts) and roles != wanted:
        yield bad(lv, "parts", f"not the parts of a {lv.type.value}", found=", ".join(role.value for role in roles),
                  wanted=", ".join(role.value for role in wanted))
    elif roles and known[lv.parts[0]].extents != lv.extents:
        yield bad(lv, "extents", f"not those of {lv.parts[0]}", found=str(lv.extents),
                  wanted=str(known[lv.parts[0]].extents))
    least, chunk = _LEAST_POOL_CHUNK[lv.type], lv.chunk_bytes
    if chunk is None or chunk % least or not least <= chunk <= _GIB:
        yield bad(lv, "chunk_bytes", f"not a chunk size of a {lv.type.value}", found=str(chunk or "nothing"),
                  wanted=f"a multiple of {least} up to {_GIB}")


def _check_thin(lv: LogicalVolume, known: Dict[str, LogicalVolume]) -> Iterator[Problem]:
    pool = known.get(lv.pool or "")
    if lv.pool is None or (pool is not None and pool.type is not LvType.THIN_POOL):
        yield bad(lv, "pool", "a thin volume needs a thin pool", found=pool.type.value if pool else "nothing")
    if lv.device_number is not None and not 1 <= lv.device_number < 1 << 24:
        yield bad(lv, "device_number", "not a number of a thin volume", found=str(lv.device_number),
                  wanted="1 to 16777215")


def _check_cached(lv: LogicalVolume, known: Dict[str, LogicalVolume]) -> Iterator[Problem]:
    pool, origin = known.get(lv.pool or ""), known.get(lv.origin or "")
    if lv.pool is None or (pool is not None and pool.role is not LvRole.CACHE):
        yield bad(lv, "pool", "a cached volume needs a cache", found=pool.role.value if pool else "nothing",
                  wanted="a volume with role = cache")
    if lv.origin is None or (origin is not None and origin.role is not LvRole.ORIGIN):
        yield bad(lv, "origin", "a cached volume needs the volume that is cached",
                  found=origin.role.value if origin else "nothing", wanted="a volume with role = origin")
    elif origin is not None and origin.extents != lv.extents:
        yield bad(lv, "extents", f"not those of {origin.id}", found=str(lv.extents), wanted=str(origin.extents))


def _check_owners(info: SystemInformation) -> Iterator[Problem]:
    """Each hidden volume, except a spare, is a part of exactly one other; nothing else is."""
    owners: Dict[str, str] = {}
    for lv in info.lvs:
        used = [*lv.parts, *([lv.pool, lv.origin] if lv.type in _CACHED else [])]
        for part in used:
            if part is None:
                continue
            if part in owners:
                yield bad(lv, "parts" if part in lv.parts else "pool", f"{part} is a part of {owners[part]} too")
            owners.setdefault(part, lv.id)
    for lv in info.lvs:
        if lv.role is LvRole.VOLUME and lv.id in owners:
            yield bad(lv, "role", f"a part of {owners[lv.id]} is not a volume of its own", found=lv.role.value)
        elif lv.role not in (LvRole.VOLUME, LvRole.SPARE) and lv.id not in owners:
            yield bad(lv, "role", "a hidden part of no volume", found=lv.role.value)
