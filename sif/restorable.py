"""The verdict on a machine's description: what in it the rescue system of this version does not make again.

Pure: the content in, the obstacles out. The same words serve the capture, which refuses, and ``sif check``.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from sif.features import FEATURES, features_of, not_rebuilt
from sif.model import Bcache, Disk, LogicalVolume, Luks, MdArray, Partition, SystemInformation, VolumeGroup
from sif.plain import dataclass


@dataclass(frozen=True)
class Obstacle:
    """One thing that a restore would not bring back; ``exclude`` is the name that leaves it out of a capture."""

    what: str
    exclude: Optional[str] = None

    def __str__(self) -> str:
        return f"{self.what} (leave it out: --exclude {self.exclude})" if self.exclude else self.what


def obstacles(info: SystemInformation) -> Tuple[Obstacle, ...]:
    """Everything the set describes that is not made again, in the order of its features; empty: restorable."""
    found: List[Obstacle] = []
    for feature in not_rebuilt(info):
        users = _users(info).get(feature, ())
        found += [Obstacle(f"{FEATURES[feature]}: {text}", word) for text, word in users]
        if not users:
            found.append(Obstacle(FEATURES[feature]))
    return tuple(found)


Users = Dict[str, List[Tuple[str, Optional[str]]]]
"""Feature → (what needs it, the word that leaves it out)."""


def _users(info: SystemInformation) -> Users:
    found: Users = {}

    def add(feature: str, text: str, word: Optional[str]) -> None:
        if (text, word) not in found.setdefault(feature, []):
            found[feature].append((text, word))

    for array in info.arrays:
        add("md", array.name or array.id, name_of(info, array.id))
    for bcache in info.bcaches:
        add("bcache", bcache.label or bcache.id, name_of(info, bcache.device))
    for cacheset in info.cachesets:
        add("bcache", cacheset.label or cacheset.id, name_of(info, cacheset.device))
    for luks in info.luks:
        add("luks", luks.name or luks.id, name_of(info, luks.id))
    for btrfs in info.btrfs:
        add("btrfs", btrfs.label or btrfs.uuid, btrfs.label or btrfs.uuid)
    for fs in info.filesystems:
        add(fs.type.value, fs.mount or fs.label or fs.uuid, name_of(info, fs.device))
    for swap in info.swaps:
        add("swap" if swap.path is None else "swap-file", swap.path or swap.id,
            swap.path or name_of(info, swap.device))
    for raw in info.raws:
        add("raw", raw.id, name_of(info, raw.device))
    for volume in info.lvs:
        # a volume's place stays in its group's metadata, so only the whole group can be left out
        group = info.find("VG", volume.vg)
        word = group.name if isinstance(group, VolumeGroup) else None
        for feature in features_of(SystemInformation(info.version, info.system, lvs=(volume,))):
            add(feature, f"{word}/{volume.name}", word)
    for disk in info.disks:
        for feature, present in (("hybrid-mbr", disk.hybrid), ("multipath", disk.multipath)):
            if present:
                add(feature, disk.device or disk.id, disk.device or disk.id)
    return found


def name_of(info: SystemInformation, ident: str) -> str:
    """The name of what can carry something, as the machine knows it: sda1, md0, cryptdata, vg/lv; else its id."""
    for kind in ("PARTITION", "DISK", "MD", "LUKS", "LV", "BCACHE"):
        record = info.find(kind, ident)
        if isinstance(record, Partition):
            disk = info.find("DISK", record.disk)
            if isinstance(disk, Disk) and disk.device:
                return f"{disk.device}{'p' if disk.device[-1].isdigit() else ''}{record.number}"
        elif isinstance(record, (Disk, MdArray)):
            return record.device or ident
        elif isinstance(record, Luks):
            return record.name or name_of(info, record.device)
        elif isinstance(record, Bcache):
            return name_of(info, record.device)
        elif isinstance(record, LogicalVolume):
            group = info.find("VG", record.vg)
            if isinstance(group, VolumeGroup):
                return f"{group.name}/{record.name}"
    return ident
