"""No mirror whose legs are on one disk: the disk's failure would take both.

Only legs that hold the same data count: in RAID 10 those of one pair.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterator, List, Optional, Sequence, Set, Tuple

from sif.checks.common import bad
from sif.checks.cycles import rests_on
from sif.codec import schema_of
from sif.model import (
    Btrfs,
    BtrfsProfile,
    Disk,
    LogicalVolume,
    LvRole,
    LvType,
    MdArray,
    MdLevel,
    Record,
    SystemInformation,
)
from sif.plain import dataclass
from sif.problems import Problem

MIRRORED_LVS = (LvType.RAID1, LvType.MIRROR, LvType.RAID10)
MIRRORED_BTRFS = (BtrfsProfile.RAID1, BtrfsProfile.RAID1C3, BtrfsProfile.RAID1C4, BtrfsProfile.RAID10)

Node = Tuple[str, str]


@dataclass(frozen=True)
class SharedMirror:
    """Two legs of one mirror that need the same disk: its failure takes both."""

    record: Record
    key: str
    legs: Tuple[str, str]
    disk: str

    def __str__(self) -> str:
        return f"[{self.record.KIND} {getattr(self.record, 'id', '')}]: {' and '.join(self.legs)} are both on " \
               f"{self.disk}"


def check_mirrors(info: SystemInformation) -> Iterator[Problem]:
    """The legs of a mirror are on different disks, unless the policy allows otherwise."""
    if info.policy.shared_disk_mirror:
        return
    for shared in shared_mirrors(info):
        yield bad(shared.record, shared.key, f"both legs of a mirror are on {shared.disk}",
                  found=" and ".join(shared.legs), wanted="legs on different disks",
                  hint="if the machine is so on purpose: shared_disk_mirror = true in [POLICY]")


def shared_mirrors(info: SystemInformation) -> Iterator[SharedMirror]:
    """Mirrors (MD, LVM, btrfs) with two legs on one disk; one finding for each mirror."""
    disks = _Disks(info)
    mirrors: List[Tuple[Record, str, List[List[str]]]] = [
        *((array, "members", _md_groups(array)) for array in info.arrays),
        *((volume, "parts", _lv_groups(info, volume)) for volume in info.lvs if volume.type in MIRRORED_LVS),
        *((btrfs, "devices", [[*map(str, btrfs.devices)]]) for btrfs in info.btrfs if _is_mirrored(btrfs)),
    ]
    for record, key, groups in mirrors:
        kinds = ("LV",) if isinstance(record, LogicalVolume) else _carriers(record, key)
        pair = next((pair for group in groups for pair in [disks.shared(group, kinds)] if pair), None)
        if pair:
            yield SharedMirror(record, key, (pair[0], pair[1]), pair[2])


def _carriers(record: Record, key: str) -> Tuple[str, ...]:
    schema = schema_of(type(record)).key(key)
    return schema.info.refs if schema else ()


def _md_groups(array: MdArray) -> List[List[str]]:
    """The members that hold the same data, group by group."""
    slots = _slots(array)
    if array.level is MdLevel.RAID1:
        groups = [slots]
    elif array.level is MdLevel.RAID10:
        name, _, copies = (array.layout or "near=2").partition("=")
        count = int(copies) if copies.isdigit() and len(copies) < 4 else 2
        if name == "near" and count > 0 and len(slots) % count == 0:
            groups = [slots[first:first + count] for first in range(0, len(slots), count)]
        else:
            groups = [[one, other] for one, other in zip(slots, [*slots[1:], *slots[:1]])]
    else:
        groups = []
    return [[member for member in group if member is not None] for group in groups]


def _slots(array: MdArray) -> List[Optional[str]]:
    """What fills each slot; None for an empty one."""
    members = iter(array.members)
    empty = set(array.missing)
    count = len(array.members) + len(empty)
    return [None if slot in empty else next(members, None) for slot in range(count)]


def _lv_groups(info: SystemInformation, volume: LogicalVolume) -> List[List[str]]:
    images: List[str] = [part for part in volume.parts if isinstance(found := info.find("LV", part), LogicalVolume)
                         and found.role is LvRole.IMAGE]
    if volume.type is LvType.RAID10:
        return [images[first:first + 2] for first in range(0, len(images), 2)]
    return [images]


def _is_mirrored(btrfs: Btrfs) -> bool:
    return btrfs.data in MIRRORED_BTRFS or btrfs.metadata in MIRRORED_BTRFS


class _Disks:
    """Which disks a section needs, found once for each."""

    def __init__(self, info: SystemInformation) -> None:
        self.info = info
        self.known: Dict[Node, FrozenSet[str]] = {}

    def shared(self, legs: Sequence[str], kinds: Tuple[str, ...]) -> Optional[Tuple[str, str, str]]:
        """The first two of ``legs`` that need the same disk, and that disk."""
        first: Dict[str, str] = {}
        for leg in legs:
            for disk in sorted(self._below(leg, kinds)):
                if first.setdefault(disk, leg) != leg:
                    return first[disk], leg, disk
        return None

    def _below(self, ident: str, kinds: Tuple[str, ...]) -> FrozenSet[str]:
        return frozenset().union(*(self._under((kind, ident)) for kind in kinds))

    def _under(self, top: Node) -> FrozenSet[str]:
        """The disks under a section, each section looked at once; one that rests on itself is another check's."""
        opened: Set[Node] = set()
        waiting = [top]
        while waiting:
            node = waiting[-1]
            if node in self.known:
                waiting.pop()
                continue
            record = self.info.find(*node)
            below = list(_next(record)) if record is not None else []
            if node not in opened:
                opened.add(node)
                waiting.extend(found for found in below if found not in self.known and found not in opened)
                continue
            own = {record.id} if isinstance(record, Disk) else set()
            self.known[node] = frozenset(own.union(*(self.known.get(found, frozenset()) for found in below)))
        return self.known[top]


def _next(record: Record) -> Iterator[Node]:
    if isinstance(record, LogicalVolume):
        # Not all of its group's disks: only those that its own segments, or its parts', lie on.
        for segment in record.segments:
            yield from (("PV", piece.split(":")[0]) for piece in segment.split("+"))
        yield from (("LV", part) for part in (*record.parts, record.pool, record.origin) if part is not None)
        return
    for _, kinds, target in rests_on(record):
        yield from ((kind, target) for kind in kinds)
