"""LVM's hidden volumes: which of them lie on the disks in the end, and which must not keep what they held. Pure.

Sources: lvmraid(7), lvmthin(7), lvmcache(7).
"""

from __future__ import annotations

from typing import Optional, Sequence, Tuple

from sif.model import LogicalVolume, LvRole, LvType

_STALE = (LvRole.METADATA, LvRole.LOG, LvRole.POOL_METADATA, LvRole.CACHE)
_WHOLE = (LvType.LINEAR, LvType.STRIPED)
_COPIED = (LvType.RAID1, LvType.MIRROR)


def stale(volumes: Sequence[LogicalVolume]) -> Tuple[LogicalVolume, ...]:
    """The volumes with extents of their own whose old content would be taken for a live state of something else.

    A cache volume is one of them as it is, superblock first; of a cache pool only the metadata is: without it, nothing
    leads to the old blocks.
    """
    found = [leaf for volume in volumes if volume.role in _STALE for leaf in leaves(volume, volumes)]
    return tuple({leaf.id: leaf for leaf in found}.values())


def leaves(volume: LogicalVolume, volumes: Sequence[LogicalVolume]) -> Tuple[LogicalVolume, ...]:
    """The volumes that the volume's content lies on: itself, or the images that it is made of.

    Nothing for a cache pool, whose metadata has a role of its own.
    """
    if volume.type is LvType.CACHE_POOL:
        return ()
    if volume.segments:
        return (volume,)
    parts = [part for part in volumes if part.id in volume.parts]
    return tuple(leaf for part in parts for leaf in leaves(part, volumes))


def metadata_of(pool: LogicalVolume, volumes: Sequence[LogicalVolume]) -> Optional[LogicalVolume]:
    """The volume that holds a pool's metadata."""
    return next((lv for lv in volumes if lv.id in pool.parts and lv.role is LvRole.POOL_METADATA), None)


def copies(volume: Optional[LogicalVolume], volumes: Sequence[LogicalVolume]) -> Tuple[LogicalVolume, ...]:
    """The volumes that each hold the volume's whole content: itself, or the images of a mirror.

    None where the content is spread in another way.
    """
    if volume is None:
        return ()
    if volume.type in _WHOLE:
        return (volume,)
    images = [lv for lv in volumes if lv.id in volume.parts and lv.role is LvRole.IMAGE]
    if volume.type not in _COPIED or not all(image.type in _WHOLE for image in images):
        return ()
    return tuple(images)
