"""Two manifests side by side: every difference, and nothing forgiven that volatile.py does not name."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Dict, Iterator, List, Mapping, Optional, Tuple

from drill.errors import DrillFailed
from drill.volatile import VOLATILE, Scope, Volatile, rule_for

SPARSE_SLACK_BYTES = 8 << 20
"""How much a file with holes may grow per data segment: restic cuts files into chunks of at most 8 MiB and only
skips the zeros a chunk begins with, so what follows a chunk's first data byte is written."""

IDENTITY = ("type", "mode", "uid", "gid", "xattrs", "target", "rdev", "link")
MATTER = (*IDENTITY, "mtime_ns", "size", "sha256")


@dataclass(frozen=True)
class Entry:
    """One line of a manifest (drill/manifest.py says what the fields mean)."""

    path: str
    type: str
    mode: int = 0
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: Optional[int] = None
    sha256: Optional[str] = None
    target: Optional[str] = None
    rdev: Tuple[int, ...] = ()
    link: Optional[str] = None
    xattrs: Tuple[Tuple[str, str], ...] = ()
    data: Optional[int] = None
    segments: int = 0

    @property
    def data_bytes(self) -> int:
        """Bytes in data segments; all of them when the file has no hole."""
        return self.data if self.data is not None else self.size or 0


Manifest = Mapping[str, Entry]


@dataclass(frozen=True)
class Difference:
    """What is not as it was: ``aspect`` is a field's name, `missing` or `extra`."""

    path: str
    aspect: str
    before: str
    after: str

    def __str__(self) -> str:
        shown = self.path.encode("utf-8", "backslashreplace").decode()
        return f"{shown!r}: {self.aspect}: {self.before} -> {self.after}"


def parse_manifest(text: str) -> Manifest:
    """The manifest in JSON lines. Raises :class:`DrillFailed`."""
    known = {field.name for field in fields(Entry)}
    found: Dict[str, Entry] = {}
    for number, line in enumerate(text.splitlines(), 1):
        try:
            raw = json.loads(line)
            unknown = set(raw) - known
            if unknown:
                raise ValueError(f"unknown fields {sorted(unknown)}")
            raw["xattrs"] = tuple(sorted(raw.get("xattrs", {}).items()))
            raw["rdev"] = tuple(raw.get("rdev", ()))
            entry = Entry(**raw)
        except (ValueError, TypeError) as error:
            raise DrillFailed("not a manifest", where=f"line {number}", found=str(error)) from error
        found[entry.path] = entry
    return found


def compare(before: Manifest, after: Manifest, rules: Tuple[Volatile, ...] = VOLATILE) -> Tuple[Difference, ...]:
    """Every difference between two manifests, sorted by path."""
    found: List[Difference] = []
    for path in sorted({*before, *after}):
        rule = rule_for(path, rules)
        old, new = before.get(path), after.get(path)
        if old is not None and new is not None:
            found.extend(_changes(old, new, rule))
        elif old is not None:
            if rule is None or rule.scope is not Scope.BELOW or path == rule.path:
                found.append(Difference(path, "missing", old.type, "nothing"))
        elif new is not None and (rule is None or (path == rule.path and rule.scope is not Scope.NEW)):
            found.append(Difference(path, "extra", "nothing", new.type))
    return tuple(found)


def _changes(old: Entry, new: Entry, rule: Optional[Volatile]) -> Iterator[Difference]:
    if rule is not None and rule.scope is Scope.BELOW and old.path != rule.path:
        return
    for aspect in MATTER if rule is None else IDENTITY:
        was, now = getattr(old, aspect), getattr(new, aspect)
        if was != now:
            yield Difference(old.path, aspect, _shown(was), _shown(now))
    grown = new.data_bytes - old.data_bytes
    if rule is None and old.size == new.size and grown > SPARSE_SLACK_BYTES * old.segments:
        yield Difference(old.path, "holes", f"{old.data_bytes} bytes of data", f"{new.data_bytes} bytes of data")


def _shown(value: object) -> str:
    return str(value).encode("utf-8", "backslashreplace").decode()
