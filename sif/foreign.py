"""What a set holds that this version has no meaning for: vendors' sections, and what a newer minor version added.

It is kept when the set is written again, shown, and never looked at by anything that touches a disk.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

from sif.plain import dataclass
from sif.text import Entry, value_text

VENDOR_PREFIX = "X-"


@dataclass(frozen=True)
class Foreign:
    """A section that is not in the schema, or (``whole`` is false) unknown keys of one that is.

    ``entries`` are (key, canonical text of the value), sorted by key.
    """

    kind: str
    id: str
    entries: Tuple[Tuple[str, str], ...]
    whole: bool = True

    def text(self) -> str:
        """The section's, or the keys', canonical text."""
        header = f"[{self.kind} {self.id}]\n" if self.id else f"[{self.kind}]\n"
        return (header if self.whole else "") + "".join(f"{key} = {value}\n" for key, value in self.entries)


def foreign_entries(entries: Iterable[Entry]) -> Tuple[Tuple[str, str], ...]:
    """The entries as :class:`Foreign` holds them."""
    return tuple(sorted((entry.key, value_text(entry.atoms, entry.is_list)) for entry in entries))


def keys_by_section(foreign: Iterable[Foreign]) -> Dict[Tuple[str, str], str]:
    """(kind, id) of known sections → the text of their unknown keys."""
    return {(found.kind, found.id): found.text() for found in foreign if not found.whole}


def sections(foreign: Iterable[Foreign]) -> List[Foreign]:
    """The sections that are foreign as a whole."""
    return [found for found in foreign if found.whole]


def keys_only(foreign: Iterable[Foreign], but: str) -> List[Foreign]:
    """The unknown keys of known sections, without those of the kind ``but``."""
    return [found for found in foreign if not found.whole and found.kind != but]


