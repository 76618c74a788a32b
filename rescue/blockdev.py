"""Reading what block devices are there: one `lsblk`, typed, and the pure questions about it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

from sif.run import run

_COLUMNS = "NAME,KNAME,PATH,TYPE,FSTYPE,LABEL,UUID,MOUNTPOINTS,PTUUID,SIZE,SERIAL"


@dataclass(frozen=True)
class BlockDevice:
    """A block device and the kernel names of what it lies on (a logical volume may lie on several).

    ``table_id`` is the id of its partition table (a partition shows its disk's).
    """

    kname: str
    path: str
    type: str
    fstype: Optional[str] = None
    label: Optional[str] = None
    uuid: Optional[str] = None
    mount_points: Tuple[str, ...] = ()
    parents: Tuple[str, ...] = ()
    table_id: Optional[str] = None
    size_bytes: int = 0
    serial: Optional[str] = None


@dataclass(frozen=True)
class BlockDevices:
    """All block devices of the machine."""

    devices: Tuple[BlockDevice, ...]

    def by_kname(self, kname: str) -> Optional[BlockDevice]:
        return next((device for device in self.devices if device.kname == kname), None)

    def by_path(self, path: str) -> Optional[BlockDevice]:
        """The device of a path as lsblk shows it, or of a symbolic link to it."""
        real = Path(path).resolve().name
        return next((d for d in self.devices if d.path == path), None) or self.by_kname(real)

    def by_uuid(self, uuid: str) -> Tuple[BlockDevice, ...]:
        return tuple(d for d in self.devices if d.uuid is not None and d.uuid.lower() == uuid.lower())

    def by_label(self, label: str) -> Tuple[BlockDevice, ...]:
        return tuple(d for d in self.devices if d.label == label)

    def disks_under(self, device: BlockDevice) -> Tuple[str, ...]:
        """Kernel names of the whole disks that the device lies on; itself, when it is one."""
        found: Dict[str, None] = {}
        todo: List[BlockDevice] = [device]
        while todo:
            current = todo.pop(0)
            if not current.parents:
                found[current.kname] = None
            todo += [parent for name in current.parents if (parent := self.by_kname(name)) is not None]
        return tuple(found)


def read_block_devices() -> BlockDevices:
    """Ask lsblk what block devices there are."""
    return parse_lsblk(run(["lsblk", "--json", "--bytes", "--output", _COLUMNS], timeout=60).stdout)


def partition_number(device: BlockDevice) -> Optional[int]:
    """The number of a partition in its table, from sysfs; None for anything else."""
    try:
        return int(Path(f"/sys/class/block/{device.kname}/partition").read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None


def parse_lsblk(text: str) -> BlockDevices:
    """Turn lsblk's tree into records; a device that shows up under several parents becomes one record."""
    found: Dict[str, BlockDevice] = {}
    _collect(json.loads(text).get("blockdevices", []), (), found)
    return BlockDevices(tuple(found.values()))


def _collect(nodes: Iterable[Dict[str, Any]], parents: Tuple[str, ...], found: Dict[str, BlockDevice]) -> None:
    for node in nodes:
        kname = str(node["kname"])
        known = found.get(kname)
        above = tuple(dict.fromkeys((known.parents if known else ()) + parents))
        found[kname] = BlockDevice(
            kname=kname, path=str(node["path"]), type=str(node["type"]), fstype=node.get("fstype"),
            label=node.get("label"), uuid=node.get("uuid"),
            mount_points=tuple(point for point in node.get("mountpoints") or () if point),
            parents=above,
            table_id=node.get("ptuuid"), size_bytes=int(node.get("size") or 0), serial=node.get("serial"))
        _collect(node.get("children", ()), (kname,), found)
