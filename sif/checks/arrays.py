"""Software RAID: what each level and each version of metadata allows, and whether the members are large enough.

Sources: md(4), mdadm(8).
"""

from __future__ import annotations

from typing import Iterator, Optional, Tuple

from sif.checks.common import bad, device, is_power_of_two, repeated, size_of
from sif.keys import CARRIERS
from sif.later import regex
from sif.model import Bitmap, MdArray, MdLevel, MdMetadata, SystemInformation
from sif.problems import Problem

MD_UUID = regex(r"[0-9a-f]{8}(?::[0-9a-f]{8}){3}")
MD_NAME_BYTES = 32
"""Room for ``host:name`` in a superblock of version 1."""
MAX_OLD_DEVICES = 27
"""Members that a superblock of version 0.90 has room for."""

_ROTATIONS = ("left-asymmetric", "right-asymmetric", "left-symmetric", "right-symmetric", "parity-first", "parity-last")
_RAID6_ONLY = ("ddf-zero-restart", "ddf-N-restart", "ddf-N-continue", "left-asymmetric-6", "right-asymmetric-6",
               "left-symmetric-6", "right-symmetric-6", "parity-first-6")
_LAYOUTS = {MdLevel.RAID0: ("original", "alternate"), MdLevel.RAID5: _ROTATIONS,
            MdLevel.RAID6: (*_ROTATIONS, *_RAID6_ONLY)}
_COPIES = regex(r"(near|far|offset)=([1-9][0-9]?)(?:, (?:far|offset)=([1-9][0-9]?))?")
_SMALLEST = {MdLevel.RAID4: 2, MdLevel.RAID5: 2, MdLevel.RAID6: 4, MdLevel.RAID10: 2}
_STRIPED = (MdLevel.RAID0, MdLevel.RAID4, MdLevel.RAID5, MdLevel.RAID6, MdLevel.RAID10)
_PARITY = {MdLevel.RAID4: 1, MdLevel.RAID5: 1, MdLevel.RAID6: 2}
_REDUNDANT = (MdLevel.RAID1, MdLevel.RAID4, MdLevel.RAID5, MdLevel.RAID6, MdLevel.RAID10)


def copies(layout: Optional[str]) -> Optional[int]:
    """How often a RAID 10 of that layout holds everything; None for what is not a layout of RAID 10."""
    match = _COPIES.fullmatch(layout or "")
    return int(match.group(2)) * int(match.group(3) or 1) if match else None


def check_arrays(info: SystemInformation) -> Iterator[Problem]:
    """Every rule for every array, and uuids that are there twice."""
    for array in info.arrays:
        yield from _check_identity(array)
        yield from _check_slots(array)
        yield from _check_extras(array)
        yield from _check_geometry(array)
        yield from _check_sizes(info, array)
    for later, earlier in repeated([(array, array.uuid) for array in info.arrays]):
        yield bad(later, "uuid", f"the same uuid as {earlier.id}", found=later.uuid)


def _check_identity(array: MdArray) -> Iterator[Problem]:
    if not MD_UUID.fullmatch(array.uuid):
        yield bad(array, "uuid", "not the uuid of an array", found=array.uuid,
                  wanted="4 groups of 8 hexadecimal digits in lower case, with colons")
    if array.metadata is MdMetadata.V0_90:
        for key in ("name", "homehost", "data_offsets"):
            if getattr(array, key):
                yield bad(array, key, f"metadata 0.90 has no {key}")
        if array.devices > MAX_OLD_DEVICES:
            yield bad(array, "devices", "too many for metadata 0.90", found=str(array.devices),
                      wanted=f"at most {MAX_OLD_DEVICES}")
    whole = ":".join(word for word in (array.homehost, array.name) if word)
    if len(whole.encode("utf-8")) > MD_NAME_BYTES:
        yield bad(array, "name", "home host and name are too long for a superblock", found=whole,
                  wanted=f"at most {MD_NAME_BYTES} bytes with the colon")


def _check_slots(array: MdArray) -> Iterator[Problem]:
    wrong = [slot for slot in array.missing if slot >= array.devices]
    if wrong or len(set(array.missing)) != len(array.missing):
        yield bad(array, "missing", "not numbers of empty slots", found=", ".join(map(str, array.missing)),
                  wanted=f"different numbers from 0 to {array.devices - 1}")
    elif len(array.members) + len(array.missing) != array.devices:
        yield bad(array, "members", "members and empty slots are not all the slots there are",
                  found=f"{len(array.members)} and {len(array.missing)}", wanted=f"{array.devices} together")
    smallest = _SMALLEST.get(array.level, 1)
    if array.devices < smallest:
        yield bad(array, "devices", f"too few for {array.level.value}", found=str(array.devices),
                  wanted=f"at least {smallest}")
    spared = _may_miss(array)
    if len(array.missing) > spared:
        yield bad(array, "missing", f"{array.level.value} does not run with so many empty slots",
                  found=str(len(array.missing)), wanted=f"at most {spared}")


def _may_miss(array: MdArray) -> int:
    if array.level is MdLevel.RAID1:
        return max(array.devices - 1, 0)
    if array.level is MdLevel.RAID10:
        number = copies(array.layout) or 2
        return array.devices - -(-array.devices // number)
    return _PARITY.get(array.level, 0)


def _check_extras(array: MdArray) -> Iterator[Problem]:
    level = array.level.value
    if array.spares and array.level not in _REDUNDANT:
        yield bad(array, "spares", f"{level} has no spares")
    if array.journal is not None and array.level not in _PARITY:
        yield bad(array, "journal", f"{level} has no write journal")
    if array.bitmap is not Bitmap.NONE and array.level not in _REDUNDANT:
        yield bad(array, "bitmap", f"{level} has no bitmap")
    if array.bitmap is not Bitmap.NONE and array.journal is not None:
        yield bad(array, "bitmap", "an array with a write journal has no bitmap")
    chunk = array.bitmap_chunk_bytes
    if chunk is not None and (array.bitmap is Bitmap.NONE or not is_power_of_two(chunk) or chunk < 4096):
        yield bad(array, "bitmap_chunk_bytes", "not what a bit of a bitmap stands for", found=str(chunk),
                  wanted="a bitmap, and a power of two from 4096")
    for key in ("write_mostly", "failfast"):
        strangers = [member for member in getattr(array, key) if member not in array.members]
        if strangers:
            yield bad(array, key, "not members of the array", found=", ".join(strangers))
    if array.write_mostly and array.level is not MdLevel.RAID1:
        yield bad(array, "write_mostly", f"{level} reads from all its members")


def _check_geometry(array: MdArray) -> Iterator[Problem]:
    known = _LAYOUTS.get(array.level, ())
    if array.level is MdLevel.RAID10:
        number = copies(array.layout)
        if number is None or number > array.devices:
            yield bad(array, "layout", "not a layout of raid10", found=array.layout or "nothing",
                      wanted="near=N, far=N or offset=N, N at most the number of slots")
    elif array.layout is not None and array.layout not in known:
        yield bad(array, "layout", f"not a layout of {array.level.value}", found=array.layout,
                  wanted=", ".join(known) or "none")
    chunk = array.chunk_bytes
    if array.level in _STRIPED:
        if chunk is None or chunk % 4096 or not chunk:
            yield bad(array, "chunk_bytes", f"{array.level.value} needs a chunk size", found=str(chunk or "nothing"),
                      wanted="a multiple of 4096")
    elif array.level is MdLevel.RAID1 and chunk is not None:
        yield bad(array, "chunk_bytes", "raid1 has no chunks", found=str(chunk))
    everyone = len(array.members) + len(array.spares) + (array.journal is not None)
    if array.data_offsets and len(array.data_offsets) != everyone:
        yield bad(array, "data_offsets", "not one for each device", found=str(len(array.data_offsets)),
                  wanted=str(everyone))


def _check_sizes(info: SystemInformation, array: MdArray) -> Iterator[Problem]:
    component = array.component_bytes
    sizes = [size_of(info, device(info, member, CARRIERS)) for member in array.members]
    offsets: Tuple[int, ...] = array.data_offsets or (0,) * len(sizes)
    for member, size, offset in zip(array.members, sizes, offsets):
        if size is not None and offset + (component or 0) > size:
            yield bad(array, "members", f"{member} is too small", found=f"{size} bytes",
                      wanted=f"{offset + (component or 0)} bytes")
    capacity = _capacity(array, [size or 0 for size in sizes], None in sizes)
    if capacity is not None and array.size_bytes > capacity:
        yield bad(array, "size_bytes", "more than the members hold", found=str(array.size_bytes),
                  wanted=f"at most {capacity}")


def _capacity(array: MdArray, sizes: "list[int]", unknown: bool) -> Optional[int]:
    """What the array holds at most; None where that can't be said."""
    if array.level in (MdLevel.LINEAR, MdLevel.RAID0):
        return None if unknown else sum(sizes)
    if array.component_bytes is None:
        return None
    if array.level is MdLevel.RAID1:
        return array.component_bytes
    if array.level is MdLevel.RAID10:
        return array.component_bytes * array.devices // (copies(array.layout) or 1)
    return array.component_bytes * max(array.devices - _PARITY[array.level], 0)
