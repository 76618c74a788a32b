"""Which partitions are kept sector by sector. Pure, but for one question about a signature."""

from __future__ import annotations

import posixpath
from typing import Callable, FrozenSet, List, Mapping, Optional, Sequence, Tuple

from sif.errors import UsageError
from sif.plain import dataclass
from sif.raw.types import NEVER, REQUIRED_BIT, reserved
from sif.records.disks import Partition


@dataclass(frozen=True)
class RawWish:
    """What shall be kept: reserved partitions (``automatic``), and those ``requested`` by id, kernel name or
    ``PARTUUID=``, which stays when the kernel finds the disks in another order.

    ``used`` holds kernel names of what the system mounts: their files are in the backup, so they are never kept by
    themselves. With ``strict``, a request for what is not there is an error.
    """

    requested: Tuple[str, ...] = ()
    automatic: bool = True
    used: FrozenSet[str] = frozenset()
    strict: bool = True


@dataclass(frozen=True)
class KeptRaw:
    """A partition that is kept sector by sector: its id and its device, and why."""

    partition: str
    path: str
    why: str


RESERVED_ONLY = RawWish()
ON_REQUEST = "on request"


def partuuid(part: Partition, table_id: Optional[str]) -> str:
    """The name of a partition that is in its table, as the kernel and blkid give it: empty where it has none."""
    if part.uuid is not None:
        return f"PARTUUID={part.uuid}"
    return f"PARTUUID={table_id[2:]}-{part.number:02x}" if table_id and table_id.startswith("0x") else ""


def choose(partitions: Sequence[Partition], paths: Mapping[str, str], leaves: Sequence[str], wish: RawWish,
           restored_otherwise: Callable[[str], bool], tables: Mapping[str, Optional[str]]) -> Tuple[KeptRaw, ...]:
    """The partitions to keep, in the order given.

    ``tables`` maps the disks' ids to those of their partition tables, ``paths`` maps ids to devices, ``leaves`` are the
    ids of what carries no other layer (a physical volume or a member of an array is not one),
    ``restored_otherwise(path)`` says whether a known file system or swap lies there. Raises UsageError for a request
    that names no such partition, or one that carries another layer.
    """
    named = {part.id: (part.id, partuuid(part, tables.get(part.disk))) for part in partitions}
    names = {name for ones in named.values() for name in ones}
    wanted = {_requested(name, named, paths, leaves) for name in wish.requested if wish.strict or name in names}
    found: List[KeptRaw] = []
    for part in partitions:
        path = paths.get(part.id)
        if path is None or part.id not in leaves:
            continue
        if part.id in wanted:
            found.append(KeptRaw(part.id, path, ON_REQUEST))
        elif wish.automatic and posixpath.basename(path) not in wish.used:
            why = _why(part, path, restored_otherwise)
            if why:
                found.append(KeptRaw(part.id, path, why))
    return tuple(found)


def _why(part: Partition, path: str, restored_otherwise: Callable[[str], bool]) -> str:
    if part.type.lower() in NEVER:
        return ""
    if reserved(part.type):
        return reserved(part.type)
    if part.attributes & REQUIRED_BIT and not restored_otherwise(path):
        return "required by the platform (GPT attribute 0)"
    return ""


def _requested(name: str, named: Mapping[str, Sequence[str]], paths: Mapping[str, str], leaves: Sequence[str]) -> str:
    known = {ident: (*names, paths[ident], posixpath.basename(paths[ident])) for ident, names in named.items()
             if ident in paths}
    found = [ident for ident, names in known.items() if name and name in names]
    if not found:
        raise UsageError("no such partition to keep sector by sector", found=name,
                         wanted="one of " + ", ".join(names[-1] for names in known.values()),
                         hint="a partition of a disk that is restored, by its kernel name, its PARTUUID= or its id in "
                         "the set")
    if found[0] not in leaves:
        raise UsageError("a partition that carries other volumes cannot be kept sector by sector", found=name,
                         hint="its volumes are described, made again, and filled from the backup")
    return found[0]
