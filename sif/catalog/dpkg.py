"""dpkg's database below a root, read from its files: works for any tree, dpkg itself is not needed.

Source: dpkg(1), deb-conffiles(5), deb-md5sums(5), dpkg-divert(1), dpkg.cfg.d. Everything is bytes: a path may
hold any.
"""

from __future__ import annotations

import fnmatch
import re
from pathlib import Path
from typing import Collection, Dict, Iterator, List, NamedTuple, Optional, Tuple

from sif.catalog.owned import Claim, ClaimCollector, Database

ADMIN = "var/lib/dpkg"
_WITH_FILES = frozenset((b"installed", b"unpacked", b"half-configured", b"triggers-awaited", b"triggers-pending"))
"""States of a package whose files are on the disk as a whole."""
_SUM = re.compile(rb"(\\?)([0-9a-f]{32})  (.+)")


class Package(NamedTuple):
    """An installed package: ``files`` names its lists in info/ (``libc6:amd64`` where several can be installed)."""

    name: str
    files: str
    version: str
    conffiles: Tuple[bytes, ...]


def have_dpkg(root: Path) -> bool:
    """Whether there is a dpkg database below ``root``."""
    return (root / ADMIN / "status").is_file() and (root / ADMIN / "info").is_dir()


def read_dpkg(root: Path, packages: Optional[Collection[str]] = None) -> Database:
    """Who owns which path below ``root``; with ``packages`` (names without architecture) only theirs.

    Raises OSError when the database cannot be read.
    """
    admin = root / ADMIN
    diverted = diversions((admin / "diversions").read_bytes() if (admin / "diversions").exists() else b"")
    found = ClaimCollector()
    count = 0
    notes: List[str] = []
    for package in installed((admin / "status").read_bytes()):
        if packages is not None and package.name not in packages:
            continue
        paths = _lines(admin / "info" / f"{package.files}.list")
        if paths is None:
            notes.append(f"dpkg has no list of files for {package.files}")
            continue
        count += 1
        sums = _sums(admin / "info" / f"{package.files}.md5sums")
        for path in paths:
            if path.startswith(b"/") and path != b"/.":
                known = sums.get(path, "")
                claim = Claim(package.files, package.version, "md5" if known else "", known)
                found.add(_placed(path, package.name, diverted), claim)
        for path in (*package.conffiles, *_conffiles(admin / "info" / f"{package.files}.conffiles")):
            found.leave_out(_placed(path, package.name, diverted))
    return Database("dpkg", found.finish(), count, excludes(root), tuple(notes))


def installed(status: bytes) -> Iterator[Package]:
    """The packages of a status file whose files are on the disk."""
    for paragraph in re.split(rb"\n\n+", status):
        fields = _fields(paragraph)
        state = fields.get(b"status", b"").split()
        if len(state) != 3 or state[2] not in _WITH_FILES:
            continue
        name = fields.get(b"package", b"").decode("ascii", "replace")
        architecture = fields.get(b"architecture", b"").decode("ascii", "replace")
        several = fields.get(b"multi-arch", b"") == b"same"
        conffiles = tuple(words[0] for line in fields.get(b"conffiles", b"").split(b"\n")
                          if (words := line.strip().rsplit(b" obsolete", 1)[0].rsplit(b" ", 1))[0])
        yield Package(name, f"{name}:{architecture}" if several else name,
                      fields.get(b"version", b"").decode("ascii", "replace"), conffiles)


def _fields(paragraph: bytes) -> Dict[bytes, bytes]:
    found: Dict[bytes, bytes] = {}
    name = b""
    for line in paragraph.split(b"\n"):
        if line[:1] in (b" ", b"\t"):
            if name == b"conffiles":  # the one long field that matters here
                found[name] += b"\n" + line
            continue
        name, _, value = line.partition(b":")
        name = name.lower()
        found[name] = value.strip()
    return found


def diversions(text: bytes) -> Dict[bytes, Tuple[bytes, str]]:
    """Path → where other packages' files of that name lie, and the package whose own stay (``:`` for nobody's)."""
    lines = text.split(b"\n")
    return {lines[at]: (lines[at + 1], lines[at + 2].decode("ascii", "replace"))
            for at in range(0, len(lines) - 2, 3)}


def _placed(path: bytes, package: str, diverted: Dict[bytes, Tuple[bytes, str]]) -> bytes:
    target = diverted.get(path)
    return path if target is None or target[1] == package else target[0]


def excludes(root: Path) -> Tuple[Tuple[bool, bytes], ...]:
    """dpkg's path-exclude (True) and path-include (False) patterns, in the order that dpkg reads them."""
    folder = root / "etc/dpkg/dpkg.cfg.d"
    files = sorted(path for path in folder.iterdir() if re.fullmatch(r"[A-Za-z0-9_-]+", path.name)) \
        if folder.is_dir() else []
    found: List[Tuple[bool, bytes]] = []
    for file in (*files, root / "etc/dpkg/dpkg.cfg"):
        for line in _lines(file) or ():
            match = re.fullmatch(rb"\s*path-(exclude|include)\s*[=\s]\s*(\S+)\s*", line)
            if match:
                found.append((match.group(1) == b"exclude", match.group(2)))
    return tuple(found)


def is_excluded(path: bytes, patterns: Tuple[Tuple[bool, bytes], ...]) -> bool:
    """Whether dpkg was told not to install ``path``: the last pattern that matches decides, ``*`` takes ``/`` too."""
    answer = False
    for exclude, pattern in patterns:
        if answer is not exclude and fnmatch.fnmatchcase(path, pattern):
            answer = exclude
    return answer


def _lines(path: Path) -> Optional[List[bytes]]:
    try:
        return path.read_bytes().rstrip(b"\n").split(b"\n")
    except FileNotFoundError:
        return None


def _sums(path: Path) -> Dict[bytes, str]:
    found: Dict[bytes, str] = {}
    for line in _lines(path) or ():
        match = _SUM.fullmatch(line)
        if match:
            name = match.group(3)
            if match.group(1):  # md5sum's way to write a name that has a backslash or a line feed
                name = re.sub(rb"\\(.)", lambda escape: b"\n" if escape.group(1) == b"n" else escape.group(1), name)
            found[b"/" + name.lstrip(b"/")] = match.group(2).decode()
    return found


def _conffiles(path: Path) -> Tuple[bytes, ...]:
    return tuple(line.rsplit(b" ", 1)[-1] if line.startswith(b"remove-on-upgrade ") else line
                 for line in _lines(path) or () if line)
