"""Gives a carrier another size, and everything that lies on it too: arrays, encrypted volumes, LVM, file systems."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Tuple

from rescue.planner.check import parse_segment
from rescue.planner.elastic import Rank, data_members, gives, is_elastic
from rescue.planner.layout import array_devices
from rescue.planner.sketch import Cause, Sketch
from sif.model import FileSystem, FsType, LogicalVolume, MdArray, Partition, PhysicalVolume, VolumeGroup

MIB = 1 << 20
_EXT = (FsType.EXT2, FsType.EXT3, FsType.EXT4)
_SIZED_EXT = ("journal_blocks", "fast_commit_blocks", "reserved_gdt_blocks", "backup_groups", "first_meta_bg")
"""Parameters of an ext file system that belong to its size: mke2fs chooses them for the new one."""

_SIZED = ("sectors", "fat_sectors")
"""The same for FAT and NTFS."""

_SIZED_XFS = ("agsize", "agcount", "log_blocks", "sunit", "swidth")


def resize_partition(sketch: Sketch, part: Partition, size: int, why: str) -> None:
    """Give the partition another size (bytes, whole sectors), and what lies on it."""
    before = sketch.size_of(part.id)
    if size == before:
        return
    sector = sketch.disks[part.disk].logical_sector
    sketch.put(replace(part, sectors=size // sector), _cause("partition", before, size, why))
    settle(sketch, part.id, before, why)


def settle(sketch: Sketch, ident: str, before: int, why: str) -> None:
    """Let what lies on the carrier follow its size, which was ``before``."""
    size = sketch.size_of(ident)
    kind, holder = sketch.holder.get(ident, ("", ""))
    if size == before:
        return
    if kind == "FS":
        fs = sketch.filesystems[holder]
        sketch.put(file_system_of(fs, before, size), _cause("fs", before, size, why))
    elif kind == "LUKS":
        luks = sketch.luks[holder]
        opened = sketch.size_of(holder) if luks.size_bytes is not None else before - luks.offset_bytes
        room = size - luks.offset_bytes
        room -= room % max(luks.sector_bytes, 512)
        sketch.put(replace(luks, size_bytes=room), _cause("luks", opened, room, why))
        settle(sketch, holder, opened, why)
    elif kind == "BCACHE":
        cached, opened = sketch.bcaches[holder], sketch.size_of(holder)
        room = size - cached.offset_bytes
        sketch.put(replace(cached, size_bytes=room), _cause("bcache", opened, room, why))
        settle(sketch, holder, opened, why)
    elif kind == "MD":
        _settle_array(sketch, sketch.arrays[holder], why)
    elif kind == "PV":
        _settle_pv(sketch, sketch.pvs[holder], size, why)
    elif kind == "BTRFS":
        btrfs = sketch.btrfs[holder]
        if btrfs.device_bytes:
            sketch.put(replace(btrfs, device_bytes=(size - size % 4096,)), _cause("fs", before, size, why))


def _cause(what: str, before: int, after: int, why: str) -> Cause:
    """Of one pass; :func:`rescue.planner.outcome.outcome` says what all of them come to."""
    return Cause(f"{what}-grown" if after > before else f"{what}-shrunk", why, "")


def file_system_of(fs: FileSystem, before: int, after: int) -> FileSystem:
    """The file system for another size: what depends on it is left to its mkfs, the proportions stay."""
    if fs.type in _EXT:
        known = [word for word in fs.parameters if word.partition("=")[0] not in _SIZED_EXT]
        if fs.inodes and fs.blocks and fs.block_size:
            ratio = max(fs.blocks * fs.block_size // fs.inodes, fs.block_size, 1024)
            known = [*(word for word in known if not word.startswith("inode_ratio=")), f"inode_ratio={ratio}"]
        reserved = None if fs.reserved_blocks is None else fs.reserved_blocks * after // max(before, 1)
        return replace(fs, blocks=None, inodes=None, reserved_blocks=reserved, parameters=tuple(known))
    if fs.type is FsType.XFS:
        kept = tuple(word for word in fs.features if word.partition("=")[0] not in _SIZED_XFS)
        return replace(fs, blocks=None, features=kept)
    return replace(fs, blocks=None, parameters=tuple(
        word for word in fs.parameters if word.partition("=")[0] not in _SIZED))


# Arrays

def _settle_array(sketch: Sketch, array: MdArray, why: str) -> None:
    """The array is as large as its smallest member allows; what a member needs beside the data stays."""
    count, component = data_members(array), array.component_bytes
    if not count or component is None:
        return
    saved = next((found for found in sketch.saved.arrays if found.id == array.id), None)
    overheads = dict.fromkeys(array.members, MIB) if saved is None else _overheads(sketch, saved, array)
    room = min((sketch.size_of(device) - over for device, over in overheads.items()),
               default=component)
    if room == component or (room > component and not sketch.growing):
        return
    grain = max(array.chunk_bytes or 0, MIB)
    room -= room % grain
    before = array.size_bytes
    sketch.put(replace(array, component_bytes=room, size_bytes=room * count), _cause("md", before, room * count, why))
    settle(sketch, array.id, before, why)


def _overheads(sketch: Sketch, saved: MdArray, array: MdArray) -> Dict[str, int]:
    """What each present member needs beside the data: its offset, and what the tightest saved one had at its end."""
    original = sketch.origin
    devices = [device for device in array_devices(saved) if device != saved.journal]
    offsets = dict(zip(array_devices(saved), saved.data_offsets))
    component = saved.component_bytes or 0
    tail = min((original.size_of(device) - component - offsets.get(device, 0) for device in devices), default=0)
    return {device: offsets.get(device, 0) + max(tail, 0) for device in array_devices(array)
            if device != array.journal}


# LVM

def _settle_pv(sketch: Sketch, pv: PhysicalVolume, size: int, why: str) -> None:
    group = sketch.vgs[sketch.vg_of[pv.id]]
    extents = max((size - pv.pe_start_bytes) // group.pe_bytes, 0)
    if extents == pv.extents or (extents > pv.extents and not sketch.growing) or not is_elastic(sketch, group):
        return
    sketch.put(replace(pv, extents=extents), _cause("pv", pv.extents * group.pe_bytes, extents * group.pe_bytes, why))
    settle_group(sketch, group.id, why)


def settle_group(sketch: Sketch, ident: str, why: str) -> None:
    """Make the volumes fit into the group, by rank, and lay them out: each stays where it is if that is possible."""
    group = sketch.vgs[ident]
    short = sum(sketch.lvs[lv].extents for lv in sketch.lvs_of.get(ident, ())) \
        - sum(sketch.pvs[pv].extents for pv in group.pvs)
    if short > 0:
        for rank in (Rank.FREE, Rank.DATA, Rank.SWAP, Rank.BOOT):
            short -= _take(sketch, group, rank, short, why)
    lay_out(sketch, ident, why)


def _take(sketch: Sketch, group: VolumeGroup, rank: Rank, short: int, why: str) -> int:
    """Shrink the volumes of a rank, in proportion to what each has to give; returns the extents that were freed."""
    offers = [(sketch.lvs[lv], gives(sketch, lv).get(rank, 0) // group.pe_bytes)
              for lv in sketch.lvs_of.get(group.id, ())]
    whole = sum(offer for _, offer in offers)
    freed = 0
    for lv, offer in offers:
        part = min(offer, -(-short * offer // whole), short - freed) if whole and short > freed else 0
        if part > 0:
            resize_lv(sketch, lv, lv.extents - part, why)
            freed += part
    return freed


def resize_lv(sketch: Sketch, lv: LogicalVolume, extents: int, why: str) -> None:
    """Give the volume another length; its segments follow with the group's layout."""
    before = sketch.size_of(lv.id)
    sketch.put(replace(lv, extents=extents),
               _cause("lv", before, extents * sketch.vgs[lv.vg].pe_bytes, why))
    settle(sketch, lv.id, before, why)


def lay_out(sketch: Sketch, ident: str, why: str, force: bool = False) -> None:
    """Give every volume of the group its extents: where it lay, as far as that is still there, then first fit."""
    group = sketch.vgs[ident]
    limits: Dict[str, int] = {pv: sketch.pvs[pv].extents for pv in group.pvs}
    volumes = [sketch.lvs[lv] for lv in sketch.lvs_of.get(ident, ())]
    kept = {lv.id: _kept(lv, limits) for lv in volumes}
    free = _free(limits, [piece for pieces in kept.values() for piece in pieces])
    moved = force
    for lv in volumes:
        pieces = [*kept[lv.id], *_first_fit(free, lv.extents - sum(count for _, _, count in kept[lv.id]))]
        segments = tuple(f"{pv}:{first}:{count}" for pv, first, count in _joined(pieces))
        if segments != lv.segments:
            moved = True
            sketch.put(replace(lv, segments=segments), Cause("lv-moved", why, ""))
    if moved or limits != {pv.id: pv.extents for pv in sketch.saved.pvs if pv.id in limits}:
        sketch.put(replace(group, metadata=None, metadata_sha256=None), Cause(
            "vg-laid-out", why, "its metadata is written anew from the records instead of restored from LVM's text"))


Piece = Tuple[str, int, int]


def _kept(lv: LogicalVolume, limits: Dict[str, int]) -> List[Piece]:
    """The pieces of the saved segments that still exist, cut to the volume's length."""
    left, found = lv.extents, []
    for text in lv.segments:
        piece = parse_segment(text)
        if piece is None or left <= 0:
            continue
        pv, first, count = piece
        count = min(count, left, limits.get(pv, 0) - first)
        if count > 0:
            found.append((pv, first, count))
            left -= count
    return found


def _free(limits: Dict[str, int], used: List[Piece]) -> List[Piece]:
    """What is free, in the order of the physical volumes."""
    found: List[Piece] = []
    for pv, extents in limits.items():
        at = 0
        for first, count in sorted((first, count) for name, first, count in used if name == pv):
            if first > at:
                found.append((pv, at, first - at))
            at = max(at, first + count)
        if extents > at:
            found.append((pv, at, extents - at))
    return found


def _first_fit(free: List[Piece], extents: int) -> List[Piece]:
    """Take extents from the free list: from one piece that is large enough, else from several."""
    whole = next((place for place, piece in enumerate(free) if piece[2] >= extents), 0)
    taken: List[Piece] = []
    while extents > 0 and free:
        place = whole if whole < len(free) else 0
        pv, first, count = free[place]
        part = min(count, extents)
        taken.append((pv, first, part))
        extents -= part
        if part == count:
            free.pop(place)
        else:
            free[place] = (pv, first + part, count - part)
    return taken


def _joined(pieces: List[Piece]) -> List[Piece]:
    """Neighbours in one piece."""
    found: List[Piece] = []
    for pv, first, count in pieces:
        if found and found[-1][0] == pv and found[-1][1] + found[-1][2] == first:
            found[-1] = (pv, found[-1][1], found[-1][2] + count)
        else:
            found.append((pv, first, count))
    return found
