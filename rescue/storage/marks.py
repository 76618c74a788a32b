"""Leaves, reads and takes away the mark of a rebuild that has begun (:mod:`rescue.begun`)."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Sequence, Tuple

from rescue.begun import MARK_BYTES, Found, Mark, identity, parse_mark, volumes_of
from rescue.detect import sample_places
from rescue.hardware import PresentDisk
from rescue.plan import DiskMatch, RestorePlan
from rescue.storage.disks import locked, settle
from sif.model import SystemInformation, TableType
from sif.run import run

_TIMEOUT = 120.0


@dataclass(frozen=True)
class Marks:
    """The marks of one rebuild."""

    set_sha256: str
    others: Tuple[bytes, ...] = ()
    kept: Tuple[int, ...] = ()

    def leave(self, match: DiskMatch) -> None:
        """Write the mark on a disk that has, or will have, a partition table. Call it with the disk locked."""
        now = match.fingerprint
        mark = Mark(self.set_sha256, identity(now.serial, now.wwn, now.size_bytes), self.others, self.kept)
        _write(match.path, mark.to_bytes())


def marks_of(plan: RestorePlan, saved: SystemInformation, set_sha256: str) -> Marks:
    """The marks for the disks of a plan that are written to; ``saved`` is the machine as the set has it.

    Raises :class:`rescue.begun.MarkTooLong`, before anything is written.
    """
    bare = {disk.id for disk in plan.target_of(saved).disks if disk.table is TableType.NONE}
    prints = [match.fingerprint for match in plan.to_do().matches if match.saved in bare]
    names = volumes_of(saved)
    marks = Marks(set_sha256, tuple(identity(p.serial, p.wwn, p.size_bytes) for p in prints),
                  tuple(names.index(ident) for ident in plan.kept if ident in names))
    Mark(set_sha256, bytes(32), marks.others, marks.kept).to_bytes()
    return marks


def take_away(paths: Sequence[str]) -> None:
    """Remove the marks from the disks. Whatever else lies at their place stays."""
    for path in [path for path in paths if parse_mark(_head(path)) is not None]:
        with locked(path):
            _write(path, bytes(MARK_BYTES))
        settle()


def look(disk: PresentDisk) -> Found:
    """Read the mark and every id on a disk."""
    whole = probe(disk.path)
    holding = {part.name for part in disk.partitions if part.content}
    seen = {part.name: probe(f"/dev/{part.name}") for part in disk.partitions}
    mark = parse_mark(_head(disk.path))
    samples = _samples(disk)
    return Found(
        mark, whole.get("PTUUID"),
        {name: values.get("PART_ENTRY_UUID") for name, values in seen.items()},
        {name: values.get("UUID") for name, values in seen.items() if name in holding},
        whole.get("UUID"), beyond_empty=len(samples) > 2 and not any(samples[1:-1]),
        only_mark=mark is not None and not disk.partitions and not samples[0][MARK_BYTES:] and not any(samples[1:]))


def probe(path: str) -> Dict[str, str]:
    """What blkid finds on the device itself; nothing when it holds several things, or nothing."""
    shown = run(("blkid", "--probe", "--output", "export", path), timeout=_TIMEOUT, check=False).stdout
    return dict(re.findall(r"^([A-Z_]+)=(.*)$", shown, re.MULTILINE))


def _samples(disk: PresentDisk) -> Tuple[bytes, ...]:
    """What a look at the disk's ends and between them shows, without the zeros at its end."""
    with Path(disk.path).open("rb", buffering=0) as stream:
        return tuple(os.pread(stream.fileno(), length, start).rstrip(b"\0")
                     for start, length in sample_places(disk.size_bytes))


def _head(path: str) -> bytes:
    try:
        with Path(path).open("rb") as stream:
            return stream.read(MARK_BYTES)
    except OSError:
        return b""


def _write(path: str, data: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.pwrite(handle, data, 0)
        os.fsync(handle)
    finally:
        os.close(handle)
