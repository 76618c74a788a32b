"""What became of a record's size and place: several passes may have changed it, one after the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

from rescue.planner.sketch import Cause, Key, Sketch
from rescue.planner.words import human
from sif.model import TableType

_WORD = {"PARTITION": "partition", "MD": "md", "LUKS": "luks", "BCACHE": "bcache", "PV": "pv", "LV": "lv", "FS": "fs",
         "BTRFS": "fs"}
"""The kinds of records that get other sizes, and how the codes of that begin."""


def outcome(cause: Cause, saved: Sketch, now: Sketch, key: Key) -> Cause:
    """The cause with the code and consequence that saved and planned machine show; causes of other kinds as given."""
    kind, ident = key
    was, will = saved.records.get(kind, {}).get(ident), now.records.get(kind, {}).get(ident)
    if was is None or will is None:
        return cause
    if cause.code == "disk-larger":
        return cause if cause.consequence else replace(cause, consequence=_room_on(saved, now, ident))
    word = _WORD.get(kind)
    if cause.code not in (f"{word}-shrunk", f"{word}-grown", f"{word}-moved"):
        return cause
    more = size_of(now, kind, will) - size_of(saved, kind, was)
    change = [f"{human(abs(more))} {'more' if more > 0 else 'less'} room"] if more else []
    resized = f"{word}-{'grown' if more > 0 else 'shrunk'}"
    if kind == "PARTITION":
        return _placed(cause, resized, change, (saved, was), (now, will))
    if more:
        return replace(cause, code=resized, consequence=f"{change[0]}; what was saved stays the same")
    if kind == "LV":
        return replace(cause, code="lv-moved",
                       consequence="it lies on other extents of the group; its content and size stay the same")
    return replace(cause, consequence="its size stays the same; it is made with the parameters for that size")


def size_of(sketch: Sketch, kind: str, record: Any) -> int:
    """Bytes of a record that can get another size."""
    if kind == "PV":
        return int(record.extents * sketch.vgs[sketch.vg_of[record.id]].pe_bytes)
    if kind == "FS":
        return sketch.size_of(record.device)
    if kind == "BTRFS":
        return sum(sketch.size_of(device) for device in record.devices)
    return sketch.size_of(record.id)


def _placed(cause: Cause, resized: str, change: "list[str]", before: Tuple[Sketch, Any],
            after: Tuple[Sketch, Any]) -> Cause:
    was, will = before[1], after[1]
    if was.disk != will.disk:
        return replace(cause, consequence="; ".join((cause.consequence, *change)))
    start = [record.start_sector * sketch.disks[record.disk].logical_sector for sketch, record in (before, after)]
    if start[0] == start[1]:
        return replace(cause, code=resized, consequence=f"{change[0]}; it begins where it did") if change else cause
    way = "nearer to the start" if start[1] < start[0] else "further on"
    return replace(cause, code=resized if change else "partition-moved", consequence="; ".join((
        *change, f"it lies {human(abs(start[1] - start[0]))} {way}", "it has its number, its GUID and its content")))


def _room_on(saved: Sketch, now: Sketch, ident: str) -> str:
    """What a larger disk has more, and for whom."""
    disk = now.disks[ident]
    if disk.table is TableType.NONE:
        return f"{human(disk.size_bytes - saved.disks[ident].size_bytes)} more below what lies on the whole of it"
    places = _places(now, ident)
    free = disk.size_bytes - max((start + size for start, size in places.values()), default=0)
    what = "every partition keeps its place and size" if places == _places(saved, ident) else \
        "its partitions are not those that were saved"
    moved = "; the backup GPT lies at the disk's new end" if disk.table is TableType.GPT else ""
    return f"{what}; {human(free)} at the end are free{moved}"


def _places(sketch: Sketch, disk: str) -> Dict[str, Tuple[int, int]]:
    """First byte and bytes of each partition on a disk."""
    sector = sketch.disks[disk].logical_sector
    return {part.id: (part.start_sector * sector, part.sectors * sector) for part in sketch.on_disk(disk)}
