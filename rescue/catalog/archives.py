"""Packages that are at hand, and single files out of them. Nothing of a package is run, and nothing in it is trusted:
who uses a file compares it with the catalog."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Sequence, Tuple
from urllib.parse import unquote

from rescue.durable import remove_tree
from rescue.stores import ReadyStore
from sif.catalog.measure import open_regular
from sif.catalog.tree import Tree
from sif.run import run

CACHES = ("var/cache/apt/archives", "var/cache/dnf", "var/cache/libdnf5", "var/cache/yum", "var/cache/zypp/packages")
"""Where package managers keep what they installed, below a system's root."""
PACKAGES = "packages"
"""The directory with packages in a set or at a store's location."""
MAX_ARCHIVES = 100_000
UNPACK_SECONDS = 1800.0
_DEB = re.compile(r"(?P<name>[^_/]+)_(?P<version>[^_/]+)_[^_/]+\.deb")
_SAFE = ("--no-same-owner", "--no-same-permissions", "--no-acls", "--no-xattrs", "--no-fflags")
"""Content is all that is taken from a package: owner, mode and capabilities come from the catalog."""
_PATTERN_CHARACTERS = re.compile(rb"[\\*?\[\]]")


@dataclass(frozen=True)
class Archive:
    """A package file: where it is and, from its name, what it claims to be."""

    path: Path

    def could_be(self, package: str, version: str) -> bool:
        """Whether the name is that of this package in this version; an epoch may be left out of it."""
        name = package.partition(":")[0]
        versions = {version, version.partition(":")[2] or version}
        deb = _DEB.fullmatch(self.path.name)
        if deb is not None:
            return deb["name"] == name and unquote(deb["version"]) in versions
        return any(self.path.name.startswith(f"{name}-{known}.") for known in versions)


def places(set_directory: Path, target: Path, stores: Sequence[ReadyStore]) -> Tuple[Path, ...]:
    """Where packages may lie: in the set, at the mounted stores, in the restored system's own caches."""
    return (set_directory / PACKAGES, *(Path(store.location) / PACKAGES for store in stores if store.device),
            *(target / cache for cache in CACHES))


def find_archives(directories: Iterable[Path]) -> Tuple[Archive, ...]:
    """The package files below the directories, in their order; links are not followed."""
    found: List[Archive] = []
    for directory in directories:
        if directory.is_symlink() or not directory.is_dir():
            continue
        for path in sorted(directory.rglob("*")):
            if path.suffix in (".deb", ".rpm") and not path.is_symlink() and path.is_file():
                found.append(Archive(path))
    return tuple(found[:MAX_ARCHIVES])


@contextmanager
def unpacked(archive: Archive, wanted: Sequence[bytes], work: Path) -> Iterator["Unpacked"]:
    """Unpack the files ``wanted`` (absolute paths) into a new directory ``work``, which is gone at the end.

    Members that are hard links to others come only with all of the package, which is unpacked then.
    """
    remove_tree(work)
    content = work / "content"
    content.mkdir(parents=True, mode=0o700)
    try:
        payload = _payload(archive, work)
        result = Unpacked(content)
        if payload is not None:
            names = [name for path in wanted for name in _member_names(path)]
            _bsdtar(payload, content, work / "names", names)
            if not all(map(result.has, wanted)):
                _bsdtar(payload, content, None, ())
        yield result
    finally:
        remove_tree(work)


@dataclass(frozen=True)
class Unpacked:
    """The directory with what came out of a package."""

    root: Path

    def open(self, path: bytes) -> Optional[int]:
        """A descriptor of the regular file for ``path``, or None; packages may still say /bin for /usr/bin.

        No link that the package brought is followed.
        """
        with Tree(self.root) as tree:
            for name in _member_names(path):
                folder, base = posixpath.split(b"/" + name)
                try:
                    within = tree.open_directory(folder)
                except OSError:
                    continue
                try:
                    handle = open_regular(base, within)
                except OSError:
                    continue
                finally:
                    os.close(within)
                if stat.S_ISREG(os.fstat(handle).st_mode):
                    return handle
                os.close(handle)
        return None

    def has(self, path: bytes) -> bool:
        """Whether there is a regular file for ``path``."""
        handle = self.open(path)
        if handle is not None:
            os.close(handle)
        return handle is not None


def _payload(archive: Archive, work: Path) -> Optional[Path]:
    """What bsdtar reads the files from: an rpm itself, the data member of a deb; None when there is no such thing."""
    if archive.path.suffix != ".deb":
        return archive.path
    run(["bsdtar", "-x", "-f", str(archive.path), "-C", str(work), *_SAFE, "data.tar*"], timeout=UNPACK_SECONDS,
        check=False)
    return next((path for path in sorted(work.glob("data.tar*")) if path.is_file() and not path.is_symlink()), None)


def _bsdtar(payload: Path, into: Path, list_file: Optional[Path], names: Sequence[bytes]) -> None:
    """Unpack; failures are no errors here, what did not come out is not there."""
    chosen: Tuple[str, ...] = ()
    if list_file is not None:
        list_file.write_bytes(b"".join(_PATTERN_CHARACTERS.sub(rb"\\\g<0>", name) + b"\0" for name in names))
        chosen = ("--null", "-T", str(list_file))
    run(["bsdtar", "-x", "-f", str(payload), "-C", str(into), *_SAFE, *chosen], timeout=UNPACK_SECONDS, check=False)


def _member_names(path: bytes) -> Tuple[bytes, ...]:
    """The names that a path of the tree can have in a package: before /usr was merged, too."""
    plain = path.lstrip(b"/")
    before = plain[len(b"usr/"):] if plain.startswith((b"usr/bin/", b"usr/sbin/", b"usr/lib")) else None
    # /usr/sbin may be a link to bin.
    other = b"usr/sbin/" + plain[len(b"usr/bin/"):] if plain.startswith(b"usr/bin/") else None
    return tuple(dict.fromkeys(name for name in (plain, before, other) if name))


def by_package(archives: Iterable[Archive], packages: Iterable[Tuple[str, str]]) -> Dict[Tuple[str, str],
                                                                                       Tuple[Archive, ...]]:
    """For each package and version, the archives that claim to be it."""
    known = tuple(archives)
    return {wanted: tuple(archive for archive in known if archive.could_be(*wanted)) for wanted in set(packages)}
