"""What a disk has beside the list of its partitions: the end of a GPT, a hybrid MBR, boot records, boot code, paths."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from sif.checks.common import SHA256, bad
from sif.checks.disks import MBR_EXTENDED, usable_sectors
from sif.later import regex
from sif.media import SCHEME, path_fault
from sif.model import Disk, Partition, SystemInformation, TableType
from sif.problems import Problem

HYBRID = regex(r"([1-4]):0x([0-9a-f]{2}):([1-9][0-9]{0,9}):([1-9][0-9]{0,9})(:active)?")
PROTECTIVE = "ee"
_GPT_ONLY = ("gpt_entries", "first_lba", "last_lba", "hybrid", "pmbr_active")


def check_tables(info: SystemInformation) -> Iterator[Problem]:
    """Every rule for every disk."""
    for disk in info.disks:
        mine = [partition for partition in info.partitions if partition.disk == disk.id]
        if disk.table is TableType.GPT:
            yield from _check_end(disk)
            yield from _check_hybrid(disk)
        else:
            for key in _GPT_ONLY:
                if getattr(disk, key):
                    yield bad(disk, key, f"a disk with table {disk.table.value} has no {key}")
        yield from _check_files(disk)
        yield from _check_records(disk, mine)
        if disk.paths and disk.multipath is None:
            yield bad(disk, "paths", "paths of a disk that is not a multipath one", wanted="multipath = its WWID")


def _check_end(disk: Disk) -> Iterator[Problem]:
    first, _ = usable_sectors(disk)
    sectors = disk.size_bytes // max(disk.logical_sector, 1)
    if disk.last_lba is not None and not first <= disk.last_lba < sectors:
        yield bad(disk, "last_lba", "not a sector of the disk behind its table", found=str(disk.last_lba),
                  wanted=f"{first} to {sectors - 1}")


def _check_hybrid(disk: Disk) -> Iterator[Problem]:
    sectors = disk.size_bytes // max(disk.logical_sector, 1)
    entries: List[Tuple[int, int, str]] = []
    slots: List[str] = []
    for text in disk.hybrid:
        match = HYBRID.fullmatch(text)
        if match is None or match.group(2) == "00":
            yield bad(disk, "hybrid", "not an entry of a hybrid MBR", found=text,
                      wanted="slot:type:start:sectors, perhaps with :active")
            continue
        start, count = int(match.group(3)), int(match.group(4))
        slots.append(match.group(1))
        if match.group(2) != PROTECTIVE:
            if start + count > sectors:
                yield bad(disk, "hybrid", "the entry is not on the disk", found=text, wanted=f"up to {sectors - 1}")
            entries.append((start, count, text))
    if len(set(slots)) != len(slots):
        yield bad(disk, "hybrid", "a slot is there twice", found=", ".join(slots))
    if disk.hybrid and not any(f":0x{PROTECTIVE}:" in text for text in disk.hybrid):
        yield bad(disk, "hybrid", "no protective entry", wanted="an entry of type 0xee")
    entries.sort()
    for (start, count, one), (begin, _, other) in zip(entries, entries[1:]):
        if begin < start + count:
            yield bad(disk, "hybrid", f"overlaps {one}", found=other, wanted=f"a start of at least {start + count}")


def _check_files(disk: Disk) -> Iterator[Problem]:
    if disk.boot_gap is not None and disk.table is not TableType.MBR:
        yield bad(disk, "boot_gap", "only a disk with an MBR has a gap behind it")
    for key in ("boot_code", "boot_gap"):
        path, digest = getattr(disk, key), getattr(disk, f"{key}_sha256")
        if path is None and digest is None:
            continue
        fault = path_fault(path[len(SCHEME):]) if path and path.startswith(SCHEME) else "no media: before it"
        if fault:
            yield bad(disk, key, f"not a file of the set: {fault}", found=path or "nothing",
                      wanted="media:PATH below the SIF's directory")
        if digest is None or not SHA256.fullmatch(digest):
            yield bad(disk, f"{key}_sha256", "not a SHA-256", found=digest or "nothing", wanted="64 hex digits")


def _check_records(disk: Disk, partitions: List[Partition]) -> Iterator[Problem]:
    """Extended boot records lie in the container, each before its partition and in no partition's content."""
    boxes = [p for p in partitions if p.type in MBR_EXTENDED and p.number < 5]
    logical = [p for p in partitions if p.number >= 5 and disk.table is TableType.MBR]
    seen: List[int] = []
    for partition in partitions:
        record = partition.ebr_sector
        if record is None:
            continue
        if partition not in logical:
            yield bad(partition, "ebr_sector", "only a logical partition of an MBR has a boot record of its own")
            continue
        box = next((b for b in boxes if b.start_sector <= record < b.start_sector + b.sectors), None)
        if box is None or record >= partition.start_sector:
            yield bad(partition, "ebr_sector", "not in the extended partition and before its partition",
                      found=str(record), wanted=f"less than {partition.start_sector}")
        elif partition.number == 5 and record != box.start_sector:
            yield bad(partition, "ebr_sector", "the chain begins with the extended partition", found=str(record),
                      wanted=str(box.start_sector))
        inside = next((p for p in logical if p.start_sector <= record < p.start_sector + p.sectors), None)
        if inside is not None:
            yield bad(partition, "ebr_sector", f"lies in {inside.id}", found=str(record))
        if record in seen:
            yield bad(partition, "ebr_sector", "another partition has the same one", found=str(record))
        seen.append(record)
