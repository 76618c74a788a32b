"""The machine as it is now, looked at in the way its set was captured."""

from __future__ import annotations

from pathlib import Path
from typing import List, Sequence, Tuple

from sif import look, media
from sif.capture.blocks import BlockDevice, probe_blocks, whole_disks
from sif.catalog.text import escape, read_catalog
from sif.catalog.verify import verify_catalog
from sif.checks.common import size_of
from sif.drift import Area, Change, Effect
from sif.model import Disk, DiskRole, Raw, Ref, SystemInformation
from sif.plain import replace
from sif.raw.choose import KeptRaw, partuuid
from sif.raw.image import read_content
from sif.reader import LoadedSet

_SHOWN = 10


def excluded_disks(saved: SystemInformation) -> Tuple[str, ...]:
    """Kernel names of the disks that the administrator had left out, as far as they are there."""
    left_out = [disk for disk in saved.disks if disk.role is DiskRole.IGNORE]
    return tuple(disk.kname for disk in whole_disks(probe_blocks()) if any(_same(disk, one) for one in left_out)) \
        if left_out else ()


def _same(present: BlockDevice, saved: Disk) -> bool:
    for now, then in ((present.wwn, saved.wwn), (present.serial, saved.serial), (present.by_path, saved.by_path)):
        if now and then:
            return now == then
    return present.kname == saved.device


def raw_names(saved: SystemInformation) -> Tuple[str, ...]:
    """The partitions of which the set has images, by names that hold when the disks are found in another order."""
    tables = {disk.id: disk.table_id for disk in saved.disks}
    imaged = {str(raw.device) for raw in saved.raws}
    return tuple(partuuid(part, tables.get(part.disk)) or part.id for part in saved.partitions if part.id in imaged)


def with_raws(now: SystemInformation, saved: SystemInformation, kept: Sequence[KeptRaw],
              quick: bool) -> SystemInformation:
    """``now`` with RAW sections for what is kept; with ``quick`` a content of the same length counts as the same."""
    known = {raw.device: raw for raw in saved.raws}
    raws: List[Raw] = []
    for one in kept:
        size = size_of(now, now.find("PARTITION", one.partition)) or 0
        before = known.get(Ref(one.partition))
        if before is not None and quick:
            raws.append(replace(before, size_bytes=size))
            continue
        digest = _digest(one.path, size) if not quick else ""
        raws.append(replace(before, size_bytes=size, sha256=digest) if before is not None else Raw(
            id=f"raw_{one.partition}", device=Ref(one.partition), path="", size_bytes=size, sha256=digest,
            file_sha256=""))
    return replace(now, raws=tuple(raws))


def _digest(path: str, size: int) -> str:
    return look.ask("content", (path, size), lambda: read_content(path, size).sha256)


def changed_files(loaded: LoadedSet, root: Path) -> Tuple[Change, ...]:
    """What is no longer as the set's catalogs list it; one change per catalog, with the first paths."""
    files = dict(loaded.files)
    found: List[Change] = []
    for catalog in loaded.info.catalogs:
        path = catalog.path[len(media.SCHEME):]
        report = verify_catalog(root, read_catalog(files[path], path))
        if report.ok:
            continue
        entries = (*report.missing, *(difference.entry for difference in report.different))
        names = list(dict.fromkeys(escape(entry.path) for entry in entries))
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        found.append(Change(Area.FILES, Effect.AGAIN, f"[CATALOG {catalog.id}] {len(names)} files of packages are not "
                            f"as listed: {shown}"))
    return tuple(found)
