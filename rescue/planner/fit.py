"""Fits what lies on a disk into the present disk: the saved places, then closer together, then smaller, then less."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Sequence, Tuple

from rescue.planner.check import usable
from rescue.planner.elastic import Rank, gives, group_gives, is_elastic, total
from rescue.planner.layout import gpt_bounds, is_extended
from rescue.planner.lose import Lost, lose_lv, lose_partition, only_data, victim_of
from rescue.planner.pack import GRAIN, Piece, Place, Room, arrange, least_end, shortfall
from rescue.planner.resize import lay_out, resize_partition, settle
from rescue.planner.sketch import Cause, Sketch
from rescue.planner.words import exact, human
from sif.model import Disk, Partition, TableType

LARGER_DISK = "disk-larger"
SMALLER_DISK = "disk-smaller"
SECTOR_SIZE = "sector-size"

_RANKS = (Rank.FREE, Rank.DATA, Rank.SWAP, Rank.BOOT)
_MBR_SECTORS = 1 << 32


def fit_disk(sketch: Sketch, disk_id: str, size: int, sector: int, may_lose: bool = False) -> "Tuple[Lost, ...] | None":
    """Make everything on the disk fit a present one of ``size`` bytes; what was left out, or None if it cannot fit.

    The sketch is then as far as it came: callers that go on work on a copy.
    """
    disk = sketch.disks[disk_id]
    if disk.table is TableType.NONE:
        return _fit_whole(sketch, disk, size, sector)
    lost: List[Lost] = []
    room = room_of(disk, size, sector)
    why = _why(disk, size, sector)
    while True:
        pieces = pieces_of(sketch, disk_id)
        places = arrange(pieces, room)
        if places is not None:
            _apply(sketch, disk, size, sector, pieces, [places[piece.id] for piece in pieces], why)
            return tuple(lost)
        short = shortfall(pieces, room)
        if _shrink(sketch, disk_id, short, why):
            continue
        found = _leave_out(sketch, disk_id, short, why) if may_lose else None
        if found is None:
            return None
        lost += found


def place_partitions(sketch: Sketch, disk_id: str, size: int, sector: int, why: str) -> bool:
    """Give the partitions of a disk places for their present sizes; False, and nothing changed, if there are none."""
    disk = sketch.disks[disk_id]
    pieces = pieces_of(sketch, disk_id)
    places = arrange(pieces, room_of(disk, size, sector))
    if places is not None:
        _apply(sketch, disk, size, sector, pieces, [places[piece.id] for piece in pieces], why)
    return places is not None


def room_of(disk: Disk, size: int, sector: int) -> Room:
    """What a present disk of that size offers to the saved disk's partitions."""
    changed = with_geometry(disk, size, sector)
    first, last = usable(changed, size)
    if disk.table is TableType.MBR:
        last = min(last, _MBR_SECTORS - 1)
    return Room(first * sector, (last + 1) * sector, sector)


def with_geometry(disk: Disk, size: int, sector: int) -> Disk:
    """The disk's record on a present disk: size, sectors, and what of the GPT is counted in sectors."""
    if (size, sector) == (disk.size_bytes, disk.logical_sector):
        return disk
    changed = replace(disk, size_bytes=size, logical_sector=sector)
    if sector != disk.logical_sector:
        changed = replace(changed, physical_sector=max(sector, disk.physical_sector))
        if disk.first_lba is not None:
            least = gpt_bounds(replace(changed, first_lba=None), size)[0]
            changed = replace(changed, first_lba=max(-(-disk.first_lba * disk.logical_sector // sector), least))
    return replace(changed, last_lba=None)


def pieces_of(sketch: Sketch, disk_id: str) -> Tuple[Piece, ...]:
    """The partitions of a disk in bytes, in the order they lie."""
    disk = sketch.disks[disk_id]
    mbr = disk.table is TableType.MBR
    return tuple(Piece(part.id, part.start_sector * disk.logical_sector, part.sectors * disk.logical_sector,
                       mbr and is_extended(part), mbr and part.number > 4) for part in sketch.on_disk(disk_id))


def least_bytes(sketch: Sketch, disk_id: str, without_data: bool = False) -> int:
    """The smallest present disk (with the same sectors) that could hold the saved one.

    ``without_data``: when data volumes are left out, too.
    """
    disk = sketch.disks[disk_id]
    if disk.table is TableType.NONE:
        return disk.size_bytes - total(gives(sketch, disk_id))
    pieces = tuple(replace(piece, size=piece.size - _able(sketch, piece, without_data) // GRAIN * GRAIN)
                   for piece in pieces_of(sketch, disk_id)
                   if piece.container or not (without_data and only_data(sketch, piece.id)))
    room = room_of(disk, disk.size_bytes, disk.logical_sector)
    saved_end = max((piece.start + piece.size for piece in pieces_of(sketch, disk_id)), default=0)
    return min(least_end(pieces, room), saved_end) + (disk.size_bytes - room.end)


def _able(sketch: Sketch, piece: Piece, without_data: bool) -> int:
    """Bytes that a partition can do without."""
    if piece.container:
        return 0
    kind, holder = sketch.holder.get(piece.id, ("", ""))
    group = sketch.vgs.get(sketch.vg_of.get(holder, "")) if kind == "PV" and without_data else None
    if group is None or not is_elastic(sketch, group):
        return total(gives(sketch, piece.id))
    extents = total(group_gives(sketch, group))
    for lv in sketch.lvs_of.get(group.id, ()):
        if only_data(sketch, lv):
            extents += sketch.lvs[lv].extents - sum(g // group.pe_bytes for g in gives(sketch, lv).values())
    return min(extents, sketch.pvs[holder].extents - 1) * group.pe_bytes


def _why(disk: Disk, size: int, sector: int) -> str:
    if sector != disk.logical_sector:
        return f"the disk of {disk.id} has sectors of {sector} bytes instead of {disk.logical_sector}"
    return f"the disk of {disk.id} has {human(size)}, what lies on it needs more"


def _shrink(sketch: Sketch, disk_id: str, short: int, why: str) -> bool:
    """Take what is missing from the partitions that can give it, rank by rank; False if none gives anything."""
    offers = [(part, gives(sketch, part.id)) for part in sketch.on_disk(disk_id) if not is_extended(part)]
    for rank in _RANKS:
        able = [(part, offer.get(rank, 0) // GRAIN * GRAIN) for part, offer in offers]
        able = [(part, offer) for part, offer in able if offer]
        whole = sum(offer for _, offer in able)
        if not whole:
            continue
        for part, offer in able:
            # Two physical volumes of one group offer the same room: what is left is asked anew each time.
            offer = min(offer, gives(sketch, part.id).get(rank, 0) // GRAIN * GRAIN)
            share = min(offer, -(-short * offer // whole // GRAIN) * GRAIN)
            if not share:
                continue
            target = -(-(sketch.size_of(part.id) - share) // GRAIN) * GRAIN
            resize_partition(sketch, sketch.partitions[part.id], target, why)
        return True
    return False


def _leave_out(sketch: Sketch, disk_id: str, short: int, why: str) -> "Tuple[Lost, ...] | None":
    """Leave out a data volume of the disk: a whole partition, or a logical volume whose group can then shrink."""
    whole = {part.id: sketch.size_of(part.id) for part in sketch.on_disk(disk_id) if only_data(sketch, part.id)}
    for part in sketch.on_disk(disk_id):
        kind, holder = sketch.holder.get(part.id, ("", ""))
        group = sketch.vgs.get(sketch.vg_of.get(holder, "")) if kind == "PV" else None
        if group is not None and part.id not in whole and is_elastic(sketch, group):
            victim = victim_of(sketch, group.id, -(-short // group.pe_bytes))
            if victim is not None:
                lost = lose_lv(sketch, victim, why)
                lay_out(sketch, group.id, why, force=True)
                return lost
    if not whole:
        return None
    enough = [ident for ident, size in whole.items() if size >= short]
    ident = min(enough, key=lambda i: (whole[i], i)) if enough else max(whole, key=lambda i: (whole[i], i))
    return lose_partition(sketch, sketch.partitions[ident], why)


def _fit_whole(sketch: Sketch, disk: Disk, size: int, sector: int) -> "Tuple[Lost, ...] | None":
    """A disk without a table: what lies on it lies on the whole of it."""
    if sum(gives(sketch, disk.id).values()) < disk.size_bytes - size:
        return None
    sketch.put(with_geometry(disk, size, sector), _disk_cause(disk, size, sector))
    settle(sketch, disk.id, disk.size_bytes, _why(disk, size, sector))
    return ()


def _apply(sketch: Sketch, disk: Disk, size: int, sector: int, pieces: Sequence[Piece], places: Sequence[Place],
           why: str) -> None:
    """Enter the disk's new geometry and every partition's place."""
    parts = [sketch.partitions[piece.id] for piece in pieces]
    made = with_geometry(sketch.disks[disk.id], size, sector)
    end = max((place.start + place.size for place in places), default=0)
    if made.last_lba is not None and end > (made.last_lba + 1) * sector:
        made = replace(made, last_lba=None)
    sketch.put(made, None if (size, sector) != (disk.size_bytes, disk.logical_sector) else Cause(
        "table-widened", why, "the table's last usable sector is that of the disk"))
    for part, piece, place in zip(parts, pieces, places):
        moved = _moved(part, place, sector)
        if moved != part:
            sketch.put(moved, _place_cause(piece, place, why))
    for piece, place in zip(pieces, places):  # when all are in their new places: an array looks at several
        if place.size != piece.size and not piece.container:
            settle(sketch, piece.id, piece.size, why)
    if (size, sector) != (disk.size_bytes, disk.logical_sector):
        sketch.explain("DISK", disk.id, _disk_cause(disk, size, sector))


def _place_cause(piece: Piece, place: Place, why: str) -> Cause:
    if (place.start, place.size) != (piece.start, piece.size):
        return Cause("partition-moved", why, "")
    return Cause(SECTOR_SIZE, why, "it lies at the same byte, counted in other sectors")


def _moved(part: Partition, place: Place, sector: int) -> Partition:
    start, sectors = place.start // sector, place.size // sector
    if (start, sectors) == (part.start_sector, part.sectors):
        return part
    ebr = part.ebr_sector if start == part.start_sector else None
    return replace(part, start_sector=start, sectors=sectors, ebr_sector=ebr)


def _disk_cause(disk: Disk, size: int, sector: int) -> Cause:
    gpt = disk.table is TableType.GPT
    if sector != disk.logical_sector:
        return Cause(SECTOR_SIZE, f"the present disk has sectors of {sector} bytes, the saved one had "
                     f"{disk.logical_sector} ({exact(size)} instead of {exact(disk.size_bytes)})",
                     "places are kept to the byte where they are whole sectors; file systems follow where they must")
    if size > disk.size_bytes:
        return Cause(LARGER_DISK, "the present disk is larger than the saved disk", "")
    moved = "; the backup GPT lies at the disk's new end" if gpt else ""
    return Cause(SMALLER_DISK, "the present disk is smaller than the saved disk",
                 f"what lies on it has {human(disk.size_bytes - size)} less{moved}")
