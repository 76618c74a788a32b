"""A catalog of a tree: the package databases say which files, the files say what they are."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from typing import Collection, Dict, List, NamedTuple, Optional, Sequence, Set, Tuple, Union

from sif.catalog.dpkg import have_dpkg, is_excluded, read_dpkg
from sif.catalog.entry import Entry, Origin
from sif.catalog.measure import Measured, NotRegular, batches, in_parallel, measure
from sif.catalog.owned import Claim, Database
from sif.catalog.rpm import database_place, read_rpm
from sif.catalog.tree import Tree
from sif.errors import Exit, LifeboatError
from sif.plain import dataclass


class NoDatabase(LifeboatError):
    """There is no package database to make a catalog from, or it cannot be read."""

    code = Exit.CAPTURE_FAILED


@dataclass(frozen=True)
class Collected:
    """A catalog's entries, sorted by path, and what else was seen. ``bytes_read`` counts bytes.

    ``absent``: regular files of packages that are not there (``excluded`` counts those that dpkg was told to leave
    out, they are not among them); ``replaced``: something else lies in their place; ``unreadable``: path and reason.
    None of these is in the catalog.
    """

    entries: Tuple[Entry, ...]
    packages: int
    absent: Tuple[bytes, ...] = ()
    excluded: int = 0
    replaced: Tuple[bytes, ...] = ()
    unreadable: Tuple[Tuple[bytes, str], ...] = ()
    notes: Tuple[str, ...] = ()

    @property
    def differing(self) -> Tuple[Entry, ...]:
        """The files that were not what their package brought."""
        return tuple(entry for entry in self.entries if entry.origin is Origin.DIFFERS)

    @property
    def bytes_read(self) -> int:
        return sum(entry.size for entry in self.entries)


class _Wanted(NamedTuple):
    """A regular file to be read, its owners, and its inode for the order of reading."""

    inode: int
    name: bytes
    claims: Tuple[Claim, ...]


_Group = Tuple[bytes, Sequence[_Wanted]]
_Found = Tuple[bytes, Tuple[Claim, ...], Union[Measured, NotRegular, OSError]]


def databases(root: Path, packages: Optional[Collection[str]] = None) -> Tuple[Database, ...]:
    """The package databases below ``root``; NoDatabase when there is none."""
    try:
        found = (*((read_dpkg(root, packages),) if have_dpkg(root) else ()),
                 *((read_rpm(root, packages),) if database_place(root) else ()))
    except OSError as error:
        raise NoDatabase("the package database cannot be read", where=str(root), found=str(error)) from error
    if not found:
        raise NoDatabase("no package database here", where=str(root), wanted="dpkg's or rpm's",
                         hint="a catalog needs a distribution whose packages are recorded")
    return found


def collect(root: Path, *, packages: Optional[Collection[str]] = None, threads: Optional[int] = None) -> Collected:
    """Read every file below ``root`` that a package owns and that is no configuration.

    ``packages`` limits it to these; ``threads``: default one per processor. Raises NoDatabase, and ToolMissing or
    CommandFailed when there is an rpm database and ``rpm`` does not answer.
    """
    sources = databases(root, packages)
    with Tree(root) as tree:
        plan = _Plan(tree, root)
        for database in sources:
            plan.add(database)
        groups = plan.groups()
        found: List[_Found] = []
        for results in in_parallel(batches(groups), lambda job, buffer: _read(tree, job, buffer), threads):
            found.extend(results)
    entries = sorted(_entry(path, claims, result) for path, claims, result in found if isinstance(result, Measured))
    unreadable = tuple((path, str(result.strerror)) for path, _, result in found if isinstance(result, OSError))
    replaced = (*plan.replaced, *(path for path, _, result in found if isinstance(result, NotRegular)))
    return Collected(tuple(entries), sum(database.packages for database in sources), tuple(sorted(plan.absent)),
                     plan.excluded, tuple(sorted(replaced)), unreadable,
                     tuple(note for database in sources for note in database.notes))


class _Plan:
    """Sorts owned paths into real directories and looks which of them are regular files, without opening any."""

    def __init__(self, tree: Tree, root: Path) -> None:
        self._tree = tree
        self._base = os.fsencode(root)
        self._owned: Dict[bytes, Dict[bytes, Tuple[Claim, ...]]] = {}
        self._listings: Dict[bytes, Dict[bytes, Tuple[bool, int]]] = {}
        self.absent: Set[bytes] = set()
        self.replaced: Set[bytes] = set()
        self.excluded = 0

    def add(self, database: Database) -> None:
        """Take the paths of a database; two names of one file (merged /usr) become one."""
        for path, claims in database.claims.items():
            folder, name = posixpath.split(path)
            real = self._tree.resolve(folder) if name else None
            if real is None or name not in self._listing(real):
                self._missing(path, claims, database)
            else:
                names = self._owned.setdefault(real, {})
                names[name] = (*names.get(name, ()), *claims)

    def _listing(self, folder: bytes) -> Dict[bytes, Tuple[bool, int]]:
        if folder not in self._listings:
            try:
                with os.scandir(self._base + folder) as found:
                    self._listings[folder] = {
                        entry.name: (entry.is_file(follow_symlinks=False), entry.inode()) for entry in found}
            except OSError:
                self._listings[folder] = {}
        return self._listings[folder]

    def _missing(self, path: bytes, claims: Tuple[Claim, ...], database: Database) -> None:
        if not any(claim.digest for claim in claims):
            return  # a directory, a link, or a file whose package says too little to miss it
        if is_excluded(path, database.excluded):
            self.excluded += 1
        else:
            self.absent.add(path)

    def groups(self) -> List[_Group]:
        """Directories with their regular files, both in the order of inodes: neighbours on most file systems."""
        found: List[_Group] = []
        for folder, names in self._owned.items():
            listing = self._listing(folder)
            wanted = []
            for name, claims in names.items():
                regular, inode = listing[name]
                if regular:
                    wanted.append(_Wanted(inode, name, claims))
                elif any(claim.digest for claim in claims):
                    self.replaced.add(posixpath.join(folder, name))
            if wanted:
                found.append((folder, sorted(wanted)))
        return sorted(found, key=lambda group: group[1][0].inode)


def _read(tree: Tree, job: Sequence[_Group], buffer: bytearray) -> List[_Found]:
    found: List[_Found] = []
    for folder, files in job:
        try:
            handle = tree.open_directory(folder)
        except OSError as error:
            found.extend((posixpath.join(folder, file.name), file.claims, error) for file in files)
            continue
        try:
            for file in files:
                path = posixpath.join(folder, file.name)
                try:
                    found.append((path, file.claims, measure(file.name, handle, buffer, _algorithm(file.claims))))
                except (OSError, NotRegular) as error:
                    found.append((path, file.claims, error))
        finally:
            os.close(handle)
    return found


def _algorithm(claims: Tuple[Claim, ...]) -> str:
    return next((claim.algorithm for claim in claims if claim.digest), "")


def _entry(path: bytes, claims: Tuple[Claim, ...], measured: Measured) -> Entry:
    """The entry of a file; of several owners the one whose digest is right is named."""
    algorithm = _algorithm(claims)
    owner = next((claim for claim in claims if claim.digest and claim.algorithm == algorithm
                  and claim.digest == measured.other), None)
    origin = Origin.SAME if owner else Origin.DIFFERS if algorithm else Origin.UNKNOWN
    owner = owner or claims[0]
    facts = measured.facts
    return Entry(path, measured.sha256, facts.mode, facts.uid, facts.gid, facts.size, facts.capabilities,
                 owner.package, owner.version, origin)
