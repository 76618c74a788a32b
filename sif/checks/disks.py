"""Disks and partition tables: ids, ranges, overlaps."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from sif.checks.common import GUID, bad, is_power_of_two, repeated
from sif.later import regex
from sif.model import Disk, DiskRole, Partition, SystemInformation, TableType
from sif.problems import Problem

MBR_SIGNATURE = regex(r"0x[0-9a-f]{8}")
MBR_TYPE = regex(r"0x[0-9a-f]{2}")
MBR_EXTENDED = ("0x05", "0x0f", "0x85")
GPT_ENTRY_BYTES = 128
MAX_NAME_UNITS = 36
"""UTF-16 code units of a GPT partition name."""


def check_disks(info: SystemInformation) -> Iterator[Problem]:
    """Sizes, sector sizes and the table's own id."""
    for disk in info.disks:
        if not is_power_of_two(disk.logical_sector) or not 512 <= disk.logical_sector <= 65536:
            yield bad(disk, "logical_sector", "not a sector size", found=str(disk.logical_sector),
                      wanted="a power of two from 512 to 65536")
        elif disk.size_bytes == 0 or disk.size_bytes % disk.logical_sector:
            yield bad(disk, "size_bytes", "not a whole number of sectors", found=str(disk.size_bytes),
                      wanted=f"a multiple of {disk.logical_sector}")
        yield from _check_table_id(disk)
    for later, earlier in repeated((disk, disk.table_id) for disk in info.disks):
        yield bad(later, "table_id", f"the same table id as {earlier.id}", found=later.table_id)


def _check_table_id(disk: Disk) -> Iterator[Problem]:
    pattern = {TableType.GPT: GUID, TableType.MBR: MBR_SIGNATURE}.get(disk.table)
    if pattern is None or (disk.table_id is None and disk.role is not DiskRole.CRITICAL):
        return
    if disk.table_id is None or not pattern.fullmatch(disk.table_id):
        yield bad(disk, "table_id", f"not the id of a {disk.table.value} table", found=disk.table_id or "nothing",
                  wanted="a GUID in lower case" if disk.table is TableType.GPT else "0x and 8 hexadecimal digits")
    if disk.gpt_entries is not None and not 4 <= disk.gpt_entries <= 4096:
        yield bad(disk, "gpt_entries", "not a size of a GPT", found=str(disk.gpt_entries), wanted="4 to 4096")


def check_partitions(info: SystemInformation) -> Iterator[Problem]:
    """Numbers, ranges and ids within each table."""
    for disk in info.disks:
        mine = [partition for partition in info.partitions if partition.disk == disk.id]
        for partition in mine:
            yield from _check_partition(disk, partition)
        for later, earlier in repeated((partition, str(partition.number)) for partition in mine):
            yield bad(later, "number", f"the same number as {earlier.id}", found=str(later.number))
        yield from _overlaps(mine, disk.table)
    for later, earlier in repeated((partition, partition.uuid) for partition in info.partitions):
        yield bad(later, "uuid", f"the same GUID as {earlier.id}", found=later.uuid)


def _check_partition(disk: Disk, partition: Partition) -> Iterator[Problem]:
    if disk.table is TableType.NONE or disk.role is not DiskRole.CRITICAL:
        yield bad(partition, "disk", f"{disk.id} has no partitions", wanted="a critical disk with a table",
                  found=f"role {disk.role.value}, table {disk.table.value}")
        return
    first, last = usable_sectors(disk)
    end = partition.start_sector + partition.sectors - 1
    if partition.sectors == 0 or partition.start_sector < first or end > last:
        yield bad(partition, "start_sector", "the partition is empty or not on the disk", wanted=f"{first} to {last}",
                  found=f"{partition.start_sector} to {end}")
    if disk.table is TableType.GPT:
        yield from _check_gpt_entry(disk, partition)
    else:
        yield from _check_mbr_entry(partition)


def usable_sectors(disk: Disk) -> Tuple[int, int]:
    """First and last sector that a partition of this disk may cover."""
    sectors = disk.size_bytes // max(disk.logical_sector, 1)
    if disk.table is TableType.GPT:
        array = -(-(disk.gpt_entries or 128) * GPT_ENTRY_BYTES // max(disk.logical_sector, 1))
        last = sectors - array - 2
        return max(2 + array, disk.first_lba or 0), min(last, disk.last_lba or last)
    return 1, min(sectors, 2 ** 32) - 1


def _check_gpt_entry(disk: Disk, partition: Partition) -> Iterator[Problem]:
    if not 1 <= partition.number <= (disk.gpt_entries or 128):
        yield bad(partition, "number", "the table has no such entry", found=str(partition.number),
                  wanted=f"1 to {disk.gpt_entries or 128}")
    if partition.uuid is None:
        yield bad(partition, "uuid", "a GPT partition needs its GUID")
    if not GUID.fullmatch(partition.type):
        yield bad(partition, "type", "not a GPT type", found=partition.type, wanted="a GUID in lower case")
    if len((partition.name or "").encode("utf-16-le")) > 2 * MAX_NAME_UNITS:
        yield bad(partition, "name", "the name is too long for a GPT", wanted=f"at most {MAX_NAME_UNITS} characters")
    if partition.active:
        yield bad(partition, "active", "a GPT partition has no MBR boot flag")


def _check_mbr_entry(partition: Partition) -> Iterator[Problem]:
    if not 1 <= partition.number <= 60:
        yield bad(partition, "number", "the table has no such entry", found=str(partition.number), wanted="1 to 60")
    if not MBR_TYPE.fullmatch(partition.type):
        yield bad(partition, "type", "not an MBR type", found=partition.type, wanted="0x and 2 hexadecimal digits")
    for key in ("uuid", "name", "attributes"):
        if getattr(partition, key):
            yield bad(partition, key, f"an MBR partition has no {key}")


def _overlaps(partitions: List[Partition], table: TableType) -> Iterator[Problem]:
    is_logical = [table is TableType.MBR and partition.number >= 5 for partition in partitions]
    outer = [partition for partition, logical in zip(partitions, is_logical) if not logical]
    inner = [partition for partition, logical in zip(partitions, is_logical) if logical]
    for group in (outer, inner):
        ordered = sorted(group, key=lambda partition: (partition.start_sector, partition.number))
        reach = None
        for partition in ordered:
            if reach is not None and partition.start_sector < reach.start_sector + reach.sectors:
                yield bad(partition, "start_sector", f"overlaps {reach.id}", found=str(partition.start_sector),
                          wanted=f"at least {reach.start_sector + reach.sectors}")
            if reach is None or partition.start_sector + partition.sectors > reach.start_sector + reach.sectors:
                reach = partition
    extended = [partition for partition in outer if partition.type in MBR_EXTENDED]
    for partition in inner:
        if not any(box.start_sector < partition.start_sector
                   and partition.start_sector + partition.sectors <= box.start_sector + box.sectors
                   for box in extended):
            yield bad(partition, "start_sector", "a logical partition outside the extended one",
                      found=str(partition.start_sector))
