"""Windows' ``asr.sif``: sections of positional records, read strictly.

Sections and keys are compared without regard to case. A record is ``key = value,value,...``; values may be quoted
(``""`` inside quotes is one quote) or empty. Numbers are decimal or 0x and hexadecimal.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple

from sif.convert.errors import ForeignRejected
from sif.convert.report import without_secrets
from sif.convert.sources import SourceFile, lines_of
from sif.plain import dataclass
from sif.problems import Problem

MAX_RECORDS = 4096
MAX_FIELDS = 64
_HEADER = re.compile(r"\[([A-Za-z][A-Za-z0-9._ -]*)\]")
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NUMBER = re.compile(r"(?:0[xX][0-9A-Fa-f]{1,16}|[0-9]{1,19})")


@dataclass(frozen=True)
class Row:
    """One record: its section and key in upper case, its line, its values."""

    file: str
    line: int
    section: str
    key: str
    values: Tuple[str, ...]

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def text(self) -> str:
        return without_secrets(f"[{self.section}] {self.key}={','.join(self.values)}")

    def value(self, index: int) -> str:
        """The value at ``index`` (from 0), empty if the record ends before it."""
        return self.values[index] if index < len(self.values) else ""


def number(text: str) -> Optional[int]:
    """A decimal or 0x number, or None."""
    return int(text, 0 if text[:2].lower() == "0x" else 10) if _NUMBER.fullmatch(text) else None


def parse_rows(source: SourceFile) -> Tuple[Row, ...]:
    """Every record, in order. Raises ForeignRejected with all malformed lines at once."""
    rows: List[Row] = []
    problems: List[Problem] = []
    seen: Dict[Tuple[str, str], int] = {}
    section = ""
    for line, text in lines_of(source, tabs=True, crlf=True):
        body = text.strip(" \t")
        if not body or body[0] == ";":
            continue
        where = f"{source.name}:{line}"
        if body[0] == "[":
            header = _HEADER.fullmatch(body.partition(";")[0].rstrip(" \t"))
            if header is None:
                problems.append(Problem("not a section header", where, without_secrets(body)[:80], "[NAME]"))
            section = header.group(1).upper() if header else "?"
            if (section, "") in seen and header:
                problems.append(Problem(f"[{section}] is there twice", where, hint=f"it begins in line "
                                        f"{seen[(section, '')]}; merge the two"))
            seen[(section, "")] = line
            continue
        row = _row(source.name, line, section, body, problems)
        if row is None:
            continue
        if (section, row.key) in seen:
            problems.append(Problem(f"{row.key} is there twice in [{section}]", where))
        seen[(section, row.key)] = line
        rows.append(row)
    if len(rows) > MAX_RECORDS:
        problems.append(Problem("too many records", f"{source.name}:1", str(len(rows)), f"at most {MAX_RECORDS}"))
    if problems:
        raise ForeignRejected(source.name, problems)
    return tuple(rows)


def _row(file: str, line: int, section: str, body: str, problems: List[Problem]) -> Optional[Row]:
    where = f"{file}:{line}"
    key, equals, rest = body.partition("=")
    key = key.strip(" \t")
    if not section:
        problems.append(Problem("text before the first section", where, without_secrets(body)[:80], "[VERSION]"))
    elif not equals or not _KEY.fullmatch(key):
        problems.append(Problem("not a record", where, without_secrets(body)[:80], "key=value,value,..."))
    else:
        values, fault = _values(rest)
        if fault:
            problems.append(Problem(fault, where, without_secrets(body)[:80]))
        elif len(values) > MAX_FIELDS:
            problems.append(Problem("too many values", where, str(len(values)), f"at most {MAX_FIELDS}"))
        else:
            return Row(file, line, section, key.upper(), values)
    return None


def _values(text: str) -> Tuple[Tuple[str, ...], Optional[str]]:
    """The values of a record, and what is wrong with them."""
    found: List[str] = []
    at = 0
    while True:
        while text[at:at + 1] in (" ", "\t"):
            at += 1
        if text[at:at + 1] == '"':
            value, at, closed = _quoted(text, at + 1)
            if not closed:
                return (), "a quoted value that does not end on this line"
        else:
            end = re.compile(r"[^,;\"]*").match(text, at)
            stop = end.end() if end else at
            value, at = text[at:stop].rstrip(" \t"), stop
        found.append(value)
        while text[at:at + 1] in (" ", "\t"):
            at += 1
        mark = text[at:at + 1]
        if mark in ("", ";"):
            return tuple(found), None
        if mark != ",":
            return (), "text after a quoted value, or a quote inside an unquoted one"
        at += 1


def _quoted(text: str, at: int) -> Tuple[str, int, bool]:
    chars: List[str] = []
    while at < len(text):
        if text[at] == '"':
            if text[at + 1:at + 2] != '"':
                return "".join(chars), at + 1, True
            at += 1
        chars.append(text[at])
        at += 1
    return "", at, False
