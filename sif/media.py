"""Files beside a SIF: safe relative paths, reading without surprises, digests, and the set's manifest."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import BinaryIO, List, Mapping, Optional, Tuple, Union

from sif.digest import sha256
from sif.errors import Exit
from sif.later import regex
from sif.plain import dataclass
from sif.problems import Problem

MANIFEST = "manifest"
SIGNATURE = "manifest.sig"
MAX_SIGNATURE_BYTES = 64 * 1024
DEFAULT_NAME = "dr_state.sif"
"""The first part of a set."""

SCHEME = "media:"
MAX_SET_FILE_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 1 << 20

_LINE = regex(r"([0-9a-f]{64}) (0|[1-9][0-9]{0,18}) ([^\n]+)")


class BadFile(Exception):
    """A file that must not be read; ``what`` and ``hint`` go into a problem."""

    def __init__(self, what: str, found: Optional[str] = None, hint: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.found, self.hint = what, found, hint


@dataclass(frozen=True)
class ManifestEntry:
    """One file of the set; ``size`` counts bytes, ``line`` says where the manifest has it."""

    sha256: str
    size: int
    path: str
    line: int


@dataclass(frozen=True)
class Spooled:
    """A file of a set that is too large for memory: it lies at ``path`` already, on the medium or elsewhere."""

    path: Path
    size: int
    sha256: str


Content = Union[bytes, Spooled]
"""What a file of a set holds: its bytes, or where they are."""


def sha256_hex(data: bytes) -> str:
    """The SHA-256 of ``data`` in lower-case hexadecimal."""
    return sha256(data).hex()


def stream_digest(stream: BinaryIO) -> Tuple[int, str]:
    """Length and SHA-256 of the rest of a stream, in constant memory."""
    import hashlib  # for files that may be large
    digest, size = hashlib.sha256(), 0
    while True:
        chunk = stream.read(CHUNK_BYTES)
        if not chunk:
            return size, digest.hexdigest()
        digest.update(chunk)
        size += len(chunk)


def file_digest(directory: Path, path: str) -> Tuple[int, str]:
    """Length and SHA-256 of a file of a set, in constant memory; raises :class:`BadFile` as :func:`read_file` does."""
    with _opened(directory, path) as stream:
        try:
            return stream_digest(stream)
        except OSError as error:
            raise BadFile(f"the file cannot be read: {error.strerror}", path) from error


def spooled(path: Path) -> Spooled:
    """The file at ``path`` as content of a set. Raises OSError."""
    with path.open("rb") as stream:
        size, digest = stream_digest(stream)
    return Spooled(path, size, digest)


def path_fault(path: str) -> Optional[str]:
    """Why ``path`` may not be joined to the set's directory, or None if it may.

    Only relative paths with / that stay inside and that every file system, vfat too, can hold.
    """
    if not path or len(path) > 255:
        return "it is empty or longer than 255 characters"
    if path.startswith("/"):
        return "it is absolute"
    if re.search(r'[\\:*?"<>|\x00-\x1f\x7f]', path):
        return "it has a backslash, a colon or another character that vfat cannot hold"
    if any(part in ("", ".", "..") for part in path.split("/")):
        return "it has an empty, `.` or `..` component"
    return None


def read_file(directory: Path, path: str, limit: int) -> bytes:
    """The bytes of a regular file inside ``directory``; no symbolic link on the way, at most ``limit`` bytes.

    Raises :class:`BadFile`, and for an input/output error too.
    """
    with _opened(directory, path) as stream:
        try:
            data = stream.read(limit + 1)
        except OSError as error:
            raise BadFile(f"the file cannot be read: {error.strerror}", path) from error
    if len(data) > limit:
        raise BadFile("the file is too long", f"more than {limit} bytes")
    return data


def _opened(directory: Path, path: str) -> BinaryIO:
    """The regular file, open for reading; no symbolic link on the way. Raises :class:`BadFile`."""
    fault = path_fault(path)
    if fault:
        raise BadFile(f"a path that leaves the set: {fault}", path, "use a relative path below the SIF's directory")
    here = directory
    parts = path.split("/")
    try:
        for part in parts[:-1]:
            here = here / part
            if here.is_symlink():
                raise BadFile("a symbolic link inside the set", str(here), "replace it by the directory")
        handle = os.open(here / parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise BadFile("the file is missing", path, "copy the whole set again") from None
    except OSError as error:
        raise BadFile(f"the file cannot be read: {error.strerror}", path) from error
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadFile("not a regular file", path)
    return os.fdopen(handle, "rb")


def find_name(directory: Path, wanted: str) -> Optional[str]:
    """The name in ``directory`` that equals ``wanted``, exactly or else without regard to case."""
    names = sorted(entry.name for entry in directory.iterdir())
    if wanted in names:
        return wanted
    return next((name for name in names if name.lower() == wanted.lower()), None)


def manifest_text(files: Mapping[str, Content]) -> str:
    """The manifest of a set: ``sha256 size path`` per file, sorted by path."""
    return "".join(_manifest_line(path, files[path]) for path in sorted(files))


def _manifest_line(path: str, content: Content) -> str:
    if isinstance(content, Spooled):
        return f"{content.sha256} {content.size} {path}\n"
    return f"{sha256_hex(content)} {len(content)} {path}\n"


def parse_manifest(text: str, name: str) -> Tuple[Tuple[ManifestEntry, ...], Tuple[Problem, ...]]:
    """The manifest's entries and what is wrong with its lines."""
    entries: List[ManifestEntry] = []
    problems: List[Problem] = []
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        match = _LINE.fullmatch(line)
        fault = path_fault(match.group(3)) if match else None
        if match is None:
            problems.append(_broken(name, number, "not a manifest line", line, "`sha256 size path`"))
        elif fault:
            problems.append(_broken(name, number, f"a path that leaves the set: {fault}", match.group(3), None))
        elif entries and match.group(3) <= entries[-1].path:
            problems.append(_broken(name, number, "the manifest is not sorted by path, or names a file twice",
                                    match.group(3), None))
        else:
            entries.append(ManifestEntry(match.group(1), int(match.group(2)), match.group(3), number))
    return tuple(entries), tuple(problems)


def _broken(name: str, line: int, what: str, found: str, wanted: Optional[str]) -> Problem:
    return Problem(what, f"{name}:{line}:1", found, wanted, "copy the whole set again", Exit.SIF_SET_BROKEN)
