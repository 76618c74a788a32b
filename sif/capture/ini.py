"""Files of sections and ``key=value`` lines: systemd's units and NetworkManager's keyfiles.

Source: systemd.syntax(7), nm-settings-keyfile(5), GLib's key file format.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Set, Tuple

from sif import look
from sif.plain import dataclass

UNIT_FOLDERS = ("/etc/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                "/lib/systemd/system")
"""Where units lie, the first place counts. What generators make in ``/run`` comes from other configuration."""


@dataclass(frozen=True)
class Section:
    """One section as written; a key can be there several times."""

    name: str
    entries: Tuple[Tuple[str, str], ...]

    def all(self, key: str) -> Tuple[str, ...]:
        """The values of a key, in order; an empty one takes back those before it, as in systemd."""
        found: List[str] = []
        for name, value in self.entries:
            if name == key and not value:
                found.clear()
            elif name == key:
                found.append(value)
        return tuple(found)

    def last(self, key: str) -> Optional[str]:
        values = self.all(key)
        return values[-1] if values else None

    def words(self, key: str) -> Tuple[str, ...]:
        """The words of all values of a key."""
        return tuple(" ".join(self.all(key)).split())


@dataclass(frozen=True)
class Sections:
    """A file's sections in order; there may be several of one name."""

    sections: Tuple[Section, ...]

    def named(self, name: str) -> Tuple[Section, ...]:
        return tuple(section for section in self.sections if section.name == name)

    def merged(self, name: str) -> Section:
        """All sections of a name as one; empty if there is none."""
        return Section(name, tuple(entry for section in self.named(name) for entry in section.entries))


def parse_sections(*texts: str) -> Sections:
    """The sections of a file and of its drop-ins, in that order. Lines that are neither key nor section are skipped."""
    found: List[Section] = []
    for text in texts:
        name, entries = "", list[Tuple[str, str]]()
        for line in _joined(text):
            if line.startswith("[") and line.endswith("]"):
                found.append(Section(name, tuple(entries)))
                name, entries = line[1:-1], []
            else:
                key, equals, value = line.partition("=")
                if equals:
                    entries.append((key.strip(), value.strip()))
        found.append(Section(name, tuple(entries)))
    return Sections(tuple(section for section in found if section.name or section.entries))


def _joined(text: str) -> List[str]:
    """Lines without comments; a backslash at the end continues a line, and comments between do not end it."""
    lines: List[str] = []
    pending = ""
    for raw in text.splitlines():
        line = raw.strip()
        if line.startswith(("#", ";")) or (not line and not pending):
            continue
        if line.endswith("\\"):
            pending += line[:-1].rstrip() + " "
            continue
        lines.append((pending + line).strip())
        pending = ""
    return [*lines, pending.strip()] if pending.strip() else lines


def truth(value: Optional[str], default: bool = False) -> bool:
    """systemd's and NetworkManager's yes and no."""
    return value.lower() in ("yes", "true", "on", "1", "y", "t") if value else default


def with_drop_ins(name: str, folders: Sequence[str]) -> Optional[Sections]:
    """A unit or network file with its ``.d`` directories; None when it is not there, masked or empty."""
    main = next((f"{folder}/{name}" for folder in folders if look.exists(f"{folder}/{name}")
                 or look.link(f"{folder}/{name}") == "/dev/null"), None)
    if main is None or look.link(main) == "/dev/null":
        return None
    text = look.text_or(main)
    if not text.strip():
        return None
    extra = {}
    for folder in reversed(folders):
        for part in look.entries(f"{folder}/{name}.d"):
            if part.endswith(".conf"):
                extra[part] = f"{folder}/{name}.d/{part}"
    return parse_sections(text, *(look.text_or(extra[part]) for part in sorted(extra)))


def names_in(folders: Sequence[str], suffix: str) -> Tuple[str, ...]:
    """The names of files with that suffix in any of the folders, each once, sorted as systemd sorts them."""
    return tuple(sorted({name for folder in folders for name in look.entries(folder) if name.endswith(suffix)}))


def enabled_units(suffix: str) -> Tuple[str, ...]:
    """The units that something wants or requires, sorted: what ``systemctl enable`` and packages link."""
    found: Set[str] = set()
    for folder in UNIT_FOLDERS:
        for group in look.entries(folder):
            if group.endswith((".wants", ".requires")):
                found.update(name for name in look.entries(f"{folder}/{group}") if name.endswith(suffix))
    return tuple(sorted(found))
