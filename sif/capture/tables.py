"""Partition tables: what ``sfdisk --json`` says of a disk, and what only its sectors say, as records."""

from __future__ import annotations

import json
from typing import Any, Mapping, Optional, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, partition_number as partition_number
from sif.capture.sectors import (
    BOOT_CODE_BYTES,
    EXTENDED,
    PROTECTIVE,
    BrokenTable,
    Read,
    gap,
    hybrid_words,
    judge_gpt,
    logical_records,
    mbr_entries,
    usual_last,
)
from sif.model import Partition, Ref, TableType
from sif.plain import dataclass, replace

_ATTRIBUTE_BITS = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}
_DEFAULT_GPT_ENTRIES = 128
_MAX_GAP_BYTES = 1024 * 1024
"""Boot loaders put at most this much behind the MBR; a first partition that starts later leaves empty space."""
_SECONDS = 60.0


@dataclass(frozen=True)
class Table:
    """A partition table: its type, id (disk GUID or MBR signature), room, and partitions.

    ``boot_code`` and ``gap`` are bytes as they are on the disk, without zeros at the end; ``problem`` says why the
    table can't be made again, ``notes`` what should be known.
    """

    type: TableType
    id: Optional[str]
    gpt_entries: Optional[int]
    first_lba: Optional[int]
    partitions: Tuple[Partition, ...]
    last_lba: Optional[int] = None
    hybrid: Tuple[str, ...] = ()
    pmbr_active: bool = False
    boot_code: bytes = b""
    gap: bytes = b""
    problem: Optional[str] = None
    notes: Tuple[str, ...] = ()


NO_TABLE = Table(TableType.NONE, None, None, None, ())


def parse_sfdisk(text: str, disk_id: str) -> Table:
    """The table in the output of ``sfdisk --json``, its partitions named ``<disk id>p<number>``.

    Raises ValueError for a kind of table that is neither GPT nor MBR.
    """
    table: Mapping[str, Any] = json.loads(text)["partitiontable"]
    label = str(table["label"])
    if label not in ("gpt", "dos"):
        raise ValueError(label)
    gpt = label == "gpt"
    partitions = tuple(_partition(entry, disk_id, gpt) for entry in table.get("partitions", ()))
    return Table(
        type=TableType.GPT if gpt else TableType.MBR,
        id=str(table["id"]).lower(),
        # sfdisk prints the length only when it is not the usual one.
        gpt_entries=int(table.get("table-length", _DEFAULT_GPT_ENTRIES)) if gpt else None,
        first_lba=int(table["firstlba"]) if gpt and "firstlba" in table else None,
        partitions=tuple(sorted(partitions, key=lambda p: p.number)),
    )


def _partition(entry: Mapping[str, Any], disk_id: str, gpt: bool) -> Partition:
    number = partition_number(str(entry["node"]))
    kind = str(entry["type"]).lower()
    return Partition(
        id=f"{disk_id}p{number}",
        disk=Ref(disk_id),
        number=number,
        start_sector=int(entry["start"]),
        sectors=int(entry["size"]),
        type=kind if gpt else f"0x{int(kind, 16):02x}",
        uuid=str(entry["uuid"]).lower() if gpt and entry.get("uuid") else None,
        name=str(entry["name"]) if entry.get("name") else None,
        attributes=attribute_bits(str(entry.get("attrs") or "")),
        active=bool(entry.get("bootable", False)),
    )


def attribute_bits(text: str) -> int:
    """sfdisk's attribute names (``RequiredPartition GUID:60,63``) as the 64 bits of the GPT entry."""
    bits = 0
    for word in text.split():
        if word.startswith("GUID:"):
            for number in word[len("GUID:"):].split(","):
                bits |= 1 << int(number)
        else:
            bits |= 1 << _ATTRIBUTE_BITS[word]
    return bits


def probe_table(device: BlockDevice, disk_id: str) -> Table:
    """The table of a disk; :data:`NO_TABLE` if it has none. Raises OSError for a disk that can't be read."""
    result = look.run(["sfdisk", "--json", device.path], timeout=_SECONDS, check=False)
    if not result.ok:
        return NO_TABLE
    try:
        table = parse_sfdisk(result.stdout, disk_id)
    except ValueError as error:
        return replace(NO_TABLE, problem=f"partition table of kind {error}")
    size = device.logical_sector

    def read(sector: int, length: int) -> bytes:
        return look.data(device.path, length, sector * size)

    try:
        return from_sectors(table, device.size_bytes // size, size, read)
    except BrokenTable as error:
        return replace(table, problem=str(error))


def from_sectors(table: Table, sectors: int, size: int, read: Read) -> Table:
    """The table with what is only in the disk's sectors, ``size`` bytes each. Raises :class:`BrokenTable`."""
    first = read(0, 512)
    entries = mbr_entries(first)
    table = replace(table, boot_code=first[:BOOT_CODE_BYTES] if any(first[:BOOT_CODE_BYTES]) else b"")
    if table.type is TableType.GPT:
        header, notes = judge_gpt(read, sectors)
        last = None if header.last == usual_last(sectors, header.entries, size) else header.last
        protective = [entry for entry in entries if entry.type == PROTECTIVE]
        return replace(table, last_lba=last, hybrid=hybrid_words(entries), notes=notes, gpt_entries=header.entries,
                       pmbr_active=any(entry.active for entry in protective))
    records = {start: record for entry in entries if entry.type in EXTENDED
               for start, record in logical_records(entry, read).items()}
    return replace(
        table, gap=gap([entry.start for entry in entries], read, size, _MAX_GAP_BYTES),
        partitions=tuple(replace(p, ebr_sector=records.get(p.start_sector)) if p.number > 4 else p
                         for p in table.partitions))
