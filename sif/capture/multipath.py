"""Disks with several paths: the kernel shows each path as a disk, and the map that uses them all."""

from __future__ import annotations

import re
from typing import Dict, List, Mapping, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, partition_number, probe_blocks
from sif.plain import replace

MAP, PATH = "mpath", "path"
"""What lsblk calls a map, and what we call the disks below one."""


def probe_machine() -> Tuple[BlockDevice, ...]:
    """Every block device of the running machine, a disk with several paths being one disk."""
    devices = probe_blocks()
    return folded(devices, map_ids(devices))


def map_ids(devices: Sequence[BlockDevice]) -> Mapping[str, str]:
    """Kernel name → device mapper's uuid (``mpath-<WWID>``, ``part1-mpath-<WWID>``) of maps and their partitions."""
    return {device.kname: look.text_or(f"/sys/class/block/{device.kname}/dm/uuid").strip()
            for device in devices if device.type in (MAP, "part") and device.kname.startswith("dm-")}


def folded(devices: Sequence[BlockDevice], ids: Mapping[str, str]) -> Tuple[BlockDevice, ...]:
    """The devices with one disk for each map: it has the identity of its first path, and the paths are no disks."""
    by_name = {device.kname: device for device in devices}
    found: Dict[str, BlockDevice] = dict(by_name)
    for device in devices:
        if device.type != MAP:
            continue
        paths: List[BlockDevice] = sorted((by_name[name] for name in device.parents if name in by_name),
                                          key=lambda path: (path.by_path or "~", path.kname))
        for path in paths:
            found[path.kname] = replace(path, type=PATH)
        if paths:
            first = paths[0]
            device = replace(device, model=first.model, serial=first.serial, wwn=first.wwn, bus=first.bus,
                             by_path=first.by_path, removable=first.removable)
        found[device.kname] = replace(
            device, type="disk", parents=(), multipath=re.sub(r"^mpath-", "", ids.get(device.kname, "")) or None,
            paths=tuple(path.by_path or path.kname for path in paths))
    return tuple(found.values())


def number_of(partition: BlockDevice) -> int:
    """A partition's number; a map's partitions have it in device mapper's uuid only. Raises ValueError if there is
    none."""
    if not partition.kname.startswith("dm-"):
        return partition_number(partition.kname)
    uuid = look.text_or(f"/sys/class/block/{partition.kname}/dm/uuid").strip()
    number = re.match(r"part([0-9]+)-", uuid)
    if number is None:
        raise ValueError(f"no partition number in {uuid!r}")
    return int(number.group(1))
