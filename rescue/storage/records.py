"""Puts the records of partitions on the disk that sfdisk does not write as they were, right after its own commit.

The partitions are the same with them, so the kernel need not look again.
"""

from __future__ import annotations

import os
from typing import Mapping, Sequence

from rescue.storage.boot_records import chain, needs_records, protective, stale
from rescue.storage.errors import RebuildFailed
from sif.capture.sectors import EXTENDED, BrokenTable, logical_records, mbr_entries
from sif.model import Disk, Partition, TableType

_RECORD_BYTES = 512


def put(disk: Disk, partitions: Sequence[Partition], path: str) -> None:
    """Write the hybrid MBR, the boot flag of the protective one, or the chain of logical partitions, if there is one.

    Call it with the disk locked. Idempotent. Raises :class:`RebuildFailed`.
    """
    if not needs_records(disk, partitions):
        return
    handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        if disk.table is TableType.GPT:
            os.pwrite(handle, protective(disk, os.pread(handle, _RECORD_BYTES, 0)), 0)
        else:
            _link(handle, disk.logical_sector, chain(partitions))
        os.fsync(handle)
    except (OSError, BrokenTable) as error:
        raise RebuildFailed("the records of partitions could not be written", where=path, found=str(error),
                            hint="see the kernel's log") from error
    finally:
        os.close(handle)


def _link(handle: int, sector: int, wanted: Mapping[int, bytes]) -> None:
    def read(at: int, length: int) -> bytes:
        return os.pread(handle, length, at * sector)

    there = {start: record for entry in mbr_entries(read(0, _RECORD_BYTES)) if entry.type in EXTENDED
             for start, record in logical_records(entry, read).items()}
    if not wanted or set(there.values()) == set(wanted):
        return
    for at in stale(there, wanted):
        os.pwrite(handle, bytes(_RECORD_BYTES), at * sector)
    for at, record in wanted.items():
        os.pwrite(handle, record, at * sector)
