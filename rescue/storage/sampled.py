"""Whether the files of a volume are those that the catalog lists: a sample of them, or all. Nothing is written."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple

from rescue.readonly import looked_into
from rescue.storage.mounts import Place, mount_options
from sif.catalog.entry import Entry, Origin
from sif.catalog.text import escape
from sif.catalog.verify import CatalogReport, Fact, verify_catalog

DEFAULT = 200
"""So many files of each volume, where nobody says how many."""

_CONTENT = frozenset({Fact.TYPE, Fact.SIZE, Fact.CONTENT, Fact.UNREADABLE})
"""What makes a file another one. Owner and mode are set right after the restore, as the catalog says."""

_SHOWN = 3


@dataclass(frozen=True)
class Listed:
    """The files that the catalog has for the volume at a place, and those of them that are compared."""

    compared: Tuple[Entry, ...]
    all: bool


def listed_at(entries: Sequence[Entry], mount: str, places: Sequence[str], most: Optional[int], seed: str) -> Listed:
    """What of the catalog lies on the volume at ``mount``; ``places`` are all mount points of the machine.

    ``most`` files are chosen, None: all. The choice follows from the seed and the paths: the same for the same set,
    and spread over the whole volume.
    """
    inner = [place.encode() for place in places if place != mount and below(place.encode(), mount.encode())]
    held = [entry for entry in entries if entry.origin is not Origin.DIFFERS and below(entry.path, mount.encode())
            and not any(below(entry.path, other) for other in inner)]
    if most is None or len(held) <= most:
        return Listed(tuple(held), True)
    held.sort(key=lambda entry: hashlib.sha256(seed.encode() + entry.path).digest())
    return Listed(tuple(sorted(held[:most])), False)


def below(path: bytes, mount: bytes) -> bool:
    """Whether the path is the mount point or below it."""
    return path == mount or path.startswith(mount.rstrip(b"/") + b"/")


def differing(place: Place, entries: Sequence[Entry]) -> str:
    """What of the files is not as listed on the volume of that place, in words; empty when all are equal.

    Raises :class:`sif.errors.CommandFailed` when it cannot be mounted.
    """
    if not entries:
        return ""
    with tempfile.TemporaryDirectory(prefix="lifeboat-look-") as work:
        where = Path(work, place.mount.lstrip("/"))
        words = tuple(word for word in mount_options(place.options, True, place.extra).split(",") if word != "ro")
        with looked_into(place.device, place.type, where, words):
            return words_of(verify_catalog(Path(work), entries))


def words_of(report: CatalogReport) -> str:
    """How many files are not as listed, and the first of them; empty when none is."""
    wrong: Dict[bytes, str] = {entry.path: "missing" for entry in report.missing}
    for found in report.different:
        if found.fact in _CONTENT:
            wrong.setdefault(found.entry.path, found.fact.value)
    if not wrong:
        return ""
    shown: List[str] = [f"{escape(path)} ({wrong[path]})" for path in sorted(wrong)[:_SHOWN]]
    more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
    return f"{len(wrong)} of {report.checked} files differ from the catalog: {', '.join(shown)}{more}"
