"""Leaves out what has no place on this machine: redundant parts first, then what lies on what is gone.

Nothing here decides whether a loss is acceptable: the caller works on a copy and looks at what was lost.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

from rescue.planner.elastic import Rank, is_elastic, rank_of
from rescue.planner.layout import array_devices
from rescue.planner.resize import lay_out, settle_group
from rescue.planner.sketch import Cause, Sketch
from rescue.planner.words import human
from sif.model import MdArray, MdLevel, Partition

_SPARE_MEMBERS = {MdLevel.RAID1: 0, MdLevel.RAID4: 1, MdLevel.RAID5: 1, MdLevel.RAID6: 2}
"""Members that may be missing; of RAID 1 all but one, of RAID 10 one of each pair."""


@dataclass(frozen=True)
class Lost:
    """A file system, swap area or image that will not be there."""

    kind: str
    id: str
    rank: Rank


def lose_partition(sketch: Sketch, part: Partition, why: str) -> Tuple[Lost, ...]:
    """Leave out a partition and what cannot be without it."""
    lost = lose_content(sketch, part.id, why)
    size = sketch.size_of(part.id)
    sketch.remove("PARTITION", part.id, Cause("partition-dropped", why, f"{human(size)} are not made again",
                                              bool(lost)))
    return lost


def lose_content(sketch: Sketch, ident: str, why: str) -> Tuple[Lost, ...]:
    """Leave out what lies on a carrier that is gone, or let it do without."""
    kind, holder = sketch.holder.get(ident, ("", ""))
    if kind == "FS":
        rank = rank_of(sketch, holder)
        found = sketch.filesystems[holder]
        _lose_swap_files(sketch, (holder,), why)
        sketch.remove("FS", holder, Cause("volume-lost", why, f"{found.mount or holder} is not restored: it is empty, "
                                          "and the system that expects it has to be told", True))
        return (Lost("FS", holder, rank),)
    if kind == "SWAP":
        sketch.remove("SWAP", holder, Cause("swap-lost", why, "the system starts without this swap area; take it out "
                                            "of fstab", True))
        return (Lost("SWAP", holder, Rank.SWAP),)
    if kind == "RAW":
        sketch.remove("RAW", holder, Cause("raw-lost", why, "its sectors are not written", True))
        return (Lost("RAW", holder, Rank.SYSTEM),)
    if kind == "CACHESET":
        sketch.remove("CACHESET", holder, Cause("cache-lost", why, "what it cached is as slow as its own disks", True))
        for cached in [one for one in sketch.bcaches.values() if one.cache == holder]:
            sketch.put(replace(cached, cache=None), Cause("cache-lost", why, "it is used without a cache", True))
        return ()
    if kind == "BCACHE":
        lost = lose_content(sketch, holder, why)
        sketch.remove("BCACHE", holder, Cause("bcache-lost", why, "the cached device is not made again", True))
        return lost
    if kind == "LUKS":
        lost = lose_content(sketch, holder, why)
        sketch.remove("LUKS", holder, Cause("luks-lost", why, "the encrypted volume is not made again", True))
        return lost
    if kind == "MD":
        return _lose_member(sketch, sketch.arrays[holder], ident, why)
    if kind == "PV":
        return _lose_pv(sketch, holder, why)
    if kind == "BTRFS":
        return _lose_btrfs(sketch, holder, why)
    return ()


def _lose_btrfs(sketch: Sketch, ident: str, why: str) -> Tuple[Lost, ...]:
    rank = rank_of(sketch, ident)
    subvolumes = [sub.id for sub in sketch.subvolumes.values() if sub.btrfs == ident]
    _lose_swap_files(sketch, (ident, *subvolumes), why)
    for sub in subvolumes:
        sketch.remove("SUBVOLUME", sub, Cause("volume-lost", why, "it is part of a file system that is lost", True))
    sketch.remove("BTRFS", ident, Cause("volume-lost", why, "it is not restored", True))
    return (Lost("BTRFS", ident, rank),)


def _lose_swap_files(sketch: Sketch, holders: Sequence[str], why: str) -> None:
    for swap in [swap.id for swap in sketch.swaps.values() if swap.path is not None and swap.device in holders]:
        sketch.remove("SWAP", swap, Cause("swap-lost", why, "the system starts without this swap file; take it out of "
                                          "fstab", True))


# Arrays

def survives(array: MdArray, gone: "Tuple[str, ...] | List[str]") -> bool:
    """Whether the array still holds all data without these members."""
    slots = slots_of(array)
    left = [member for member in slots if member is not None and member not in gone]
    if array.level is MdLevel.RAID1:
        return bool(left)
    if array.level is MdLevel.RAID10:
        near = (array.layout or "near=2") == "near=2" and len(slots) % 2 == 0
        return near and all(any(m is not None and m not in gone for m in slots[at:at + 2])
                            for at in range(0, len(slots), 2))
    return len(slots) - len(left) <= _SPARE_MEMBERS.get(array.level, 0)


def slots_of(array: MdArray) -> List["str | None"]:
    """What fills each slot; None for an empty one."""
    members = iter(array.members)
    return [None if slot in array.missing else next(members, None) for slot in range(array.devices)]


def _lose_member(sketch: Sketch, array: MdArray, device: str, why: str) -> Tuple[Lost, ...]:
    if device in array.members and not survives(array, (device,)):
        lost = lose_content(sketch, array.id, why)
        sketch.remove("MD", array.id, Cause("array-lost", why, "too few of its members have a place", True))
        return lost
    offsets = dict(zip(array_devices(array), array.data_offsets))
    slots = slots_of(array)
    missing = tuple(slot for slot, member in enumerate(slots) if member is None or member == device)
    kept = tuple(member for member in array.members if member != device)
    changed = replace(array, members=kept, missing=missing,
                      spares=tuple(spare for spare in array.spares if spare != device),
                      journal=None if array.journal == device else array.journal,
                      write_mostly=tuple(m for m in array.write_mostly if m != device),
                      failfast=tuple(m for m in array.failfast if m != device))
    changed = replace(changed, data_offsets=tuple(offsets[d] for d in array_devices(changed)) if offsets else ())
    degraded = device in array.members
    sketch.put(changed, Cause(
        "array-degraded" if degraded else "array-spare-missing", why,
        f"it starts with {len(kept)} of {array.devices} members; add another disk to it (mdadm --add)"
        if degraded else "it has no such spare or journal until one is added", degraded))
    sketch.holder.pop(device, None)
    return ()


# LVM

def _lose_pv(sketch: Sketch, ident: str, why: str) -> Tuple[Lost, ...]:
    group_id = sketch.vg_of.get(ident, "")
    group = sketch.vgs.get(group_id)
    if group is None:
        sketch.remove("PV", ident, Cause("pv-dropped", why, "it is not made again"))
        return ()
    rest = tuple(pv for pv in group.pvs if pv != ident)
    if not rest or not is_elastic(sketch, group):
        return _lose_group(sketch, group_id, why)
    sketch.remove("PV", ident, Cause("pv-dropped", why, "its group does without it"))
    sketch.put(replace(group, pvs=rest), Cause("vg-laid-out", why, "it does without a physical volume"))
    return make_fit(sketch, group_id, why)


def _lose_group(sketch: Sketch, ident: str, why: str) -> Tuple[Lost, ...]:
    lost: List[Lost] = []
    for lv in list(sketch.lvs_of.get(ident, ())):
        lost += lose_lv(sketch, lv, why)
    for pv in sketch.vgs[ident].pvs:
        sketch.remove("PV", pv, Cause("pv-dropped", why, "its group is lost"))
    sketch.remove("VG", ident, Cause("vg-lost", why, "none of its volumes is made again", True))
    return tuple(lost)


def lose_lv(sketch: Sketch, ident: str, why: str) -> Tuple[Lost, ...]:
    """Leave out a logical volume; the group keeps the room."""
    lost = lose_content(sketch, ident, why)
    lv = sketch.lvs[ident]
    sketch.lvs_of[lv.vg].remove(ident)
    sketch.remove("LV", ident, Cause("lv-lost", why, "it is not made again", bool(lost)))
    return lost


def make_fit(sketch: Sketch, group_id: str, why: str) -> Tuple[Lost, ...]:
    """Shrink the group's volumes, and leave out data volumes while there are too few extents; lay the rest out."""
    lost: List[Lost] = []
    settle_group(sketch, group_id, why)
    while (short := _short(sketch, group_id)) > 0:
        victim = victim_of(sketch, group_id, short)
        if victim is None:
            return (*lost, Lost("VG", group_id, Rank.SYSTEM))  # even without all data volumes: the caller refuses
        lost += lose_lv(sketch, victim, why)
        lay_out(sketch, group_id, why)
    return tuple(lost)


def _short(sketch: Sketch, group_id: str) -> int:
    group = sketch.vgs[group_id]
    return sum(sketch.lvs[lv].extents for lv in sketch.lvs_of.get(group_id, ())) \
        - sum(sketch.pvs[pv].extents for pv in group.pvs)


def victim_of(sketch: Sketch, group_id: str, short: int) -> "str | None":
    """The data volume to leave out: the smallest one that is enough, else the largest one."""
    sizes: Dict[str, int] = {lv: sketch.lvs[lv].extents for lv in sketch.lvs_of.get(group_id, ())
                             if only_data(sketch, lv)}
    enough = [lv for lv, extents in sizes.items() if extents >= short]
    if enough:
        return min(enough, key=lambda lv: (sizes[lv], lv))
    return max(sizes, key=lambda lv: (sizes[lv], lv), default=None)


def only_data(sketch: Sketch, ident: str) -> bool:
    """Whether data volumes, and nothing else, lie on the carrier."""
    kind, holder = sketch.holder.get(ident, ("", ""))
    if kind in ("FS", "BTRFS"):
        return rank_of(sketch, holder) is Rank.DATA
    if kind in ("LUKS", "MD", "BCACHE"):
        return only_data(sketch, holder)
    if kind == "PV":
        group = sketch.vg_of.get(holder)
        return group is not None and all(only_data(sketch, lv) for lv in sketch.lvs_of.get(group, ()))
    return False
