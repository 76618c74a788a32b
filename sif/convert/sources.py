"""Reading foreign files: bounded, without following links, every refusal with file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Iterator, List, Optional, Tuple

from sif.convert.errors import ForeignRejected
from sif.media import BadFile, read_file, sha256_hex
from sif.plain import dataclass
from sif.problems import Problem
from sif.text import MAX_FILE_BYTES, MAX_LINE_BYTES, forbidden

MAX_LINES = 20000
MAX_LISTED_FILES = 1000
MAX_LIST_DEPTH = 3


@dataclass(frozen=True)
class SourceFile:
    """A file of the source: the name that reports show, and its bytes."""

    name: str
    data: bytes

    @property
    def sha256(self) -> str:
        return sha256_hex(self.data)


def read_source(root: Path, path: str) -> SourceFile:
    """A regular file below ``root``; no symbolic link on the way, at most 1 MiB. Raises ForeignRejected."""
    try:
        return SourceFile(path, read_file(root, path, MAX_FILE_BYTES))
    except BadFile as error:
        raise ForeignRejected(path, [Problem(error.what, f"{path}:1", error.found, None, error.hint)]) from error


def read_optional(root: Path, path: str) -> Optional[SourceFile]:
    """Like :func:`read_source`; None if there is nothing of that name."""
    return read_source(root, path) if (root / path).exists() or (root / path).is_symlink() else None


def list_files(root: Path) -> Tuple[str, ...]:
    """Relative paths of what lies below ``root``, sorted; links are named, not followed; at most 1,000."""
    return tuple(sorted(path for path, _ in zip(_walk(root, "", 1), range(MAX_LISTED_FILES))))


def _walk(root: Path, prefix: str, depth: int) -> Iterator[str]:
    for entry in sorted(root.iterdir(), key=lambda e: e.name):
        name = prefix + entry.name
        if entry.is_dir() and not entry.is_symlink() and depth < MAX_LIST_DEPTH:
            yield from _walk(entry, name + "/", depth + 1)
        else:
            yield name


def decode(source: SourceFile) -> str:
    """The text: UTF-8, or UTF-16 with a byte order mark (as Windows writes it). Raises ForeignRejected."""
    data = source.data
    try:
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            return data.decode("utf-16")
        return data[3:].decode("utf-8") if data.startswith(b"\xef\xbb\xbf") else data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[:error.start].count(b"\n") + 1
        raise ForeignRejected(source.name, [Problem(
            "not UTF-8 or UTF-16 text", f"{source.name}:{line}", f"byte 0x{data[error.start]:02x}")]) from error


def lines_of(source: SourceFile, *, tabs: bool = False, crlf: bool = False) -> Tuple[Tuple[int, str], ...]:
    """The numbered lines. Raises ForeignRejected for control characters, long lines, too many lines.

    ``tabs`` allows tabulators, ``crlf`` a carriage return at the end of each line.
    """
    problems: List[Problem] = []
    found: List[Tuple[int, str]] = []
    lines = decode(source).split("\n")
    if len(lines) > MAX_LINES:
        problems.append(Problem("too many lines", f"{source.name}:{MAX_LINES + 1}", str(len(lines)),
                                f"at most {MAX_LINES}"))
        lines = []
    for number, line in enumerate(lines, 1):
        text = line[:-1] if crlf and line.endswith("\r") else line
        fault = _fault(text, tabs)
        if fault:
            problems.append(Problem(fault[0], f"{source.name}:{number}", fault[1], fault[2]))
        found.append((number, text))
    if problems:
        raise ForeignRejected(source.name, problems)
    return tuple(found)


def _fault(text: str, tabs: bool) -> Optional[Tuple[str, str, str]]:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        return "the line is too long", f"{size} bytes", f"at most {MAX_LINE_BYTES} bytes"
    bad = next((char for char in text if forbidden(char) and not (tabs and char == "\t")), None)
    return None if bad is None else ("a character that is not allowed", f"U+{ord(bad):04X}", "printable text")
