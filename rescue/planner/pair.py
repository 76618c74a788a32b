"""One saved disk on two present ones: a hardware RAID that is not there any more becomes a mirror in software.

Everything that is not read by firmware lies on mirrors with their metadata at the end (version 1.0), so that a boot
loader reads each half like a plain partition. The EFI system partition stays on the first disk; the second has an
empty one.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any, Optional

from rescue.planner.fit import pieces_of
from rescue.planner.house import GPT_TYPES, MBR_TYPES
from rescue.planner.layout import is_extended
from rescue.planner.pack import GRAIN
from rescue.planner.sketch import Cause, Sketch
from sif.model import Disk, MdArray, MdLevel, MdMetadata, Partition, Ref, TableType

CODE = "mirror-added"


def add_mirror(sketch: Sketch, disk_id: str) -> Optional[Disk]:
    """Give the disk a twin, and its volumes mirrors over both; the twin, or None where the disk has no table."""
    disk = sketch.disks[disk_id]
    if disk.table is TableType.NONE:
        return None
    why = f"{disk_id} goes to two disks"
    twin = replace(disk, id=_free(sketch, f"{disk_id}m"), table_id=_table_id(sketch, disk), serial=None, wwn=None,
                   by_path=None, device=None, boot_code=None, boot_code_sha256=None, boot_gap=None,
                   boot_gap_sha256=None)
    sketch.put(twin, Cause(CODE, why, "it holds the same as the first one"))
    containers = {piece.id for piece in pieces_of(sketch, disk_id) if piece.container}
    shift = 0
    for part in sketch.on_disk(disk_id):
        mirrored = _is_mirrored(sketch, part)
        moved = replace(part, start_sector=part.start_sector + shift)
        if mirrored:
            grown = GRAIN // disk.logical_sector
            shift += grown
            moved = replace(moved, sectors=part.sectors + grown, type=_raid_type(disk))
        elif part.id in containers:
            moved = replace(moved, sectors=part.sectors + GRAIN // disk.logical_sector * sum(
                1 for other in sketch.on_disk(disk_id) if other.number > 4 and _is_mirrored(sketch, other)))
        if moved != part:
            sketch.put(replace(moved, ebr_sector=None), Cause(
                CODE, why, "it is half of a mirror, with room for the mirror's own description"
                if mirrored else "it moves for what lies before it"))
        copy = replace(moved, id=_free(sketch, f"{part.id}m"), disk=Ref(twin.id), ebr_sector=None,
                       uuid=_guid(sketch, f"twin {part.id}") if part.uuid else None)
        sketch.put(copy, Cause(CODE, why, "it is the other half" if mirrored else
                               "it is empty: firmware and loaders do not read mirrors"))
        if mirrored:
            _put_mirror(sketch, part, copy, disk, why)
    boot = sketch.single["BOOT"]
    if boot is not None and disk_id in boot.disks:
        sketch.put(replace(boot, disks=(*boot.disks, Ref(twin.id))), Cause(
            "boot-disks", why, "the boot loader is installed on both"))
    return twin


def _is_mirrored(sketch: Sketch, part: Partition) -> bool:
    """Whether what lies on it can lie on an array: not what firmware reads, images, or what is a member already."""
    kind, holder = sketch.holder.get(part.id, ("", ""))
    boot = sketch.single["BOOT"]
    return kind not in ("", "RAW", "MD") and not is_extended(part) and not (boot and holder in boot.esp)


def _put_mirror(sketch: Sketch, part: Partition, copy: Partition, disk: Disk, why: str) -> None:
    """An array over both halves, as large as the partition was, and what lay on the partition on it."""
    size = part.sectors * disk.logical_sector
    component = size - size % 65536
    seed = uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), f"mirror {part.id}").hex
    array = MdArray(_free(sketch, f"md_{part.id}"), ":".join(seed[at:at + 8] for at in range(0, 32, 8)), MdLevel.RAID1,
                    MdMetadata.V1_0, 2, (Ref(part.id), Ref(copy.id)), component, component_bytes=component,
                    name=part.id, data_offsets=(0, 0))
    sketch.put(array, Cause(CODE, why, "the system's early start has to know arrays (mdadm in the initramfs): the "
                            "saved one may not", True))
    kind, holder = sketch.holder[part.id]
    sketch.holder.update({part.id: ("MD", array.id), copy.id: ("MD", array.id), array.id: (kind, holder)})
    record: Any = sketch.records[kind][holder]
    cause = Cause("volume-moved", why, "it lies on a mirror instead of a partition")
    if kind == "BTRFS":
        sketch.put(replace(record, devices=tuple(Ref(array.id) if d == part.id else d for d in record.devices)), cause)
    else:
        sketch.put(replace(record, device=Ref(array.id)), cause)


def _raid_type(disk: Disk) -> str:
    return GPT_TYPES["MD"] if disk.table is TableType.GPT else MBR_TYPES["MD"]


def _table_id(sketch: Sketch, disk: Disk) -> Optional[str]:
    made = _guid(sketch, f"twin {disk.id}")
    return f"0x{made.replace('-', '')[:8]}" if disk.table is TableType.MBR else made


def _guid(sketch: Sketch, what: str) -> str:
    return str(uuid.uuid5(uuid.UUID(sketch.saved.version.set_id), what))


def _free(sketch: Sketch, wanted: str) -> str:
    taken = {ident for at in (sketch, sketch.origin) for records in at.records.values() for ident in records}
    return next(name for name in (wanted, *(f"{wanted}{n}" for n in range(2, 1000))) if name not in taken)
