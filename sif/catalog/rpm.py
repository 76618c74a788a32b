"""rpm's database below a root, asked through the ``rpm`` program: its files are no public format.

Source: rpm(8) queryformat, rpm's tag list (FILEFLAGS, FILESTATES), rpmfiles.h.
"""

from __future__ import annotations

import re
import stat
from pathlib import Path
from typing import Collection, Optional, Tuple

from sif.catalog.owned import Claim, ClaimCollector, Database
from sif.errors import CommandFailed
from sif.run import run

PLACES = ("usr/lib/sysimage/rpm", "var/lib/rpm")
"""Where distributions keep the database, the newer place first."""
_FILES = ("rpmdb.sqlite", "Packages.db", "Packages")

QUERY = ("[%{=NAME}\\t%{=EPOCHNUM}:%{=VERSION}-%{=RELEASE}.%{=ARCH}\\t%{=FILEDIGESTALGO}\\t%{FILEFLAGS}\\t"
         "%{FILEMODES}\\t%{FILESTATES}\\t%{FILEDIGESTS}\\t%{FILENAMES}\\n]")
"""One line per file; ``=`` repeats a package's own tag, ``(none)`` is an absent one."""

_LINE = re.compile(r"([^\t\n]+)\t(?:0:)?([^\t\n]+)\t([0-9]+|\(none\))\t([0-9]+)\t([0-9]+)\t([0-9]+|\(none\))\t"
                   r"([0-9a-f]*|\(none\))\t(/[^\n]*)")
_CONFIG, _GHOST = 1 << 0, 1 << 6
_NORMAL = ("0", "(none)")
"""File states: normal; others are replaced, not installed (%_excludedocs), on a network share, of another colour."""
_ALGORITHMS = {"(none)": "md5", "1": "md5", "2": "sha1", "8": "sha256", "9": "sha384", "10": "sha512", "11": "sha224"}
"""RFC 4880's numbers; packages without the tag have MD5."""
_QUERY_LIMIT_S = 600.0


def database_place(root: Path) -> Optional[str]:
    """The directory of the rpm database below ``root``, relative to it, or None."""
    return next((place for place in PLACES for name in _FILES if (root / place / name).is_file()), None)


def read_rpm(root: Path, packages: Optional[Collection[str]] = None) -> Database:
    """Who owns which path below ``root``; with ``packages`` only theirs.

    Raises ToolMissing or CommandFailed when ``rpm`` does not answer.
    """
    place = database_place(root) or PLACES[0]
    where = ("--root", str(root.resolve())) if root.resolve() != Path("/") else ()
    argv = ("rpm", *where, "--dbpath", f"/{place}", "-qa", "--qf", QUERY)
    return parse_dump(run(argv, timeout=_QUERY_LIMIT_S).stdout, packages)


def parse_dump(text: str, packages: Optional[Collection[str]] = None) -> Database:
    """The database from the output of a query in the format :data:`QUERY`."""
    found = ClaimCollector()
    names = set()
    for number, line in enumerate(text.split("\n"), 1):
        if not line:
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise CommandFailed("rpm's answer is not understood", where=f"line {number}", found=line[:200],
                                wanted="eight fields", hint="a path with a line feed cannot be listed")
        if packages is None or match.group(1) in packages:
            names.add((match.group(1), match.group(2)))
            _add(found, match.groups())
    return Database("rpm", found.finish(), len(names))


def _add(found: ClaimCollector, fields: Tuple[str, ...]) -> None:
    name, version, algorithm, flags, mode, state, digest, path = fields
    place = path.encode("utf-8", "surrogateescape")
    if int(flags) & _CONFIG:
        found.leave_out(place)
    elif stat.S_ISREG(int(mode)) and not int(flags) & _GHOST and state in _NORMAL:
        known = _ALGORITHMS.get(algorithm, "") if digest not in ("", "(none)") else ""
        found.add(place, Claim(name, version, known, digest if known else ""))
