"""What a value of the configuration can be: how it is checked, and how the documentation calls it.

A kind turns what TOML gave into what the model holds. It raises :class:`Refusal` with what was found, what was wanted
and what to do; the reader adds where.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional, Tuple


class Refusal(Exception):
    """A value that cannot be taken: ``found``, ``wanted`` and a ``hint`` for the person who wrote it."""

    def __init__(self, what: str, found: object, wanted: str, hint: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.found, self.wanted, self.hint = what, repr(found), wanted, hint


@dataclass(frozen=True)
class Kind:
    """``title`` is what the documentation says; ``take`` checks a value, given the directory of the file."""

    title: str
    take: Callable[[Any, Path], Any]


def _typed(value: object, wanted: type, title: str) -> Any:
    # A boolean is an int to Python and to nobody else.
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise Refusal("this value is of the wrong type", value, title)
    return value


def text(title: str = "text", pattern: Optional[str] = None, hint: Optional[str] = None) -> Kind:
    """One line of text; all of it matches ``pattern`` if there is one."""

    def take(value: Any, base: Path) -> str:
        found: str = _typed(value, str, title)
        if "\n" in found or "\0" in found or (pattern is not None and not re.fullmatch(pattern, found)):
            raise Refusal("this value is not of the wanted form", found, title, hint)
        return found

    return Kind(title, take)


def choice(*names: str) -> Kind:
    """One of a few words."""
    title = ", ".join(f'"{name}"' for name in names)

    def take(value: Any, base: Path) -> str:
        if value not in names:
            raise Refusal("there is no such choice", value, f"one of {title}")
        return str(value)

    return Kind(f"one of {title}", take)


def whole(low: int, high: int, unit: str = "") -> Kind:
    """A whole number from ``low`` to ``high``."""
    title = f"{low} to {high}{' ' + unit if unit else ''}"

    def take(value: Any, base: Path) -> int:
        found: int = _typed(value, int, f"a whole number, {title}")
        if not low <= found <= high:
            raise Refusal("this number is out of range", found, title)
        return found

    return Kind(title, take)


def _existing(value: Any, base: Path, directory: Optional[bool], title: str) -> Path:
    path = (base / Path(_typed(value, str, title)).expanduser()).resolve()
    if not path.exists():
        raise Refusal("this path does not exist", value, title, f"relative paths begin at {base}")
    if directory is not None and path.is_dir() is not directory:
        raise Refusal("this is the wrong kind of path", value, title)
    return path


def path(title: str = "path of a file", directory: Optional[bool] = False) -> Kind:
    """A path that exists; a relative one begins at the directory of the configuration file."""
    return Kind(title, lambda value, base: _existing(value, base, directory, title))


def new_path(title: str) -> Kind:
    """A path that need not exist yet."""
    return Kind(title, lambda value, base: (base / Path(_typed(value, str, title)).expanduser()).resolve())


def many(one: Kind) -> Kind:
    """A list of values of one kind; the same value twice is refused."""
    title = f"list of: {one.title}"

    def take(value: Any, base: Path) -> Tuple[Any, ...]:
        taken = tuple(one.take(item, base) for item in _typed(value, list, title))
        doubled = [item for number, item in enumerate(taken) if item in taken[:number]]
        if doubled:
            raise Refusal("a value is in the list twice", str(doubled[0]), "each value once")
        return taken

    return Kind(title, take)


FLAG = Kind("true or false", lambda value, base: _typed(value, bool, "true or false"))
TARGET = text("absolute path in the image", r"/(?!.*(?:^|/)\.\.(?:/|$))[^\0]*[^/]",
              "it begins with /, does not end with one, and has no .. in it")
PACKAGE = text("Debian package name", r"[a-z0-9][a-z0-9+.-]+")


def key(default: Any, kind: Kind, doc: str) -> Any:
    """A key of the configuration with its default, kind and documentation."""
    return field(default=default, metadata={"kind": kind, "doc": doc})
