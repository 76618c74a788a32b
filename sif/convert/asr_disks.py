"""Disks and partitions of an ``asr.sif`` as records."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif.convert.asr_fields import Record
from sif.convert.identity import GUID
from sif.convert.report import Ledger
from sif.model import Disk, DiskRole, Partition, Ref, TableType
from sif.plain import dataclass, replace

EXTENDED = ("0x05", "0x0f", "0x85")
_DYNAMIC = ("0x42", "5808c8aa-7e8f-42e0-85d2-e1e90434cfb3", "af9b60a0-1431-4f62-bc68-3311714a69ad")


@dataclass(frozen=True)
class Placed:
    """A partition and the record it came from."""

    partition: Partition
    record: Record


def guid(record: Record, name: str) -> str:
    """A GUID with or without braces, in lower case; anything else is a problem."""
    text = record.text(name)
    bare = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    if not GUID.fullmatch(bare):
        record.problem(f"{name} is not a GUID", text or "nothing", "{8-4-4-4-12 hexadecimal digits}")
        return "00000000-0000-0000-0000-000000000000"
    return bare.lower()


def convert_disks(records: Sequence[Record], ledger: Ledger) -> Dict[Tuple[str, str], Disk]:
    """The disks by (section, key). Disks that ASR did not call critical get role data and no table."""
    found: Dict[Tuple[str, str], Disk] = {}
    for record in records:
        section, ident = record.row.section, f"d{len(found)}"
        sector, sectors = record.number("sector-bytes"), record.number("sectors")
        critical = record.number("critical") != 0
        table = TableType.GPT if section == "DISKS.GPT" else TableType.MBR
        if not sector or not sectors:
            record.problem("a disk without sectors", record.row.text)
        ledger.place("DISK", ident, record.where)
        ledger.assumed(record.where, f"{ident} physical_sector", "the same as the logical sector size")
        ledger.left(record.where, f"{ident} geometry", "a set has no cylinders",
                    f"{record.text('sectors-per-track')},{record.text('tracks-per-cylinder')}")
        table_id: Optional[str] = guid(record, "disk-guid") if table is TableType.GPT else \
            f"0x{record.number('signature'):08x}"
        if not critical:
            ledger.left(record.where, ident, "not a critical disk: it gets role data, its table is not described",
                        table_id)
        elif table is TableType.GPT and not record.text("entries"):
            ledger.assumed(record.where, f"{ident} gpt_entries", "the usual 128 entries")
        found[(section, record.row.key)] = Disk(
            id=ident, role=DiskRole.CRITICAL if critical else DiskRole.DATA, size_bytes=sector * sectors,
            logical_sector=sector, physical_sector=sector, table=table if critical else TableType.NONE,
            table_id=table_id if critical else None,
            gpt_entries=(record.number("entries", 0) or None) if critical and table is TableType.GPT else None)
    return found


def convert_partitions(records: Sequence[Record], disks: Mapping[Tuple[str, str], Disk],
                       ledger: Ledger) -> Tuple[Placed, ...]:
    """The partitions of critical disks, numbered as Linux numbers them."""
    by_disk: Dict[str, List[Placed]] = {}
    for record in records:
        section = record.row.section.replace("PARTITIONS", "DISKS")
        disk = disks.get((section, record.text("disk-key").upper()))
        if disk is None:
            record.problem(f"no such disk in [{section}]", record.text("disk-key"), "the key of a disk")
        elif disk.role is not DiskRole.CRITICAL:
            ledger.left(record.where, "partition", f"{disk.id} is not rebuilt", record.row.text)
        else:
            made = _gpt(record, disk) if section == "DISKS.GPT" else _mbr(record, disk)
            if made.type in _DYNAMIC:
                ledger.lost(record.where, f"partition {made.number} of {disk.id}", "a dynamic disk: its volumes are "
                            "described in Windows' own database only", made.type)
            if record.text("volume-guid"):
                ledger.left(record.where, "volume GUID", "Windows' name of a volume; a set has no key for it",
                            record.text("volume-guid"))
            by_disk.setdefault(disk.id, []).append(Placed(made, record))
    found = [placed for mine in by_disk.values() for placed in _numbered(mine, ledger)]
    for placed in found:
        ledger.place("PARTITION", placed.partition.id, placed.record.where)
    return tuple(found)


def _gpt(record: Record, disk: Disk) -> Partition:
    return Partition(
        id="", disk=Ref(disk.id), number=record.number("slot"), start_sector=record.number("start"),
        sectors=record.number("count"), type=guid(record, "type-guid"), uuid=guid(record, "partition-guid"),
        name=record.text("name") or None, attributes=record.number("attributes", 0))


def _mbr(record: Record, disk: Disk) -> Partition:
    kind = record.number("type")
    if kind > 0xFF:
        record.problem("not an MBR partition type", record.text("type"), "0x00 to 0xff")
    return Partition(id="", disk=Ref(disk.id), number=record.number("slot"), start_sector=record.number("start"),
                     sectors=record.number("count"), type=f"0x{kind & 0xFF:02x}",
                     active=record.number("active", 0) != 0)


def _inside(inner: Partition, outer: Partition) -> bool:
    return inner is not outer and outer.start_sector <= inner.start_sector \
        and inner.start_sector + inner.sectors <= outer.start_sector + outer.sectors


def _numbered(mine: Sequence[Placed], ledger: Ledger) -> List[Placed]:
    """One disk's partitions with ids: ASR's slots are entries of tables, a set's numbers are those of partitions."""
    boxes = [p.partition for p in mine if p.partition.type in EXTENDED]
    outer = [box for box in boxes if not any(_inside(box, other) for other in boxes)]
    logical = sorted((p for p in mine if p.partition not in outer and p.partition.type not in EXTENDED
                      and any(_inside(p.partition, box) for box in outer)), key=lambda p: p.partition.start_sector)
    found: List[Placed] = []
    base = 1 if any(p.partition.number == 0 for p in mine) else 0
    for placed in mine:
        part = placed.partition
        if placed in logical:
            number = 5 + logical.index(placed)
            boxed = [box for box in boxes if _inside(part, box)]
            part = replace(part, ebr_sector=min(boxed, key=lambda box: box.sectors).start_sector)
            ledger.assumed(placed.record.where, f"{part.disk}p{number} number", "a logical partition, numbered by its "
                           "place on the disk", f"slot {part.number}")
        elif part.type in EXTENDED and part not in outer:
            ledger.left(placed.record.where, "extended partition", "a link in the chain of logical partitions; it is "
                        "made again by itself", placed.record.row.text)
            continue
        else:
            number = part.number + base
            if base:
                ledger.assumed(placed.record.where, f"{part.disk}p{number} number", "this disk's slots count from 0",
                               f"slot {part.number}")
        found.append(Placed(replace(part, id=f"{part.disk}p{number}", number=number), placed.record))
    return found
