"""What lies under the staging volume: whether phase 2's boot loader and early userspace can get through it. Pure.

The words for the kernel's command line are read by ``elements/lifeboat-boot`` (the early userspace) and by
:mod:`rescue.staging.up`: ``md,UUID,NODE``, ``vg,UUID``, ``btrfs``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Tuple

from rescue.planner.layout import Layout
from rescue.storage.bringup import in_order
from rescue.storage.site import array_node
from sif.model import (
    Bcache,
    Disk,
    LogicalVolume,
    Luks,
    LvType,
    MdArray,
    MdLevel,
    Partition,
    SystemInformation,
    VolumeGroup,
)

_ARRAYS = (MdLevel.RAID0, MdLevel.RAID1, MdLevel.RAID4, MdLevel.RAID5, MdLevel.RAID6, MdLevel.RAID10)
_VOLUMES = (LvType.LINEAR, LvType.STRIPED, LvType.RAID1)


@dataclass(frozen=True)
class Reach:
    """The way to a volume: ``why_not`` if there is none, ``direct`` if it lies on partitions and nothing else."""

    words: Tuple[str, ...] = ()
    direct: bool = True
    why_not: Optional[str] = None


def reach(saved: SystemInformation, devices: Sequence[str]) -> Reach:
    """How the early userspace gets to what lies on these devices (SIF ids)."""
    layout = Layout(saved)
    met: Dict[str, None] = {}
    todo = list(devices)
    while todo:
        ident = todo.pop()
        if ident in met:
            continue
        met[ident] = None
        found = layout.carrier(ident)
        why = _why_not(found, ident)
        if why is not None:
            return Reach(direct=False, why_not=why)
        if isinstance(found, LogicalVolume):
            met[found.vg] = None
        if not isinstance(found, Partition):
            todo += layout.below(ident)
    words: List[str] = []
    for layer in in_order(saved):
        if layer.id in met and isinstance(layer, MdArray):
            words.append(f"md,{layer.uuid},{array_node(saved, layer).rsplit('/', 1)[-1]}")
        elif layer.id in met and isinstance(layer, VolumeGroup):
            words.append(f"vg,{layer.uuid}")
    direct = not words
    if len(devices) > 1:
        words.append("btrfs")
    return Reach(tuple(words), direct)


def _why_not(found: object, ident: str) -> Optional[str]:
    if isinstance(found, Luks):
        return f"it is encrypted ({ident}), and nothing opens it before phase 2 has started"
    if isinstance(found, Bcache):
        return f"it lies on {ident}, a bcache, which nothing registers before phase 2 has started"
    if isinstance(found, Disk):
        return f"it lies on {ident} without a partition table, where no boot loader has room"
    if isinstance(found, MdArray) and found.level not in _ARRAYS:
        return f"it lies on {ident}, an array of level {found.level.value}"
    if isinstance(found, LogicalVolume) and found.type not in _VOLUMES:
        return f"it lies on {ident}, a logical volume of type {found.type.value}"
    return None if found is not None else f"{ident} is not there"
