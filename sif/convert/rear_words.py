"""The words of a line of ReaR's ``disklayout.conf``: splitting off, and refusing what is none of what it should be."""

from __future__ import annotations

import re
from typing import Dict, Optional, Sequence, Tuple

from sif.convert.report import without_secrets
from sif.plain import dataclass
from sif.text import forbidden

_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class Line:
    """One line: its keyword and the words after it. An ``excluded`` one was commented out by ReaR."""

    file: str
    number: int
    keyword: str
    words: Tuple[str, ...]
    excluded: bool = False

    @property
    def where(self) -> str:
        return f"{self.file}:{self.number}"

    @property
    def text(self) -> str:
        return without_secrets(" ".join((self.keyword, *self.words)))


class BadWords(Exception):
    def __init__(self, what: str, found: Optional[str] = None, wanted: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.found, self.wanted = what, found, wanted


def want_count(line: Line, low: int, high: int) -> None:
    if not low <= len(line.words) <= high:
        raise BadWords(f"a {line.keyword} line of {len(line.words)} fields", line.text[:200],
                   f"{low} fields" if low == high else f"{low} to {high} fields")


def as_number(word: str, what: str, suffix: str = "") -> int:
    digits = word[:-1] if suffix and word.endswith(suffix) else word
    if not _NUMBER.fullmatch(digits):
        raise BadWords(f"{what} is not a number", word, "decimal digits, no sign, no leading zero")
    return int(digits)


def as_device(word: str, what: str) -> str:
    parts = word.split("/")
    if not word.startswith("/dev/") or any(part in ("", ".", "..") for part in parts[1:]):
        raise BadWords(f"{what} is not a device", word, "/dev/...")
    return word


def as_group(word: str) -> str:
    return as_device(word, "the volume group")[len("/dev/"):]


def as_text(text: str, what: str) -> str:
    if any(forbidden(char) for char in text):
        raise BadWords(f"{what} holds a character that is not allowed", text)
    return text


def as_facts(words: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise BadWords("not a name=value pair", word)
        if name in found:
            raise BadWords(f"{name}= is there twice", word)
        found[name] = value
    return found
