"""The text of a catalog: a strict reader that names line and column, and the canonical writer.

The grammar is in docs/sif-format.md. There is exactly one text for a list of entries, so a digest of the file is
a digest of the list.
"""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Tuple

from sif.catalog.entry import Entry, Origin
from sif.codec import Unwritable
from sif.media import MAX_SET_FILE_BYTES
from sif.problems import Problem, SifSyntaxError

HEADER = b"sif-catalog 1"
MAX_CATALOG_BYTES = MAX_SET_FILE_BYTES
MAX_ENTRIES = 400_000
MAX_LINE_BYTES = 20_480
"""A path of PATH_MAX bytes, all escaped, and the fields before it."""
MAX_PATH_BYTES = 4095
MAX_PROBLEMS = 1000
"""Reading ends after so many: a hostile file of 64 MiB must not fill the memory with complaints."""

_NUMBER = rb"0|[1-9][0-9]{0,18}"
_ID = rb"0|[1-9][0-9]{0,9}"
_PATH = rb"(?:/(?:[!-.0-\[\]-~]|\\x[0-9a-f]{2})+)+"
_FIELDS = (
    ("digest", rb"[0-9a-f]{64}", b" ", "SHA-256: 64 lower-case hexadecimal digits"),
    ("mode", rb"[0-7]{4}", b" ", "4 octal digits"),
    ("user", _ID, b":", "the owner as uid:gid, decimal"),
    ("group", _ID, b" ", "the owner as uid:gid, decimal"),
    ("size", _NUMBER, b" ", "the size in bytes, decimal, no leading zero"),
    ("capabilities", rb"-|(?:[0-9a-f]{2}){1,64}", b" ", "- or the attribute's bytes in hexadecimal"),
    ("package", rb"[!-<>-~]{1,255}", b"=", "package=version"),
    ("version", rb"[!-~]{1,255}", b" ", "package=version"),
    ("origin", rb"same|differs|unknown", b" ", "same, differs or unknown"),
    ("path", _PATH, b"", r"an absolute path; other bytes than printable ASCII, and \, as \xHH"),
)
_LINE = re.compile(b"".join(b"(" + pattern + b")" + after for _, pattern, after, _ in _FIELDS))
_PARTS = tuple((name, re.compile(pattern), after, wanted) for name, pattern, after, wanted in _FIELDS)
_ESCAPE = re.compile(rb"\\x([0-9a-f]{2})")
_SPECIAL = re.compile(rb"[^!-\[\]-~]")
_ORIGINS = {origin.value.encode(): origin for origin in Origin}


class _Refused(Exception):
    """A line that is none; ``column`` counts bytes from 1."""

    def __init__(self, column: int, what: str, found: bytes, wanted: Optional[str]) -> None:
        super().__init__(what)
        self.column, self.what, self.found, self.wanted = column, what, found, wanted


def escape(path: bytes) -> str:
    r"""The path as a catalog writes it: printable ASCII, every other byte and the backslash as ``\xHH``."""
    return _SPECIAL.sub(lambda match: b"\\x%02x" % match.group()[0], path).decode("ascii")


def unescape(text: bytes) -> bytes:
    """The path that :func:`escape` made ``text`` from."""
    return _ESCAPE.sub(lambda match: bytes((int(match.group(1), 16),)), text)


def write_catalog(entries: Iterable[Entry]) -> bytes:
    """The canonical text. Raises :class:`sif.codec.Unwritable` for what no reader would take."""
    lines = [HEADER]
    before = b""
    for entry in sorted(entries):
        line = _line(entry)
        try:
            if _parse(line) != entry:
                raise _Refused(1, "an entry that the format cannot express", entry.path, None)
            _in_order(entry.path, before)
        except _Refused as error:
            raise Unwritable(error.what, where=escape(entry.path), found=repr(error.found),
                             wanted=error.wanted) from error
        lines.append(line)
        before = entry.path
    data = b"\n".join((*lines, b""))
    for what, found, limit in (("entries", len(lines) - 1, MAX_ENTRIES), ("bytes", len(data), MAX_CATALOG_BYTES)):
        if found > limit:
            raise Unwritable(f"too many {what} for a catalog", found=str(found), wanted=f"at most {limit}")
    return data


def _line(entry: Entry) -> bytes:
    capabilities = entry.capabilities.hex() or "-"
    return (f"{entry.sha256} {entry.mode:04o} {entry.uid}:{entry.gid} {entry.size} {capabilities} {entry.package}="
            f"{entry.version} {entry.origin.value} {escape(entry.path)}").encode("utf-8", "replace")


def read_catalog(data: bytes, name: str) -> Tuple[Entry, ...]:
    """The entries of a catalog; ``name`` is shown in problems.

    Raises :class:`sif.problems.SifSyntaxError` with every problem, at most ``MAX_PROBLEMS``.
    """
    entries, problems = parse_catalog(data, name)
    if problems:
        raise SifSyntaxError(name, problems)
    return entries


def parse_catalog(data: bytes, name: str) -> Tuple[Tuple[Entry, ...], Tuple[Problem, ...]]:
    """The entries of a catalog, and everything that is wrong with it (then the entries are of no use)."""
    if len(data) > MAX_CATALOG_BYTES:
        return (), (Problem("the catalog is too long", name, f"{len(data)} bytes", f"at most {MAX_CATALOG_BYTES}"),)
    count = data.count(b"\n") - 1
    if count > MAX_ENTRIES:
        return (), (Problem("too many entries in a catalog", name, str(count), f"at most {MAX_ENTRIES}"),)
    lines = data.split(b"\n")
    if lines[0] != HEADER:
        return (), (Problem("not the first line of a catalog that this version knows", f"{name}:1:1",
                            _shown(lines[0]), HEADER.decode()),)
    problems: List[Problem] = []
    if lines.pop():
        problems.append(Problem("the last line does not end", f"{name}:{len(lines) + 1}:1", wanted="a line feed",
                                hint="the file was cut off: copy the whole set again"))
    return _entries(lines[1:], name, problems), tuple(problems)


def _entries(lines: List[bytes], name: str, problems: List[Problem]) -> Tuple[Entry, ...]:
    found: List[Entry] = []
    before = b""
    for number, line in enumerate(lines, 2):
        try:
            entry = _parse(line)
            _in_order(entry.path, before)
        except _Refused as error:
            problems.append(Problem(error.what, f"{name}:{number}:{error.column}", _shown(error.found), error.wanted))
            if len(problems) >= MAX_PROBLEMS:
                problems.append(Problem("too many problems; the rest was not read", f"{name}:{number}:1"))
                break
            continue
        before = entry.path
        found.append(entry)
    return tuple(found)


def _parse(line: bytes) -> Entry:
    match = _LINE.fullmatch(line) if len(line) <= MAX_LINE_BYTES else None
    if match is None:
        raise _fault(line)
    digest, mode, user, group, size, capabilities, package, version, origin, escaped = match.groups()
    path = unescape(escaped) if b"\\" in escaped else escaped
    if b"\\" in escaped or b"/." in escaped or len(path) > MAX_PATH_BYTES:
        _check_path(path, escaped, match.start(10) + 1)
    return Entry(path, digest.decode(), int(mode, 8), int(user), int(group), int(size),
                 b"" if capabilities == b"-" else bytes.fromhex(capabilities.decode()), package.decode(),
                 version.decode(), _ORIGINS[origin])


def _check_path(path: bytes, escaped: bytes, column: int) -> None:
    if len(path) > MAX_PATH_BYTES:
        raise _Refused(column, "the path is too long", escaped, f"at most {MAX_PATH_BYTES} bytes")
    for found in _ESCAPE.finditer(escaped):
        byte = int(found.group(1), 16)
        if byte in b"\0/" or (byte != 0x5c and not _SPECIAL.match(bytes((byte,)))):
            raise _Refused(column + found.start(), "a byte that is not written this way", found.group(),
                           r"\xHH only for a backslash and what is not printable ASCII")
    if any(part in (b".", b"..") for part in path.split(b"/")):
        raise _Refused(column, "a path with a `.` or `..` component", escaped, "the plain path")


def _in_order(path: bytes, before: bytes) -> None:
    if path <= before:
        raise _Refused(1, "the catalog is not sorted by path, or names a file twice", escape(path).encode(),
                       f"a path after {escape(before)}")


def _fault(line: bytes) -> _Refused:
    """The first field that is wrong; only for lines that the one pattern does not take."""
    if len(line) > MAX_LINE_BYTES:
        return _Refused(1, "the line is too long", line[:40], f"at most {MAX_LINE_BYTES} bytes")
    at = 0
    for name, pattern, after, wanted in _PARTS:
        match = pattern.match(line, at)
        end = match.end() if match else at
        if match is None or not line.startswith(after, end):
            return _Refused(at + 1, f"the {name} is missing or wrong", line[at:at + 80], wanted)
        at = end + len(after)
    return _Refused(at + 1, "text after the path", line[at:at + 80], "the end of the line")


def _shown(data: bytes) -> str:
    return data[:80].decode("ascii", "backslashreplace") or "nothing"
