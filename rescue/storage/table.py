"""Partition tables as sfdisk writes and shows them. Pure: text in, text out."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Mapping, Sequence, Tuple

from rescue.multipath import is_map
from rescue.planner.layout import mbr_type
from sif.model import Disk, Partition, TableType

_NAMED_BITS = {"RequiredPartition": 0, "NoBlockIOProtocol": 1, "LegacyBIOSBootable": 2}
"""Names that libfdisk has for the attribute bits of every GPT type; bits 48 to 63 are ``GUID:n``."""

LABELS = {TableType.GPT: "gpt", TableType.MBR: "dos"}


def node(disk_path: str, number: int) -> str:
    """The device node of a partition: ``/dev/vda1``, ``/dev/nvme0n1p1``, ``/dev/mapper/3600508b4-part1``."""
    if is_map(disk_path):
        return f"{disk_path}-part{number}"
    return f"{disk_path}{'p' if disk_path[-1].isdigit() else ''}{number}"


def script(disk: Disk, partitions: Sequence[Partition], disk_path: str) -> str:
    """The whole table as one sfdisk script, so that it is written in one commit."""
    lines = [f"label: {LABELS[disk.table]}"]
    if disk.table_id:
        lines.append(f"label-id: {disk.table_id}")
    lines.append("unit: sectors")
    if disk.table is TableType.GPT and disk.first_lba is not None:
        lines.append(f"first-lba: {disk.first_lba}")
    if disk.table is TableType.GPT and disk.gpt_entries is not None:
        lines.append(f"table-length: {disk.gpt_entries}")
    if disk.table is TableType.GPT and disk.last_lba is not None:
        lines.append(f"last-lba: {disk.last_lba}")
    lines.append("")
    lines += [_entry(disk.table, part, disk_path) for part in sorted(partitions, key=lambda p: p.number)]
    return "\n".join(lines) + "\n"


def _entry(table: TableType, part: Partition, disk_path: str) -> str:
    fields = [f"start={part.start_sector}", f"size={part.sectors}"]
    if table is TableType.MBR:
        fields.append(f"type={mbr_type(part.type) or 0:x}")
        fields += ["bootable"] if part.active else []
    else:
        fields.append(f"type={part.type}")
        fields += [f"uuid={part.uuid}"] if part.uuid else []
        fields += [f'name="{_quoted(part.name)}"'] if part.name else []
        fields += [f'attrs="{attribute_words(part.attributes)}"'] if part.attributes else []
    return f"{node(disk_path, part.number)} : {', '.join(fields)}"


def _quoted(name: str) -> str:
    """A GPT name with the characters that libfdisk escapes in its scripts written as ``\\xNN``."""
    return re.sub(r'[\\"`$\x00-\x1f\x7f]', lambda m: f"\\x{ord(m.group()):02x}", name)


def attribute_words(bits: int) -> str:
    """GPT attribute bits in libfdisk's words."""
    words = [name for name, bit in _NAMED_BITS.items() if bits >> bit & 1]
    return " ".join(words + [f"GUID:{bit}" for bit in range(48, 64) if bits >> bit & 1])


def attribute_bits(words: str) -> int:
    """The bits of libfdisk's words for GPT attributes."""
    bits = 0
    for word in re.split(r"[ ,]+", words.strip()):
        number = word.rpartition(":")[2]
        if word in _NAMED_BITS:
            bits |= 1 << _NAMED_BITS[word]
        elif number.isdigit():
            bits |= 1 << int(number)
    return bits


def differences(disk: Disk, partitions: Sequence[Partition], disk_path: str, shown: str) -> Tuple[str, ...]:
    """How the table that ``sfdisk -J`` shows differs from the saved one; empty when it is exact."""
    table: Mapping[str, Any] = json.loads(shown).get("partitiontable", {})
    found: List[str] = []
    _compare(found, "partition table", LABELS[disk.table], table.get("label"))
    if disk.table_id:
        _compare(found, "table id", disk.table_id.lower(), str(table.get("id", "")).lower())
    if disk.table is TableType.GPT and disk.first_lba is not None:
        _compare(found, "first usable sector", disk.first_lba, table.get("firstlba"))
    if disk.table is TableType.GPT and disk.gpt_entries is not None:
        _compare(found, "entries", disk.gpt_entries, int(table.get("table-length", 128)))
    there = {str(entry["node"]): entry for entry in table.get("partitions", [])}
    for part in partitions:
        entry = there.pop(node(disk_path, part.number), None)
        if entry is None:
            found.append(f"partition {part.number} is missing")
        else:
            _compare_entry(found, disk.table, part, entry)
    return (*found, *(f"{name} should not be there" for name in there))


def _compare_entry(found: List[str], table: TableType, part: Partition, entry: Mapping[str, Any]) -> None:
    pairs: Dict[str, Tuple[object, object]] = {
        "start": (part.start_sector, entry.get("start")), "size": (part.sectors, entry.get("size"))}
    if table is TableType.MBR:
        pairs["type"] = (mbr_type(part.type), int(str(entry.get("type", "0")), 16))
        pairs["boot flag"] = (part.active, bool(entry.get("bootable")))
    else:
        pairs["type"] = (part.type.lower(), str(entry.get("type", "")).lower())
        pairs["name"] = (part.name or "", entry.get("name", ""))
        pairs["attributes"] = (part.attributes, attribute_bits(str(entry.get("attrs", ""))))
        if part.uuid:
            pairs["uuid"] = (part.uuid.lower(), str(entry.get("uuid", "")).lower())
    for what, (wanted, got) in pairs.items():
        _compare(found, f"{what} of partition {part.number}", wanted, got)


def _compare(found: List[str], what: str, wanted: object, got: object) -> None:
    if wanted != got:
        found.append(f"{what} is {got}, not {wanted}")
