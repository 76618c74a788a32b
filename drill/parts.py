"""Where the bytes of a file system lie on its disk, as the set of the lost machine says."""

from __future__ import annotations

from typing import Iterator, Tuple

from drill.errors import DrillFailed
from sif.model import Partition, SystemInformation


def volume_at(saved: SystemInformation, mount: str) -> Tuple[Tuple[int, int], ...]:
    """(start, length) in bytes of every part of the file system mounted there, on a partition or a linear logical
    volume of one disk. Raises :class:`DrillFailed` for any other."""
    device = next((fs.device for fs in saved.filesystems if fs.mount == mount), None)
    for partition in saved.partitions:
        if partition.id == device:
            return ((_start(saved, partition), partition.sectors * _sector(saved, partition)),)
    for volume in saved.lvs:
        if volume.id == device:
            return tuple(_segments(saved, volume.segments, str(volume.vg)))
    raise DrillFailed("the set has no such file system on a partition or a logical volume", found=mount)


def _segments(saved: SystemInformation, segments: Tuple[str, ...], group: str) -> Iterator[Tuple[int, int]]:
    extent = next(vg.pe_bytes for vg in saved.vgs if vg.id == group)
    for segment in segments:
        pv_id, first, count = segment.split(":")
        pv = next(pv for pv in saved.pvs if pv.id == pv_id)
        partition = next(partition for partition in saved.partitions if partition.id == pv.device)
        yield _start(saved, partition) + pv.pe_start_bytes + int(first) * extent, int(count) * extent


def _start(saved: SystemInformation, partition: Partition) -> int:
    return partition.start_sector * _sector(saved, partition)


def _sector(saved: SystemInformation, partition: Partition) -> int:
    return next(disk.logical_sector for disk in saved.disks if disk.id == partition.disk)
