"""A cpio archive of the kind the kernel unpacks behind an initramfs.

Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel ("newc"). Numbers, owners and times are
fixed, so that the same files give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Iterable, List

ALIGN = 4
DIRECTORY, REGULAR = 0o040755, 0o100000


@dataclass(frozen=True)
class Entry:
    """A file: its path without a slash at the start, content and permissions."""

    path: str
    data: bytes
    mode: int = 0o644


def border(length: int) -> int:
    """Where, behind that many bytes, an archive may begin."""
    return length + -length % ALIGN


def padded(data: bytes) -> bytes:
    """The bytes with zeros behind them up to the next border at which an archive may begin."""
    return data.ljust(border(len(data)), b"\0")


def archive(files: Iterable[Entry]) -> bytes:
    """The files, with the directories above them, as an archive."""
    listed = tuple(files)
    above: Dict[str, None] = {}
    for file in listed:
        parts = file.path.split("/")[:-1]
        above.update({"/".join(parts[:depth]): None for depth in range(1, len(parts) + 1)})
    entries: List[Entry] = [Entry(path, b"", DIRECTORY) for path in sorted(above)]
    entries += [Entry(file.path, file.data, REGULAR | file.mode) for file in listed]
    entries.append(Entry("TRAILER!!!", b"", 0))
    return b"".join(_member(number, entry) for number, entry in enumerate(entries, 1))


def _member(number: int, entry: Entry) -> bytes:
    name = entry.path.encode() + b"\0"
    links = 2 if entry.mode & 0o170000 == 0o040000 else 1
    fields = (number, entry.mode, 0, 0, links, 0, len(entry.data), 0, 0, 0, 0, len(name), 0)
    return padded(b"070701" + b"".join(b"%08X" % value for value in fields) + name) + padded(entry.data)
