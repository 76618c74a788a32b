"""``${...}`` in a command's arguments: the closed list of names, and replacing them exactly once."""

from __future__ import annotations

import re
from typing import Callable, Mapping, Optional, Tuple, Union

from sif.later import regex
from sif.plain import dataclass

PLAIN = {
    "target": "root of the restored tree",
    "kernel": "kernel release of the rescue system",
    "hostname": "the machine's full name",
    "set": "directory of the staged SIF set",
}
"""Names without an argument."""

WITH_ID = {
    "store": (("STORE",), "where the store is: its mount point and location, or its location alone"),
    "snapshot": (("STORE",), "the store's snapshot"),
    "mount": (("FS", "BTRFS", "SUBVOLUME"), "where that file system or subvolume is mounted in the restored tree"),
    "secretfile": (("SECRET",), "a file in memory that holds that `secret:ID`, for the command's user only"),
}
"""Names that take an id, the kinds of section it names, and what comes out."""

_OPEN = regex(r"\$\{([^}]*)(\}?)")


@dataclass(frozen=True)
class Placeholder:
    """``${name}`` or ``${name:ident}``."""

    name: str
    ident: Optional[str]

    def __str__(self) -> str:
        return "${" + self.name + (f":{self.ident}" if self.ident else "") + "}"


class BadPlaceholder(ValueError):
    """A ``${...}`` that is not on the list."""


Piece = Union[str, Placeholder]


def pieces(argument: str) -> Tuple[Piece, ...]:
    """The argument as literal text and placeholders; raises :class:`BadPlaceholder`."""
    found: list[Piece] = []
    end = 0
    for match in _OPEN.finditer(argument):
        found.extend((argument[end:match.start()], _placeholder(match)))
        end = match.end()
    found.append(argument[end:])
    return tuple(piece for piece in found if piece != "")


def _placeholder(match: "re.Match[str]") -> Placeholder:
    name, colon, ident = match.group(1).partition(":")
    known = match.group(2) and ((name in PLAIN and not colon) or (name in WITH_ID and ident))
    if not known:
        raise BadPlaceholder(match.group())
    return Placeholder(name, ident or None)


def substitute(argument: str, value: Callable[[Placeholder], str]) -> str:
    """The argument with every placeholder replaced by its value; values are never scanned again."""
    return "".join(piece if isinstance(piece, str) else value(piece) for piece in pieces(argument))


def names() -> Mapping[str, str]:
    """Every placeholder as it is written, and what it stands for."""
    plain = {"${" + name + "}": text for name, text in PLAIN.items()}
    return {**plain, **{"${" + name + ":ID}": text for name, (_, text) in WITH_ID.items()}}
