"""The catalog as a part of a set: its section and its file."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Tuple

from sif.catalog.collect import Collected, collect
from sif.catalog.text import escape, write_catalog
from sif.media import SCHEME, sha256_hex
from sif.model import Catalog
from sif.plain import dataclass

IDENT = "packages"
_SHOWN = 10
"""How many paths of a kind a note names; the catalog itself has them all."""


@dataclass(frozen=True)
class CatalogPart:
    """What a capture adds to a set: the section, the file's path in the set and its bytes, notes."""

    section: Catalog
    path: str
    data: bytes
    notes: Tuple[str, ...]


def catalog_part(root: Path, hostname: str, *, threads: Optional[int] = None) -> CatalogPart:
    """Collect the catalog of the tree at ``root``. Raises what :func:`sif.catalog.collect.collect` raises."""
    collected = collect(root, threads=threads)
    data = write_catalog(collected.entries)
    path = f"catalog/{hostname}.catalog"
    section = Catalog(id=IDENT, path=SCHEME + path, sha256=sha256_hex(data), entries=len(collected.entries))
    return CatalogPart(section, path, data, notes(collected))


def notes(collected: Collected) -> Tuple[str, ...]:
    """What the administrator should know of a collection, in words."""
    found: List[str] = list(collected.notes)
    for paths, words in (
            ([entry.path for entry in collected.differing], "already differ from their packages"),
            (list(collected.absent), "belong to packages and are not there"),
            (list(collected.replaced), "belong to packages, and something else lies in their place"),
            ([path for path, _ in collected.unreadable], "belong to packages and cannot be read")):
        if paths:
            shown = ", ".join(escape(path) for path in paths[:_SHOWN])
            found.append(f"catalog: {len(paths)} {'file' if len(paths) == 1 else 'files'}, {words}: {shown}"
                         + (", ..." if len(paths) > _SHOWN else ""))
    if collected.excluded:
        found.append(f"catalog: {collected.excluded} files are left out of this system by dpkg's path-exclude")
    return tuple(found)
