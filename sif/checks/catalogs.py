"""The catalog's section: it names a file of the set."""

from __future__ import annotations

from typing import Iterator

from sif.catalog.text import MAX_ENTRIES
from sif.checks.common import SHA256, bad, repeated
from sif.media import SCHEME, path_fault
from sif.model import SystemInformation
from sif.problems import Problem


def check_catalogs(info: SystemInformation) -> Iterator[Problem]:
    """Paths stay inside the set, digests are digests, and no two sections name one file."""
    for catalog in info.catalogs:
        fault = path_fault(catalog.path[len(SCHEME):]) if catalog.path.startswith(SCHEME) else "no media: before it"
        if fault:
            yield bad(catalog, "path", f"not a file of the set: {fault}", found=catalog.path,
                      wanted="media:PATH below the SIF's directory")
        if not SHA256.fullmatch(catalog.sha256):
            yield bad(catalog, "sha256", "not a SHA-256", found=catalog.sha256, wanted="64 hexadecimal digits")
        if catalog.entries > MAX_ENTRIES:
            yield bad(catalog, "entries", "too many entries for a catalog", found=str(catalog.entries),
                      wanted=f"at most {MAX_ENTRIES}")
    for later, earlier in repeated((catalog, catalog.path.lower()) for catalog in info.catalogs):
        yield bad(later, "path", f"the same file as {earlier.id}", found=later.path)
