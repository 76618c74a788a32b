"""Gives room that larger disks have to the volumes that the policy says: the last one, all by size, or those named."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Set, Tuple

from rescue.planner.elastic import Rank, free_extents, is_resizable, rank_of
from rescue.planner.fit import pieces_of, place_partitions, room_of
from rescue.planner.layout import is_extended
from rescue.planner.pack import GRAIN
from rescue.planner.resize import lay_out, resize_lv, resize_partition
from rescue.planner.sketch import Sketch
from rescue.planner.words import human
from sif.model import Fit, Grow, Policy


def grow(sketch: Sketch, policy: Policy, sizes: Dict[str, Tuple[int, int]]) -> None:
    """Let volumes have what the disks have more. ``sizes`` has bytes and sector size of each present disk."""
    how = Grow.PROPORTIONAL if policy.fit is Fit.PROPORTIONAL and policy.grow is Grow.NONE else policy.grow
    if how is Grow.NONE:
        return
    before = {vg.id: free_extents(sketch, vg) for vg in sketch.vgs.values()}
    named = set(map(str, policy.grow_volumes)) if how is Grow.NAMED else None
    why = f"the policy says grow = {how.value}"
    sketch.growing = True
    for disk_id, (size, sector) in sizes.items():
        if disk_id in sketch.disks:
            _grow_disk(sketch, disk_id, size, sector, how, named, why)
    for vg_id, free in before.items():
        more = free_extents(sketch, sketch.vgs[vg_id]) - free
        if more > 0:
            _grow_group(sketch, vg_id, more, how, named, why)
    sketch.growing = False


def _grow_disk(sketch: Sketch, disk_id: str, size: int, sector: int, how: Grow, named: Optional[Set[str]],
               why: str) -> None:
    pieces = pieces_of(sketch, disk_id)
    room = room_of(sketch.disks[disk_id], size, sector)
    # What was free on the saved disk already stays free: on the same disk nothing changes.
    more = size - next((disk.size_bytes for disk in sketch.saved.disks if disk.id == disk_id), size)
    surplus = min(more, room.end - max((piece.start + piece.size for piece in pieces), default=room.end) - GRAIN)
    able = [part.id for part in sketch.on_disk(disk_id) if not is_extended(part) and part.id in sketch.holder
            and is_resizable(sketch, part.id) and (named is None or named & volumes_on(sketch, part.id))]
    if not any(piece.logical for piece in pieces) and surplus >= GRAIN and able:
        for ident, share in _shares(how, able, {ident: sketch.size_of(ident) for ident in able}, surplus):
            part = sketch.partitions[ident]
            resize_partition(sketch, part, (sketch.size_of(ident) + share) // GRAIN * GRAIN, why)
        place_partitions(sketch, disk_id, size, sector, why)
        cause = sketch.causes.get(("DISK", disk_id))
        if cause is not None and cause.code == "disk-larger":
            sketch.causes[("DISK", disk_id)] = replace(
                cause, consequence=f"{human(surplus)} go to " + ", ".join(able if how is not Grow.LAST else able[-1:]))


def _grow_group(sketch: Sketch, vg_id: str, extents: int, how: Grow, named: Optional[Set[str]], why: str) -> None:
    able = [lv for lv in sketch.lvs_of.get(vg_id, ()) if is_resizable(sketch, lv)
            and (named is None or named & volumes_on(sketch, lv))]
    for ident, share in _shares(how, able, {lv: sketch.lvs[lv].extents for lv in able}, extents, 1):
        if share:
            resize_lv(sketch, sketch.lvs[ident], sketch.lvs[ident].extents + share, why)
    lay_out(sketch, vg_id, why)


def _shares(how: Grow, able: Sequence[str], sizes: Dict[str, int], surplus: int,
            grain: int = GRAIN) -> List[Tuple[str, int]]:
    """Who gets how much, in whole grains; what does not divide stays free."""
    if not able:
        return []
    if how is Grow.LAST:
        return [(able[-1], surplus // grain * grain)]
    whole = sum(sizes.values())
    return [(ident, surplus * sizes[ident] // max(whole, 1) // grain * grain) for ident in able]


def volumes_on(sketch: Sketch, ident: str) -> Set[str]:
    """The file systems, with their subvolumes, that lie on a carrier or on what is stacked on it."""
    kind, holder = sketch.holder.get(ident, ("", ""))
    if kind == "FS":
        return {holder} if rank_of(sketch, holder) is not Rank.SYSTEM else set()
    if kind == "BTRFS":
        return {holder, *(sub.id for sub in sketch.subvolumes.values() if sub.btrfs == holder)}
    if kind in ("LUKS", "MD", "BCACHE"):
        return volumes_on(sketch, holder)
    if kind == "PV":
        lvs = sketch.lvs_of.get(sketch.vg_of.get(holder, ""), ())
        return set().union(*(volumes_on(sketch, lv) for lv in lvs))
    return set()
