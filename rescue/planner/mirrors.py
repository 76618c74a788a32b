"""Turns a mirror that has one member left into what lies on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from rescue.planner.resize import settle
from rescue.planner.sketch import Cause, Sketch
from sif.model import MdLevel, Ref


def dissolve(sketch: Sketch, ident: str, why: str) -> bool:
    """Put what lies on a mirror with one member directly on that member; False for anything else."""
    array = sketch.arrays.get(ident)
    if array is None or array.level is not MdLevel.RAID1 or len(array.members) != 1 or ident not in sketch.holder:
        return False
    before, member = array.size_bytes, array.members[0]
    kind, holder = sketch.holder.pop(ident)
    sketch.remove("MD", ident, Cause("array-dissolved", why, "what lay on the mirror lies on the disk itself; the "
                                     "system's own description of its arrays (mdadm.conf, the boot loader's image) "
                                     "still names it", True))
    sketch.holder[member] = (kind, holder)
    record: Any = sketch.records[kind][holder]
    cause = Cause("volume-moved", why, "it lies on a partition instead of a mirror")
    if kind == "BTRFS":
        sketch.put(replace(record, devices=tuple(Ref(member) if d == ident else d for d in record.devices)), cause)
    else:
        sketch.put(replace(record, device=Ref(member)), cause)
    settle(sketch, member, before, why)
    return True
