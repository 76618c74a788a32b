"""How much every volume can give up, and in which order of sacrifice. Pure.

The order: room that no volume uses, then what data volumes have free, then swap, then what the boot volume has free.
The system volume (what the firmware and the boot loader read) gives nothing. A volume never gives what it holds: its
least size is what was in use, a margin for what a restore adds, and what the file system needs for itself.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Dict, Iterable, Mapping, Optional

from rescue.planner.layout import Layout
from rescue.planner.sketch import Sketch
from sif.model import Btrfs, BtrfsProfile, FileSystem, FsType, Luks, LvRole, LvType, MdArray, MdLevel, VolumeGroup

MIB = 1 << 20

MARGIN_PERCENT = 15
MARGIN_BYTES = 128 * MIB
"""Above what was in use: for journals, logs that a restore writes, and growth until somebody looks."""

LEAST: Mapping[FsType, int] = {
    FsType.EXT2: 16 * MIB, FsType.EXT3: 16 * MIB, FsType.EXT4: 16 * MIB, FsType.XFS: 300 * MIB,
    FsType.F2FS: 128 * MIB}
"""File systems that are made again in another size, and the least that their mkfs takes (mkfs.xfs 5.19: 300 MiB)."""

LEAST_BTRFS = 256 * MIB
LEAST_SWAP = 64 * MIB
_LUKS_GRAIN = 4096
_RESERVED = 0.07
"""Share of an ext file system that inode tables and the reserve for root take, where the set does not say."""

_BOOT_MOUNTS = frozenset({"/", "/usr", "/var", "/var/log", "/var/tmp", "/var/cache", "/tmp", "/opt"})
_SYSTEM_MOUNTS = frozenset({"/boot", "/boot/efi", "/efi"})
_STRIPED = (MdLevel.RAID4, MdLevel.RAID5, MdLevel.RAID6, MdLevel.RAID10)

Give = Dict["Rank", int]
"""Bytes that something can give up, by rank."""


class Rank(IntEnum):
    """Who gives first. SYSTEM gives nothing; it is there to be told from the others."""

    FREE = 0
    DATA = 1
    SWAP = 2
    BOOT = 3
    SYSTEM = 4


def rank_of(sketch: Sketch, ident: str) -> Rank:
    """The rank of a file system or a btrfs, by what of the machine it holds."""
    system, boot = sketch.single["SYSTEM"], sketch.single["BOOT"]
    names = {ident, *(sub.id for sub in sketch.subvolumes.values() if sub.btrfs == ident)}
    found = sketch.filesystems.get(ident) or sketch.btrfs.get(ident)
    mounts = {found.mount if found else None, *(s.mount for s in sketch.subvolumes.values() if s.btrfs == ident)}
    if system.root_fs in names:
        return Rank.BOOT
    if system.boot_fs in names or names & set(boot.esp if boot else ()) or mounts & _SYSTEM_MOUNTS:
        return Rank.SYSTEM
    return Rank.BOOT if mounts & _BOOT_MOUNTS else Rank.DATA


def disk_ranks(sketch: Sketch) -> Dict[str, Rank]:
    """The most important thing that lies on each disk."""
    layout = Layout(sketch.saved)
    found: Dict[str, Rank] = {}
    for ident, devices in (*((fs.id, (fs.device,)) for fs in sketch.filesystems.values()),
                           *((b.id, b.devices) for b in sketch.btrfs.values())):
        rank = rank_of(sketch, ident)
        for device in devices:
            for disk in layout.under(device):
                found[disk] = max(found.get(disk, Rank.FREE), rank)
    return found


def least_fs(fs: FileSystem, size: int) -> int:
    """The least size that holds what the file system held; its own size where that is not known or not possible."""
    floor = LEAST.get(fs.type)
    if floor is None or fs.used_bytes is None:
        return size
    needed = fs.used_bytes + fs.used_bytes * MARGIN_PERCENT // 100 + MARGIN_BYTES
    if fs.type in (FsType.EXT2, FsType.EXT3, FsType.EXT4):
        needed = int(needed / (1 - _ext_share(fs)))
    return min(size, _up(max(needed, floor), MIB))


def _ext_share(fs: FileSystem) -> float:
    total = (fs.blocks or 0) * (fs.block_size or 0)
    if not total or fs.inodes is None or fs.reserved_blocks is None:
        return _RESERVED
    taken = fs.inodes * (fs.inode_size or 256) + fs.reserved_blocks * (fs.block_size or 0)
    return min(taken / total, 0.5)


def least_btrfs(btrfs: Btrfs, size: int) -> int:
    """The same for a btrfs on one device."""
    if len(btrfs.devices) != 1 or btrfs.used_bytes is None:
        return size
    twice = 2 if BtrfsProfile.DUP in (btrfs.data,) else 1
    used = btrfs.used_bytes * twice
    return min(size, _up(max(used + used * MARGIN_PERCENT // 100 + MARGIN_BYTES, LEAST_BTRFS), MIB))


def gives(sketch: Sketch, ident: str) -> Give:
    """What the carrier ``ident`` (a partition, volume, array, encrypted volume or disk) can be made smaller by."""
    kind, holder = sketch.holder.get(ident, ("", ""))
    size = sketch.size_of(ident)
    if kind == "FS":
        return _only(rank_of(sketch, holder), size - least_fs(sketch.filesystems[holder], size))
    if kind == "BTRFS":
        return _only(rank_of(sketch, holder), size - least_btrfs(sketch.btrfs[holder], size))
    if kind == "SWAP":
        return _only(Rank.SWAP, size - max(LEAST_SWAP, size // 4) if not _resumes(sketch) else 0)
    if kind == "LUKS" and sketch.luks[holder].integrity is None:
        return _less(gives(sketch, holder), _LUKS_GRAIN)
    if kind == "BCACHE":
        return gives(sketch, holder)
    if kind == "MD":
        count = data_members(sketch.arrays[holder])
        given = {rank: give // count for rank, give in gives(sketch, holder).items()} if count else {}
        return _less(given, max(sketch.arrays[holder].chunk_bytes or 0, MIB))
    if kind == "PV" and (group := sketch.vgs.get(sketch.vg_of.get(holder, ""))) and is_elastic(sketch, group):
        return _of_pv(sketch, group, holder)
    return {}


def data_members(array: MdArray) -> int:
    """How many times the size of a member the array is; 0 where that is no whole number, or not known."""
    if array.level is MdLevel.RAID1:
        return 1
    component = array.component_bytes
    if array.level not in _STRIPED or not component or array.size_bytes % component:
        return 0
    return array.size_bytes // component


def is_elastic(sketch: Sketch, group: VolumeGroup) -> bool:
    """Whether the group can be laid out anew: plain linear volumes only, on physical volumes that are all there."""
    mine = [sketch.lvs[lv] for lv in sketch.lvs_of.get(group.id, ())]
    return all(pv in sketch.pvs for pv in group.pvs) and all(
        lv.type is LvType.LINEAR and lv.role is LvRole.VOLUME and lv.segments for lv in mine)


def free_extents(sketch: Sketch, group: VolumeGroup) -> int:
    """Extents of the group that no volume uses."""
    return sum(sketch.pvs[pv].extents for pv in group.pvs) \
        - sum(sketch.lvs[lv].extents for lv in sketch.lvs_of.get(group.id, ()))


def group_gives(sketch: Sketch, group: VolumeGroup) -> Dict[Rank, int]:
    """Extents that the group as a whole can give up."""
    found: Dict[Rank, int] = {Rank.FREE: max(free_extents(sketch, group), 0)}
    for lv in sketch.lvs_of.get(group.id, ()):
        for rank, give in gives(sketch, lv).items():
            found[rank] = found.get(rank, 0) + give // group.pe_bytes
    return found


def _of_pv(sketch: Sketch, group: VolumeGroup, pv: str) -> Give:
    """The group's extents, at most all but one of this physical volume's."""
    room, found = sketch.pvs[pv].extents - 1, {}
    for rank, extents in sorted(group_gives(sketch, group).items()):
        taken = min(extents, room)
        room -= taken
        if taken:
            found[rank] = taken * group.pe_bytes
    return found


def is_resizable(sketch: Sketch, ident: str) -> bool:
    """Whether what lies on the carrier can be made in another size at all (larger, too)."""
    kind, holder = sketch.holder.get(ident, ("", ""))
    if kind == "FS":
        return sketch.filesystems[holder].type in LEAST and rank_of(sketch, holder) is not Rank.SYSTEM
    if kind == "BTRFS":
        return len(sketch.btrfs[holder].devices) == 1 and rank_of(sketch, holder) is not Rank.SYSTEM
    if kind == "LUKS":
        luks: Luks = sketch.luks[holder]
        return luks.integrity is None and is_resizable(sketch, holder)
    if kind == "BCACHE":
        return is_resizable(sketch, holder)
    if kind == "MD":
        return data_members(sketch.arrays[holder]) > 0 and is_resizable(sketch, holder)
    group = sketch.vgs.get(sketch.vg_of.get(holder, ""))
    return kind == "PV" and group is not None and is_elastic(sketch, group)


def total(found: Mapping[Rank, int], ranks: Optional[Iterable[Rank]] = None) -> int:
    """The sum over all ranks, or over some."""
    return sum(give for rank, give in found.items() if ranks is None or rank in ranks)


def _only(rank: Rank, give: int) -> Give:
    return {rank: give} if give > 0 and rank is not Rank.SYSTEM else {}


def _less(found: Give, rounding: int) -> Give:
    """What is left of it when the layer below may round its new size down by so much: the last to give give less."""
    left, kept = max(total(found) - rounding, 0), {}
    for rank in sorted(found):
        kept[rank] = min(found[rank], left)
        left -= kept[rank]
    return {rank: give for rank, give in kept.items() if give}


def _resumes(sketch: Sketch) -> bool:
    """Whether the machine writes its memory to swap: then swap keeps its size."""
    boot = sketch.single["BOOT"]
    return boot is not None and boot.cmdline is not None and any(
        word.startswith("resume=") for word in boot.cmdline.split())


def _up(value: int, grain: int) -> int:
    return -(-value // grain) * grain
