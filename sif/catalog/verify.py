"""A tree compared with a catalog. Reads only; nothing in the tree or the catalog leads out of the tree."""

from __future__ import annotations

import errno
import itertools
import os
import posixpath
from enum import Enum
from pathlib import Path
from typing import Iterator, List, Optional, Sequence, Tuple

from sif.catalog.entry import Entry, Origin
from sif.catalog.measure import NotRegular, batches, digest, facts, in_parallel, open_regular
from sif.catalog.text import escape
from sif.catalog.tree import Tree
from sif.plain import dataclass


class Fact(str, Enum):
    """What of a file is not as the catalog says."""

    TYPE = "type"
    SIZE = "size"
    CONTENT = "content"
    MODE = "mode"
    OWNER = "owner"
    CAPABILITIES = "capabilities"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Difference:
    """One fact of one file; ``found`` and ``wanted`` are as the catalog writes them."""

    entry: Entry
    fact: Fact
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.fact.value} {escape(self.entry.path)}: {self.found}, wanted {self.wanted} " \
               f"({self.entry.package} {self.entry.version})"


@dataclass(frozen=True)
class CatalogReport:
    """What a tree lacks and what is different in it, in order of paths, and how much was looked at.

    ``checked`` counts entries, ``bytes_read`` bytes; ``differed_before`` are the files that were not their package's
    at capture time already: that they are now as captured says nothing about where they came from.
    """

    missing: Tuple[Entry, ...]
    different: Tuple[Difference, ...]
    checked: int
    bytes_read: int
    differed_before: Tuple[Entry, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is there and as captured."""
        return not self.missing and not self.different


@dataclass
class _Outcome:
    """What one job of a few files found."""

    missing: List[Entry]
    different: List[Difference]
    bytes_read: int = 0


def verify_catalog(root: Path, catalog: Sequence[Entry], *, threads: Optional[int] = None) -> CatalogReport:
    """Compare every listed file below ``root`` with the catalog; all of them, whatever is found.

    OSError only when ``root`` itself cannot be opened.
    """
    by_folder = [(folder, tuple(files)) for folder, files in
                 itertools.groupby(sorted(catalog, key=_place), key=lambda entry: posixpath.dirname(entry.path))]
    outcomes: List[_Outcome] = []
    with Tree(root) as tree:
        outcomes.extend(in_parallel(batches(by_folder), lambda job, buffer: _job(tree, job, buffer), threads))
    missing = sorted(entry for outcome in outcomes for entry in outcome.missing)
    different = sorted((found for outcome in outcomes for found in outcome.different), key=lambda d: d.entry.path)
    return CatalogReport(tuple(missing), tuple(different), len(catalog), sum(o.bytes_read for o in outcomes),
                         tuple(entry for entry in catalog if entry.origin is Origin.DIFFERS))


def _place(entry: Entry) -> Tuple[bytes, bytes]:
    return posixpath.split(entry.path)


def _job(tree: Tree, job: Sequence[Tuple[bytes, Sequence[Entry]]], buffer: bytearray) -> _Outcome:
    outcome = _Outcome([], [])
    for folder, entries in job:
        try:
            handle = tree.open_directory(folder)
        except OSError as error:
            for entry in entries:
                _refused(outcome, entry, error, "a directory on its way is none")
            continue
        try:
            for entry in entries:
                _file(outcome, entry, handle, buffer)
        finally:
            os.close(handle)
    return outcome


def _file(outcome: _Outcome, entry: Entry, folder: int, buffer: bytearray) -> None:
    try:
        handle = open_regular(posixpath.basename(entry.path), folder)
    except OSError as error:
        _refused(outcome, entry, error, "a link or a special file")
        return
    try:
        outcome.different.extend(_compare(outcome, entry, handle, buffer))
    except NotRegular as error:
        outcome.different.append(Difference(entry, Fact.TYPE, str(error), "a regular file"))
    except OSError as error:
        _refused(outcome, entry, error, "")
    finally:
        os.close(handle)


def _refused(outcome: _Outcome, entry: Entry, error: OSError, other_type: str) -> None:
    if error.errno == errno.ENOENT:
        outcome.missing.append(entry)
    elif error.errno in (errno.ELOOP, errno.ENOTDIR, errno.ENXIO) and other_type:
        outcome.different.append(Difference(entry, Fact.TYPE, other_type, "a regular file"))
    else:
        outcome.different.append(Difference(entry, Fact.UNREADABLE, error.strerror or str(error), "a readable file"))


def _compare(outcome: _Outcome, entry: Entry, handle: int, buffer: bytearray) -> Iterator[Difference]:
    now = facts(handle)
    if now.size != entry.size:
        yield Difference(entry, Fact.SIZE, str(now.size), str(entry.size))
    else:
        sha256, _, count = digest(handle, now.size, buffer)
        outcome.bytes_read += count
        if sha256 != entry.sha256:
            yield Difference(entry, Fact.CONTENT, sha256, entry.sha256)
    for fact, found, wanted in (
            (Fact.MODE, f"{now.mode:04o}", f"{entry.mode:04o}"),
            (Fact.OWNER, f"{now.uid}:{now.gid}", f"{entry.uid}:{entry.gid}"),
            (Fact.CAPABILITIES, now.capabilities.hex() or "-", entry.capabilities.hex() or "-")):
        if found != wanted:
            yield Difference(entry, fact, found, wanted)
