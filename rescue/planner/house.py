"""Finds room for the volumes of saved disks that no present disk can take the place of.

A part of a mirror, or of another array that does without it, is left out first: two copies on one disk protect from
nothing. What is left moves to the disk with most room to spare; what has no room is left out if it is only data.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Dict, List, Optional, Sequence, Tuple

from rescue.planner.draft import Homeless
from rescue.planner.fit import fit_disk, pieces_of, room_of
from rescue.planner.layout import is_extended
from rescue.planner.lose import Lost, lose_content, lose_partition, only_data, survives
from rescue.planner.mirrors import dissolve
from rescue.planner.sketch import Cause, Sketch
from sif.checks.mirrors import shared_mirrors
from sif.enums import OneDisk
from sif.model import Disk, Partition, Ref, TableType

GPT_TYPES: Dict[str, str] = {
    "MD": "a19d880f-05fc-4d3b-a006-743f0f84911e", "PV": "e6d6d379-f507-44c2-a23c-238f2a3df928",
    "SWAP": "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "LUKS": "ca7d7ccb-63ed-4c53-861c-1742536059cc",
    "FS": "0fc63daf-8483-4772-8e79-3d69d8477de4", "BTRFS": "0fc63daf-8483-4772-8e79-3d69d8477de4"}
MBR_TYPES: Dict[str, str] = {"MD": "0xfd", "PV": "0x8e", "SWAP": "0x82"}
"""Type of a partition by what lies on it, where its own type belongs to another kind of table (UAPI DPS; Linux)."""

_PRIMARY = 4


def leave_out_redundant(sketch: Sketch, disk: Disk, policy: OneDisk) -> None:
    """Drop parts of the homeless disk that arrays can do without, and turn mirrors into plain volumes if wished."""
    if policy is OneDisk.SHARE:
        return
    why = f"no present disk takes the place of {disk.id}"
    for part in sketch.on_disk(disk.id):
        kind, holder = sketch.holder.get(part.id, ("", ""))
        array = sketch.arrays.get(holder) if kind == "MD" else None
        if array is None or (part.id in array.members and not survives(array, (part.id,))):
            continue
        lose_partition(sketch, part, why)
        if policy is OneDisk.LINEAR:
            dissolve(sketch, array.id, why)


def move_in(sketch: Sketch, guest: Disk, host_id: str, size: int, sector: int) -> bool:
    """Put what lies on the guest behind what lies on the host, which is fitted into a disk of that size."""
    why = f"no present disk takes the place of {guest.id}; it moves to that of {host_id}"
    host = sketch.disks[host_id]
    if host.table is TableType.NONE:
        return False
    _drop_unused(sketch, guest, why)
    if guest.table is TableType.NONE and guest.id in sketch.holder and not _wrap(sketch, guest, why):
        return False
    after = host.logical_sector * max((part.start_sector + part.sectors for part in sketch.on_disk(host_id)), default=0)
    for part in [p for p in sketch.on_disk(guest.id) if not is_extended(p)]:
        number = _free_number(sketch, host)
        if number is None:
            return False
        start = after // host.logical_sector
        sectors = -(-sketch.size_of(part.id) // host.logical_sector)
        moved = replace(part, disk=Ref(host_id), number=number, start_sector=start, sectors=sectors, ebr_sector=None,
                        active=False)
        sketch.put(_of_table(sketch, moved, guest, host), Cause(
            "partition-moved", why, f"it is partition {number} there; names by disk and number change, identities do "
            "not"))
        after = (start + sectors) * host.logical_sector
    for part in sketch.on_disk(guest.id):
        sketch.remove("PARTITION", part.id, Cause("partition-dropped", why, "a container is not needed there"))
    sketch.remove("DISK", guest.id, Cause("disks-merged", why, "what lay on several disks lies on one: it is lost "
                                          "together if that disk fails"))
    return fit_disk(sketch, host_id, size, sector) is not None


def move_some_in(sketch: Sketch, guest: Disk, host_id: str, size: int,
                 sector: int) -> "Tuple[Sketch, List[Lost]] | None":
    """The sketch with as many of the guest's partitions on the host as have room, those that matter most first."""
    why = f"no present disk takes the place of {guest.id}, and not all of it has room on that of {host_id}"
    able = [part for part in sketch.on_disk(guest.id) if part.id in sketch.holder and not is_extended(part)]
    able.sort(key=lambda part: (only_data(sketch, part.id), sketch.size_of(part.id), part.id))
    kept: List[str] = []
    found: "Tuple[Sketch, List[Lost]] | None" = None
    for part in able:
        trial = sketch.copy()
        lost: List[Lost] = []
        for other in able:
            if other.id not in (*kept, part.id) and other.id in trial.partitions:
                lost += lose_partition(trial, other, why)
        if part.id in trial.partitions and move_in(trial, guest, host_id, size, sector):
            kept.append(part.id)
            found = trial, lost
    return found


def leave_out_disk(sketch: Sketch, disk: Disk, homeless: Homeless) -> Tuple[Lost, ...]:
    """Give up a saved disk with everything that cannot be without it."""
    why = f"no present disk takes the place of {disk.id}"
    lost: List[Lost] = []
    for part in sketch.on_disk(disk.id):
        lost += lose_partition(sketch, part, why)
    if disk.table is TableType.NONE and disk.id in sketch.holder:
        lost += lose_content(sketch, disk.id, why)
    sketch.remove("DISK", disk.id, Cause("disk-missing", homeless.reason.text, "what can be restored "
                                         "without it is restored", bool(lost)))
    return tuple(lost)


def hosts(sketch: Sketch, sizes: Dict[str, Tuple[int, int]], wanted: Optional[str]) -> Sequence[str]:
    """The placed disks, that with most room to spare first; only the one the operator named, if one is named."""
    def spare(disk_id: str) -> int:
        size, sector = sizes[disk_id]
        return room_of(sketch.disks[disk_id], size, sector).end - sum(
            piece.size for piece in pieces_of(sketch, disk_id) if not piece.logical)

    return sorted((d for d in sizes if wanted in (None, d)), key=lambda d: (-spare(d), d))


def explain_shared(sketch: Sketch) -> None:
    """Announce redundancy that protects from nothing any more: mirrors (MD, LVM, btrfs) with two legs on one disk."""
    if sketch.single["POLICY"].shared_disk_mirror:
        return
    shared = tuple(shared_mirrors(sketch.result()))
    if shared:
        sketch.put(replace(sketch.single["POLICY"], shared_disk_mirror=True), Cause(
            "mirror-shared", "; ".join(map(str, shared)),
            "both copies are lost if that disk fails; add a disk and move one of them", True))


def mend_commands(sketch: Sketch) -> None:
    """Restore programs whose volumes are not there are skipped; those that fill others too run without them."""
    there = {ident for kind in ("FS", "SUBVOLUME", "BTRFS") for ident in sketch.records[kind]}
    for command in list(sketch.records["COMMAND"].values()):
        left = tuple(volume for volume in command.volumes if volume in there)
        gone = ", ".join(volume for volume in command.volumes if volume not in there)
        if command.volumes and not left:
            sketch.remove("COMMAND", command.id, Cause(
                "command-skipped", f"{gone} is not there", f"`{command.title}` is not run"))
        elif gone:
            sketch.put(replace(command, volumes=left), Cause(
                "command-partly", f"{gone} is not there", f"`{command.title}` runs; what it restores there lands in "
                "the file system above, which has to have room for it", True))


def mend_omitted(sketch: Sketch) -> None:
    """What the capture left out has no place any more where its disk or partition is gone."""
    there = {ident for kind in ("PARTITION", "LV", "DISK", "MD", "LUKS", "BCACHE", "BTRFS", "VG") for ident in
             sketch.records[kind]}
    for omitted in list(sketch.records["OMITTED"].values()):
        if omitted.device is not None and omitted.device not in there:
            sketch.put(replace(omitted, device=None), Cause(
                "omitted-moved", f"{omitted.device} is not there", "it was not in the set, and is not restored anyway"))


def _drop_unused(sketch: Sketch, disk: Disk, why: str) -> None:
    """Partitions that hold nothing (boot areas of a second disk) stay behind."""
    for part in sketch.on_disk(disk.id):
        if part.id not in sketch.holder and not is_extended(part):
            sketch.remove("PARTITION", part.id, Cause("partition-dropped", why, "nothing that is restored lay on it"))


def _wrap(sketch: Sketch, disk: Disk, why: str) -> bool:
    """Give what lay on a whole disk a partition of its size."""
    kind, holder = sketch.holder.pop(disk.id)
    ident = f"{disk.id}whole"
    if ident in sketch.partitions:
        return False
    sketch.put(Partition(ident, Ref(disk.id), 1, 0, disk.size_bytes // disk.logical_sector, GPT_TYPES.get(
        kind, GPT_TYPES["FS"]), uuid=_guid(sketch, ident)), Cause("partition-added", why, "it holds what lay on a "
                                                                  "disk without a table"))
    sketch.holder[ident] = (kind, holder)
    record = sketch.records[kind][holder]
    cause = Cause("volume-moved", why, "it lies on a partition instead of a whole disk")
    if hasattr(record, "device"):
        sketch.put(replace(record, device=Ref(ident)), cause)
        return True
    for field in ("members", "spares", "devices"):
        if isinstance(value := getattr(record, field, None), tuple):
            record = replace(record, **{field: tuple(Ref(ident) if one == disk.id else one for one in value)})
    sketch.put(record, cause)
    return True


def _free_number(sketch: Sketch, host: Disk) -> Optional[int]:
    used = {part.number for part in sketch.on_disk(host.id)}
    most = _PRIMARY if host.table is TableType.MBR else host.gpt_entries or 128
    return next((number for number in range(1, most + 1) if number not in used), None)


def _of_table(sketch: Sketch, part: Partition, guest: Disk, host: Disk) -> Partition:
    """The partition as an entry of the host's kind of table."""
    kind = sketch.holder.get(part.id, ("FS", ""))[0]
    if host.table is TableType.GPT and part.type.startswith("0x"):
        return replace(part, type=GPT_TYPES.get(kind, GPT_TYPES["FS"]), uuid=_guid(sketch, part.id), active=False)
    if host.table is TableType.MBR and not part.type.startswith("0x"):
        return replace(part, type=MBR_TYPES.get(kind, "0x83"), uuid=None, name=None, attributes=0)
    return part


def _guid(sketch: Sketch, ident: str) -> str:
    """A new GUID that is the same in every plan of this set."""
    return str(uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), f"partition {ident}"))
