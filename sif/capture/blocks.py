"""Block devices as the kernel and udev show them: the tree that the other probes hang their facts on."""

from __future__ import annotations

import json
import posixpath
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.later import regex
from sif.plain import dataclass, replace
from sif.problems import printable
from sif.questions import LSBLK

_NOT_DISKS = regex(r"(loop|ram|zram|sr|fd|nbd|bcache|drbd|zd)[0-9]")
_SECONDS = 60.0


@dataclass(frozen=True)
class BlockDevice:
    """One node of ``lsblk``: ``kname`` is the kernel's name, ``parents`` the kernel names below it.

    A disk that is used through a multipath map has the map's WWID in ``multipath`` and its ``paths`` by path.
    """

    kname: str
    path: str
    type: str
    size_bytes: int
    logical_sector: int
    physical_sector: int
    parents: Tuple[str, ...] = ()
    model: Optional[str] = None
    serial: Optional[str] = None
    wwn: Optional[str] = None
    bus: Optional[str] = None
    removable: bool = False
    read_only: bool = False
    mountpoint: Optional[str] = None
    by_path: Optional[str] = None
    multipath: Optional[str] = None
    paths: Tuple[str, ...] = ()


def parse_lsblk(text: str) -> Tuple[BlockDevice, ...]:
    """Every device of ``lsblk --json --bytes``, each once, with all its parents (an LV on two PVs has two)."""
    found: Dict[str, BlockDevice] = {}
    for node in _walk(json.loads(text)["blockdevices"]):
        device = _device(node)
        known = found.get(device.kname)
        if known is not None:
            parents = known.parents + tuple(p for p in device.parents if p not in known.parents)
            device = replace(known, parents=parents)
        found[device.kname] = device
    return tuple(found.values())


def _walk(nodes: Iterable[Mapping[str, Any]], parent: Optional[str] = None) -> Iterable[Mapping[str, Any]]:
    for node in nodes:
        yield {**node, "pkname": node.get("pkname") or parent}
        yield from _walk(node.get("children", ()), node["kname"])


def _device(node: Mapping[str, Any]) -> BlockDevice:
    return BlockDevice(
        kname=str(node["kname"]),
        path=str(node["path"]),
        type=str(node["type"]),
        size_bytes=int(node["size"] or 0),
        logical_sector=int(node["log-sec"]),
        physical_sector=int(node["phy-sec"]),
        parents=(str(node["pkname"]),) if node.get("pkname") else (),
        model=_text(node.get("model")),
        serial=_text(node.get("serial")),
        wwn=_text(node.get("wwn")),
        bus=_text(node.get("tran")),
        # util-linux before 2.33 writes "1", later ones true.
        removable=node.get("rm") in (True, "1", 1),
        read_only=node.get("ro") in (True, "1", 1),
        mountpoint=_text(node.get("mountpoint")),
    )


def _text(value: Any) -> Optional[str]:
    """A vendor's string, trimmed; firmware may put any byte there, so what is not printable is escaped."""
    return printable(str(value).strip()) or None if value is not None else None


def partition_number(node: str) -> int:
    """The number at the end of a partition's device name (``nvme0n1p2`` → 2)."""
    found = re.search(r"([0-9]+)$", node)
    if not found:
        raise ValueError(f"no partition number in {node}")
    return int(found.group(1))


def probe_blocks() -> Tuple[BlockDevice, ...]:
    """Every block device of the running machine, with its name by path."""
    devices = parse_lsblk(look.run(LSBLK, timeout=_SECONDS).stdout)
    paths = by_path_names()
    return tuple(replace(d, by_path=paths.get(d.kname), bus=d.bus or _bus(d.kname)) for d in devices)


def _bus(kname: str) -> Optional[str]:
    # lsblk knows no transport for virtio-blk; sysfs does.
    return "virtio" if kname.startswith("vd") else None


def by_path_names(directory: str = "/dev/disk/by-path") -> Mapping[str, str]:
    """Kernel name → name by path. Of several names the first in order counts, so that it is always the same one."""
    names: Dict[str, str] = {}
    for name in reversed(look.entries(directory)):
        names[posixpath.basename(look.real(f"{directory}/{name}"))] = name
    return names


def whole_disks(devices: Sequence[BlockDevice]) -> Tuple[BlockDevice, ...]:
    """The disks proper: no loop, RAM, CD, floppy or empty device; in the order of their slots.

    The order is that of the names by path, numbers compared as numbers, so it is the same before a disaster
    and after new disks went into the same slots.
    """
    disks = [d for d in devices if d.type == "disk" and d.size_bytes > 0 and not _NOT_DISKS.match(d.kname)]
    return tuple(sorted(disks, key=lambda d: natural_key(d.by_path or "~" + d.kname)))


def natural_key(text: str) -> Tuple[Tuple[int, int, str], ...]:
    """Sort key in which runs of hexadecimal-free digits compare as numbers."""
    parts = re.split(r"([0-9]+)", text)
    return tuple((0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p)


def descendants(devices: Sequence[BlockDevice], kname: str) -> Tuple[BlockDevice, ...]:
    """Everything that lies on a device, directly or not."""
    found: List[BlockDevice] = []
    below = {kname}
    grew = True
    while grew:
        grew = False
        for device in devices:
            if device.kname not in below and below.intersection(device.parents):
                below.add(device.kname)
                found.append(device)
                grew = True
    return tuple(found)
