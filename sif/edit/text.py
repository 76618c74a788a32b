"""Edits of one part's text. Pure: the text in, the text out, every line that is not meant is the same bytes."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from sif.codec import schemas
from sif.errors import Exit, LifeboatError
from sif.merge import natural
from sif.problems import rejection
from sif.text import Entry, Section, lex


class EditRefused(LifeboatError):
    """The edit has nothing to work on: no such section or key, or there is one already."""

    code = Exit.USAGE


def set_key(text: str, kind: str, ident: str, key: str, value: str, name: str = "") -> str:
    """The text with ``key = value`` in ``[kind ident]``; ``value`` is SIF text.

    A key that is there keeps its place, its spaces and its comment; a new one comes where the canonical order has it.
    Raises :class:`EditRefused` if there is no such section, SifRejected for a text that cannot be read.
    """
    section = find_section(text, kind, ident, name)
    lines = text.split("\n")
    entry = _entry(section, key)
    if entry is not None:
        line = lines[entry.line - 1]
        lines[entry.line - 1] = line[:entry.value_column - 1] + value + line[entry.end_column - 1:]
    else:
        lines.insert(_line_before(section, key), f"{key} = {value}")
    return "\n".join(lines)


def unset_key(text: str, kind: str, ident: str, key: str, name: str = "") -> str:
    """The text without the line of ``key`` in ``[kind ident]``. Raises as :func:`set_key`."""
    entry = _entry(find_section(text, kind, ident, name), key)
    if entry is None:
        raise EditRefused(f"{_title(kind, ident)} has no {key} to remove", where=name or None)
    lines = text.split("\n")
    del lines[entry.line - 1]
    return "\n".join(lines)


def add_section(text: str, kind: str, ident: str, name: str = "") -> str:
    """The text with an empty ``[kind ident]`` where the canonical order has it. Raises EditRefused if it is there."""
    sections = _sections(text, name)
    if _find(sections, kind, ident) is not None:
        raise EditRefused(f"{_title(kind, ident)} is there already", where=name or None)
    after = [section for section in sections if _rank(section.kind, section.ident) < _rank(kind, ident)]
    lines = text.split("\n")
    at = max(map(_last_line, after), default=0)
    lines[at:at] = ["", _title(kind, ident)] if at else [_title(kind, ident), ""]
    return "\n".join(lines) if lines[-1] == "" else "\n".join([*lines, ""])


def remove_section(text: str, kind: str, ident: str, name: str = "") -> str:
    """The text without ``[kind ident]``: its header, its keys, and the empty lines behind; comments above it stay."""
    section = find_section(text, kind, ident, name)
    lines = text.split("\n")
    end = _last_line(section)
    while end < len(lines) - 1 and not lines[end].strip(" "):
        end += 1
    del lines[section.line - 1:end]
    return "\n".join(lines)


def find_section(text: str, kind: str, ident: str, name: str = "") -> Section:
    """The section of that kind and id. Raises :class:`EditRefused`, with what is close to it."""
    sections = _sections(text, name)
    found = _find(sections, kind, ident)
    if found is not None:
        return found
    same = [section.ident for section in sections if section.kind == kind]
    raise EditRefused(f"there is no {_title(kind, ident)}", where=name or None,
                      found=", ".join(_title(kind, known) for known in same[:20]) or f"no [{kind}] at all",
                      hint="--add makes a new section")


def has_section(text: str, kind: str, ident: str) -> bool:
    """Whether the text has that section."""
    return _find(lex(text, "")[0], kind, ident) is not None


def _sections(text: str, name: str) -> Tuple[Section, ...]:
    sections, problems = lex(text, name)
    if problems:
        raise rejection(name, problems)
    return sections


def _find(sections: Sequence[Section], kind: str, ident: str) -> Optional[Section]:
    return next((section for section in sections if (section.kind, section.ident) == (kind, ident)), None)


def _entry(section: Section, key: str) -> Optional[Entry]:
    return next((entry for entry in section.entries if entry.key == key), None)


def _line_before(section: Section, key: str) -> int:
    """The line (from 1) that a new key is put behind: that of the last key which the canonical order has before it."""
    schema = schemas().get(section.kind)
    order: List[str] = [known.name for known in schema.keys] if schema else []
    if key not in order:
        return _last_line(section)
    earlier = set(order[:order.index(key)])
    return max((entry.line for entry in section.entries if entry.key in earlier), default=section.line)


def _last_line(section: Section) -> int:
    return max((entry.line for entry in section.entries), default=section.line)


def _rank(kind: str, ident: str) -> Tuple[int, str, object]:
    known = list(schemas())
    return (known.index(kind), "", natural(ident)) if kind in known else (len(known), kind, natural(ident))


def _title(kind: str, ident: str) -> str:
    return f"[{kind} {ident}]" if ident else f"[{kind}]"
