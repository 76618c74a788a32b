"""The account of a conversion: everything that was left behind, assumed or made up, with file and line."""

from __future__ import annotations

import json
import re
from enum import Enum
from typing import Dict, List, Optional, Sequence, Tuple

from sif.plain import dataclass
from sif.problems import Problem, Subject, printable

REPORT_NAME = "conversion-report.json"
REPORT_FORMAT = "sif-conversion-report/1"
_SHOWN = 500
"""Characters of a foreign value that are shown."""


_SECRET = re.compile(r"(?i)((?:password|passphrase|passwd|secret|key)\s*[=:]\s*)(\"[^\"]*\"|[^\s,]+)")


def without_secrets(text: str) -> str:
    """A foreign text with the values of passwords and keys replaced: they may be in lines that a report quotes."""
    return _SECRET.sub(lambda match: match.group(1) + "***", text)


class Note(str, Enum):
    """What became of a piece of the source; the order is that of the printed report."""

    NOT_RESTORABLE = "not-restorable"
    GENERATED = "generated"
    ASSUMED = "assumed"
    NOT_CARRIED = "not-carried"
    COMMAND = "command"


TITLES: Dict[Note, str] = {
    Note.NOT_RESTORABLE: "cannot be restored by this version, and is left out",
    Note.GENERATED: "identities that the source does not have; made from its digest, the same at every conversion",
    Note.ASSUMED: "values that the source does not state; assumed",
    Note.NOT_CARRIED: "fields and lines that a set has no place for; left behind",
    Note.COMMAND: "commands of the foreign format; listed, never run and not put into the set",
}


@dataclass(frozen=True)
class Entry:
    """One finding: ``where`` is ``file:line`` (or the file), ``found`` the source's own text."""

    note: Note
    where: str
    subject: str
    text: str
    found: Optional[str] = None

    def __str__(self) -> str:
        found = f" ({printable(self.found)})" if self.found else ""
        return f"{self.where}: {printable(self.subject)}{found}: {printable(self.text, _SHOWN)}"


@dataclass(frozen=True)
class SourceDigest:
    """One file that was read; ``size`` counts bytes."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Report:
    """Everything a person must know before they rely on a converted set."""

    source: str
    files: Tuple[SourceDigest, ...]
    entries: Tuple[Entry, ...]
    sections: Tuple[Tuple[str, int], ...] = ()
    set_id: Optional[str] = None
    written: bool = False
    check: Tuple[Problem, ...] = ()

    def of(self, note: Note) -> Tuple[Entry, ...]:
        """The entries of one kind, in the source's order."""
        return tuple(entry for entry in self.entries if entry.note is note)

    @property
    def complete(self) -> bool:
        """Whether a set was written that has all of the machine's storage and passes ``sif check``."""
        return self.written and not self.of(Note.NOT_RESTORABLE) and not self.check

    def to_json(self) -> str:
        """The report for programs, ending with a line feed; the same for the same source."""
        return json.dumps({
            "format": REPORT_FORMAT, "source": self.source, "written": self.written, "complete": self.complete,
            "set_id": self.set_id, "sections": dict(self.sections),
            "files": [{"path": f.path, "sha256": f.sha256, "size": f.size} for f in self.files],
            "check": [{"where": p.where, "what": p.what, "found": p.found, "wanted": p.wanted} for p in self.check],
            "entries": [{"note": e.note.value, "where": e.where, "subject": e.subject, "found": e.found,
                         "text": e.text} for e in self.entries],
        }, indent=2, ensure_ascii=True) + "\n"

    def to_text(self) -> str:
        """The report for people, ending with a line feed."""
        lines: List[str] = [f"converted from {self.source}: {', '.join(printable(f.path) for f in self.files)}"]
        for note in Note:
            found = self.of(note)
            if found:
                lines += ["", f"{TITLES[note]} ({len(found)}):", *(f"  {entry}" for entry in found)]
        if self.check:
            lines += ["", "sif check refuses what was written:", *(f"  {problem}" for problem in self.check)]
        return "\n".join(lines) + "\n"


class Ledger:
    """Collects entries while a source is converted, and where each section of the set came from."""

    def __init__(self) -> None:
        self._entries: List[Entry] = []
        self.places: Dict[Subject, str] = {}

    def note(self, note: Note, where: str, subject: str, text: str, found: Optional[str] = None) -> None:
        """Add an entry; the same entry again is not added twice."""
        entry = Entry(note, where, subject, text, None if found is None else without_secrets(found)[:_SHOWN])
        if entry not in self._entries:
            self._entries.append(entry)

    def lost(self, where: str, subject: str, text: str, found: Optional[str] = None) -> None:
        self.note(Note.NOT_RESTORABLE, where, subject, text, found)

    def left(self, where: str, subject: str, text: str, found: Optional[str] = None) -> None:
        self.note(Note.NOT_CARRIED, where, subject, text, found)

    def assumed(self, where: str, subject: str, text: str, found: Optional[str] = None) -> None:
        self.note(Note.ASSUMED, where, subject, text, found)

    def generated(self, where: str, subject: str, text: str) -> None:
        self.note(Note.GENERATED, where, subject, text)

    def command(self, where: str, subject: str, text: str, found: str) -> None:
        self.note(Note.COMMAND, where, subject, text, found)

    def place(self, kind: str, ident: str, where: str) -> None:
        """Remember where a section came from, so that the checks' findings name the source's line."""
        self.places[(kind, ident, "")] = where

    def entries(self, files: Sequence[str]) -> Tuple[Entry, ...]:
        """The entries in the order of the files and their lines."""
        order = {name: number for number, name in enumerate(files)}

        def key(item: Tuple[int, Entry]) -> Tuple[int, str, int, int]:
            name, _, line = item[1].where.rpartition(":")
            if not line.isdigit():
                name, line = item[1].where, "0"
            return order.get(name, len(order)), name, int(line), item[0]

        return tuple(entry for _, entry in sorted(enumerate(self._entries), key=key))
