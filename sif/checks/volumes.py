"""LVM: names, ids, and where every extent lies."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Tuple

from sif.checks.common import SHA256, bad, device, is_power_of_two, repeated, size_of
from sif.keys import CARRIERS
from sif.later import regex
from sif.media import SCHEME, path_fault
from sif.model import LogicalVolume, PhysicalVolume, SystemInformation, VolumeGroup
from sif.problems import Problem

LVM_NAME = regex(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}")
LVM_UUID = regex(r"[A-Za-z0-9]{6}(?:-[A-Za-z0-9]{4}){5}-[A-Za-z0-9]{6}")
SEGMENT = regex(r"([A-Za-z0-9][A-Za-z0-9_.+-]*):(0|[1-9][0-9]{0,15}):([1-9][0-9]{0,15})")

Extents = Tuple[str, int, int]
"""(PV id, first extent, number of extents)."""


def segments_of(volume: LogicalVolume) -> Tuple[Optional[Extents], ...]:
    """The pieces of the volume's segments, stripe by stripe, parsed; None for one that is malformed."""
    found: List[Optional[Extents]] = []
    for text in volume.segments:
        for piece in text.split("+"):
            match = SEGMENT.fullmatch(piece)
            found.append((match.group(1), int(match.group(2)), int(match.group(3))) if match else None)
    return tuple(found)


def _name_fault(name: str) -> bool:
    return not LVM_NAME.fullmatch(name) or name in (".", "..")


def check_groups(info: SystemInformation) -> Iterator[Problem]:
    """Volume groups and physical volumes."""
    owners: Dict[str, str] = {}
    for group in info.vgs:
        yield from _check_group(group)
        for member in group.pvs:
            if member in owners:
                yield bad(group, "pvs", f"{member} is also in {owners[member]}",
                          wanted="each physical volume in one group")
            owners[member] = group.id
    for pv in info.pvs:
        yield from _check_pv(info, pv, owners)
    for later, earlier in repeated([(pv, pv.uuid) for pv in info.pvs]):
        yield bad(later, "uuid", f"the same uuid as {earlier.id}", found=later.uuid)
    for key in ("name", "uuid"):
        for group, other in repeated([(group, str(getattr(group, key))) for group in info.vgs]):
            yield bad(group, key, f"the same {key} as {other.id}", found=str(getattr(group, key)))


def _check_group(group: VolumeGroup) -> Iterator[Problem]:
    if _name_fault(group.name):
        yield bad(group, "name", "not a name LVM accepts", found=group.name)
    if not LVM_UUID.fullmatch(group.uuid):
        yield bad(group, "uuid", "not an LVM uuid", found=group.uuid)
    if not is_power_of_two(group.pe_bytes) or group.pe_bytes < 1024:
        yield bad(group, "pe_bytes", "not an extent size", found=str(group.pe_bytes),
                  wanted="a power of two from 1024")
    if not group.pvs:
        yield bad(group, "pvs", "a volume group needs a physical volume")
    if group.metadata is not None:
        fault = path_fault(group.metadata[len(SCHEME):]) if group.metadata.startswith(SCHEME) else "no media: before it"
        if fault:
            yield bad(group, "metadata", f"not a file of the set: {fault}", found=group.metadata,
                      wanted="media:PATH below the SIF's directory")
    if group.metadata_sha256 is not None and not SHA256.fullmatch(group.metadata_sha256):
        yield bad(group, "metadata_sha256", "not a SHA-256", found=group.metadata_sha256, wanted="64 hex digits")


def _check_pv(info: SystemInformation, pv: PhysicalVolume, owners: Dict[str, str]) -> Iterator[Problem]:
    if not LVM_UUID.fullmatch(pv.uuid):
        yield bad(pv, "uuid", "not an LVM uuid", found=pv.uuid)
    group = info.find("VG", owners.get(pv.id, ""))
    size = size_of(info, device(info, pv.device, CARRIERS))
    if not isinstance(group, VolumeGroup):
        yield bad(pv, "", "the physical volume is in no volume group")
    elif size is not None and pv.pe_start_bytes + pv.extents * group.pe_bytes > size:
        yield bad(pv, "extents", f"the extents do not fit on {pv.device}", wanted=f"at most {size} bytes",
                  found=f"{pv.pe_start_bytes + pv.extents * group.pe_bytes} bytes")


def check_volumes(info: SystemInformation) -> Iterator[Problem]:
    """Logical volumes: every segment inside a physical volume of the group, and no extent used twice."""
    used: Dict[str, List[Tuple[int, int, LogicalVolume]]] = {}
    for volume in info.lvs:
        yield from _check_volume(info, volume)
        for segment in segments_of(volume):
            if segment is not None:
                used.setdefault(segment[0], []).append((segment[1], segment[2], volume))
    for pv, pieces in sorted(used.items()):
        pieces.sort(key=lambda piece: piece[0])
        for (first, count, one), (start, _, other) in zip(pieces, pieces[1:]):
            if start < first + count:
                yield bad(other, "segments", f"extent {start} of {pv} is also in {one.id}")
    for later, earlier in repeated([(volume, f"{volume.vg}/{volume.name}") for volume in info.lvs]):
        yield bad(later, "name", f"the same name as {earlier.id}", found=later.name)
    for later, earlier in repeated([(volume, f"{volume.vg}/{volume.uuid}") for volume in info.lvs]):
        yield bad(later, "uuid", f"the same uuid as {earlier.id}", found=later.uuid)


def _check_volume(info: SystemInformation, volume: LogicalVolume) -> Iterator[Problem]:
    if _name_fault(volume.name):
        yield bad(volume, "name", "not a name LVM accepts", found=volume.name)
    if not LVM_UUID.fullmatch(volume.uuid):
        yield bad(volume, "uuid", "not an LVM uuid", found=volume.uuid)
    if volume.extents == 0:
        yield bad(volume, "extents", "an empty logical volume", wanted="at least 1")
    group = info.find("VG", volume.vg)
    members = group.pvs if isinstance(group, VolumeGroup) else ()
    total = 0
    pieces = [piece for text in volume.segments for piece in text.split("+")]
    for text, segment in zip(pieces, segments_of(volume)):
        if segment is None:
            yield bad(volume, "segments", "not a segment", found=text, wanted="pv:first-extent:extents")
            continue
        pv = info.find("PV", segment[0])
        total += segment[2]
        if not isinstance(pv, PhysicalVolume) or pv.id not in members:
            yield bad(volume, "segments", f"{segment[0]} is not a physical volume of {volume.vg}", found=text)
        elif segment[1] + segment[2] > pv.extents:
            yield bad(volume, "segments", f"the segment reaches beyond {pv.id}", found=text,
                      wanted=f"extents 0 to {pv.extents - 1}")
    if volume.segments and total != volume.extents:
        yield bad(volume, "segments", "the segments do not add up to the volume", found=f"{total} extents",
                  wanted=f"{volume.extents} extents")
