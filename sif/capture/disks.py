"""Disks with their tables, as records, and as carriers of what lies on them."""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Sequence, Tuple

from sif.capture.blocks import BlockDevice
from sif.capture.errors import Unrestorable
from sif.capture.multipath import number_of
from sif.capture.tables import Table
from sif.digest import sha256
from sif.model import Disk, DiskRole


def describe_disk(device: BlockDevice, ident: str, table: Table) -> Disk:
    """A disk that is rebuilt, as a record."""
    code, gap = (_file_of(data) for data in (table.boot_code, table.gap))
    return Disk(
        id=ident, role=DiskRole.CRITICAL, size_bytes=device.size_bytes, logical_sector=device.logical_sector,
        physical_sector=device.physical_sector, table=table.type, table_id=table.id, gpt_entries=table.gpt_entries,
        first_lba=table.first_lba, last_lba=table.last_lba, hybrid=table.hybrid, pmbr_active=table.pmbr_active,
        boot_code=code and f"media:boot/{ident}.mbr", boot_code_sha256=code, boot_gap=gap and f"media:boot/{ident}.gap",
        boot_gap_sha256=gap, model=device.model, serial=device.serial, wwn=device.wwn, bus=device.bus,
        by_path=device.by_path, device=device.kname, multipath=device.multipath, paths=device.paths)


def _file_of(data: bytes) -> Optional[str]:
    return sha256(data).hex() if data else None


def table_files(tables: Mapping[str, Table]) -> Tuple[Tuple[str, bytes], ...]:
    """The medium's files with boot code and gaps, as the records of the disks name them."""
    return tuple((f"boot/{ident}.{suffix}", data) for ident, table in tables.items()
                 for suffix, data in (("mbr", table.boot_code), ("gap", table.gap)) if data)


def table_problems(disks: Mapping[str, str], tables: Mapping[str, Table], paths: Mapping[str, str]) -> Tuple[str, ...]:
    """What is wrong with the tables, and partitions that the running kernel does not have."""
    found = [Unrestorable(f"disk {disks[ident]}: {table.problem}", disks[ident])
             for ident, table in tables.items() if table.problem]
    found += [Unrestorable(f"disk {disks[ident]}: partition {part.number} is in its table, but the running kernel does "
                           "not know it", disks[ident])
              for ident, table in tables.items() if not table.problem
              for part in table.partitions if part.id not in paths]
    return tuple(found)


def disks_and_partitions(disks: Mapping[str, str], tables: Mapping[str, Table],
                         devices: Sequence[BlockDevice]) -> Dict[str, str]:
    """Section id → device path, for the disks and their partitions."""
    paths: Dict[str, str] = {}
    for ident, name in disks.items():
        numbers = {p.number: p.id for p in tables[ident].partitions}
        for device in devices:
            if device.kname == name:
                paths[ident] = device.path
            elif device.type == "part" and name in device.parents:
                number = number_of(device)
                if number in numbers:
                    paths[numbers[number]] = device.path
    return paths
