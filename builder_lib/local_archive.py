"""An apt archive of packages that were downloaded before: for builds without a network, and for locked ones.

A lock file names every package of an image with version and SHA-256, one a line: what apt may choose from is then
exactly that list, whatever the mirrors have meanwhile. Lines that begin with `#` are comments.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Optional, Tuple

from builder_lib.cache import sha256_of
from builder_lib.errors import BuildFailed
from sif.run import run

LINE = re.compile(r"(?P<name>[a-z0-9][a-z0-9+.-]*) (?P<version>\S+) (?P<architecture>[a-z0-9]+) "
                  r"(?P<sha256>[0-9a-f]{64})")


@dataclass(frozen=True)
class Locked:
    """One package of a lock file."""

    name: str
    version: str
    architecture: str
    sha256: str

    @property
    def file(self) -> str:
        """apt's name for the package's file in its cache."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"

    def line(self) -> str:
        return f"{self.name} {self.version} {self.architecture} {self.sha256}\n"


def parse_lock(text: str, where: str) -> Tuple[Locked, ...]:
    """The packages of a lock file. Raises :class:`BuildFailed` with the line that is none."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        match = LINE.fullmatch(line)
        if match is None:
            raise BuildFailed("this line locks no package", where=f"{where}:{number}", found=repr(line),
                              wanted="NAME VERSION ARCHITECTURE SHA256", hint="`builder.py lock` writes the file")
        found.append(Locked(**match.groupdict()))
    if not found:
        raise BuildFailed("the lock file locks nothing", where=where, hint="`builder.py lock` writes one")
    return tuple(found)


def read_lock(path: Path) -> Tuple[Locked, ...]:
    """The packages of the lock file at ``path``."""
    return parse_lock(path.read_text(encoding="utf-8"), str(path))


def lock_text(packages: Tuple[Tuple[str, str, str], ...], debs: Path) -> str:
    """A lock file for the installed packages (name, version, architecture), with digests of the files in the cache."""
    entries = []
    for name, version, architecture in packages:
        entry = Locked(name, version, architecture, "")
        path = debs / entry.file
        if not path.is_file():
            raise BuildFailed("an installed package is not in the cache any more", where=str(path),
                              hint="build with --refresh, then lock")
        entries.append(Locked(name, version, architecture, sha256_of(path)))
    head = "# The packages of a rescue image: name, version, architecture, SHA-256 of the .deb. Use: image.lock\n"
    return head + "".join(entry.line() for entry in entries)


def local_archive(debs: Path, place: Path, locked: Optional[Tuple[Locked, ...]] = None) -> Tuple[str, ...]:
    """Make an archive at ``place`` of all cached packages, or of the locked ones; returns its line for apt.

    Raises :class:`BuildFailed` when a locked package is not there or not what was locked.
    """
    place.mkdir(parents=True)
    paths = [debs / entry.file for entry in locked] if locked else sorted(debs.glob("*.deb"))
    digests: Dict[Path, str] = {debs / entry.file: entry.sha256 for entry in locked or ()}
    missing = [path.name for path in paths if not path.is_file()]
    if missing or not paths:
        raise BuildFailed("packages are not in the cache", where=str(debs), found=", ".join(missing) or "no package",
                          wanted="every package of the image as a .deb",
                          hint="build once with a network, or fetch that version from an archive of old packages")
    stanzas = []
    for path in paths:
        found = sha256_of(path)
        if digests.get(path, found) != found:
            raise BuildFailed("a cached package is not the one that was locked", where=str(path), found=found,
                              wanted=digests[path], hint="remove the file; it may be damaged")
        (place / path.name).symlink_to(path)
        control = run(["dpkg-deb", "-f", str(path)], timeout=60).stdout.strip()
        stanzas.append(f"{control}\nFilename: ./{path.name}\nSize: {path.stat().st_size}\nSHA256: {found}\n")
    (place / "Packages").write_text("\n".join(stanzas))
    # Trusted: these very files came through apt's checks when they were downloaded, and locked ones have been hashed.
    return (f"deb [trusted=yes] copy:{place} ./",)
