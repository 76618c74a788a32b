"""The text that ``vgcfgbackup`` writes, read as data: one volume group, its physical and logical volumes.

Source: the grammar in the lvm.conf(5) and vgcfgbackup(8) manual pages. Sizes in the text count sectors of 512
bytes, whatever the disk's own sector size is.
"""

from __future__ import annotations

import re
from typing import Dict, List, Optional, Tuple, Union

from sif.convert.errors import ForeignRejected
from sif.convert.sources import SourceFile, lines_of
from sif.plain import dataclass
from sif.problems import Problem

LVM_SECTOR = 512
MAX_DEPTH = 8

_TOKEN = re.compile(r'\s+|(?P<comment>#.*)|(?P<string>"(?:[^"\\]|\\.)*")'
                    r"|(?P<number>-?[0-9]{1,19}(?:\.[0-9]+)?)(?![\w.-])"
                    r"|(?P<word>[A-Za-z0-9_.+-]+)|(?P<mark>[{}=\[\],])")
_HOST = re.compile(r'creation_host = "([^"]*)"\s*# \S+ (\S+) \S+ .* ([a-z0-9_]+)$')

Scalar = Union[str, int]


@dataclass(frozen=True)
class Group:
    """A ``name { ... }`` block: values and blocks with the line each begins at."""

    line: int
    values: Dict[str, Tuple[int, Tuple[Scalar, ...]]]
    groups: "Dict[str, Group]"

    def text(self, name: str) -> Optional[str]:
        found = self.values.get(name, (0, ()))[1]
        return found[0] if len(found) == 1 and isinstance(found[0], str) else None

    def number(self, name: str) -> Optional[int]:
        found = self.values.get(name, (0, ()))[1]
        return found[0] if len(found) == 1 and isinstance(found[0], int) and found[0] >= 0 else None

    def words(self, name: str) -> Tuple[str, ...]:
        return tuple(str(value) for value in self.values.get(name, (0, ()))[1])


@dataclass(frozen=True)
class MetadataPv:
    """A physical volume; ``device`` is a hint only, ``name`` is its name inside this text (pv0)."""

    line: int
    name: str
    uuid: str
    device: str
    pe_start_bytes: int
    extents: int


@dataclass(frozen=True)
class MetadataLv:
    """A logical volume; ``segments`` are the text's own blocks, in order. An invisible one is part of another."""

    line: int
    name: str
    uuid: str
    tags: Tuple[str, ...]
    segments: Tuple[Group, ...]
    visible: bool

    @property
    def extents(self) -> int:
        return sum(segment.number("extent_count") or 0 for segment in self.segments)


@dataclass(frozen=True)
class Metadata:
    """A volume group; ``host``, ``kernel`` and ``arch`` are those of the machine that wrote the text."""

    name: str
    line: int
    uuid: str
    pe_bytes: int
    tags: Tuple[str, ...]
    pvs: Tuple[MetadataPv, ...]
    lvs: Tuple[MetadataLv, ...]
    host: Optional[str] = None
    kernel: Optional[str] = None
    arch: Optional[str] = None


def parse_vgcfg(source: SourceFile) -> Metadata:
    """The volume group in the text. Raises ForeignRejected with the line of the first fault."""
    lines = lines_of(source, tabs=True)
    top = _Parser(source.name, lines).top()
    groups = [(name, group) for name, group in top.groups.items() if "physical_volumes" in group.groups]
    if len(groups) != 1:
        raise _refused(source.name, 1, "not the metadata of one volume group", f"{len(groups)} groups", "one")
    name, group = groups[0]
    pvs = tuple(_pv(source.name, key, value) for key, value in group.groups["physical_volumes"].groups.items())
    logical = group.groups.get("logical_volumes")
    lvs = tuple(_lv(source.name, key, value) for key, value in (logical.groups.items() if logical else ()))
    host = next((found for _, line in lines if (found := _HOST.match(line))), None)
    return Metadata(
        name, group.line, _text(source.name, group, "id"), _number(source.name, group, "extent_size") * LVM_SECTOR,
        tuple(sorted(group.words("tags"))), pvs, lvs, host.group(1) if host else None,
        host.group(2) if host else None, host.group(3) if host else None)


def _pv(file: str, name: str, group: Group) -> MetadataPv:
    return MetadataPv(group.line, name, _text(file, group, "id"), group.text("device") or "",
                      _number(file, group, "pe_start") * LVM_SECTOR, _number(file, group, "pe_count"))


def _lv(file: str, name: str, group: Group) -> MetadataLv:
    found = [value for key, value in group.groups.items() if re.fullmatch(r"segment[0-9]+", key)]
    segments = tuple(sorted(found, key=lambda segment: segment.number("start_extent") or 0))
    expected = 0
    for segment in segments:
        if _number(file, segment, "start_extent") != expected:
            raise _refused(file, segment.line, "a gap or overlap between the segments of a volume", name,
                           f"start_extent = {expected}")
        expected += _number(file, segment, "extent_count")
        if segment.text("type") == "striped":
            _check_stripes(file, segment)
    return MetadataLv(group.line, name, _text(file, group, "id"), tuple(sorted(group.words("tags"))), segments,
                      "VISIBLE" in group.words("status"))


def _check_stripes(file: str, segment: Group) -> None:
    stripes = segment.values.get("stripes", (0, ()))[1]
    count = _number(file, segment, "stripe_count")
    pairs = list(zip(stripes[0::2], stripes[1::2]))
    if not count or len(stripes) != 2 * count or _number(file, segment, "extent_count") % count \
            or not all(isinstance(pv, str) and isinstance(first, int) and first >= 0 for pv, first in pairs):
        raise _refused(file, segment.line, "the stripes of a segment do not fit its count", str(len(stripes)),
                       'stripe_count pairs of "pv", first extent')


def _refused(file: str, line: int, what: str, found: Optional[str], wanted: Optional[str]) -> ForeignRejected:
    return ForeignRejected(file, [Problem(what, f"{file}:{line}", found, wanted)])


def _text(file: str, group: Group, key: str) -> str:
    value = group.text(key)
    if value is None:
        raise _refused(file, group.line, f"no {key} in this block", None, f'{key} = "..."')
    return value


def _number(file: str, group: Group, key: str) -> int:
    value = group.number(key)
    if value is None:
        raise _refused(file, group.line, f"no {key} in this block", None, f"{key} = <number>")
    return value


class _Parser:
    """Recursive descent over the tokens of all lines."""

    def __init__(self, file: str, lines: Tuple[Tuple[int, str], ...]) -> None:
        self.file = file
        self.tokens: List[Tuple[int, str, str]] = []
        for number, line in lines:
            at = 0
            while at < len(line):
                match = _TOKEN.match(line, at)
                if match is None:
                    raise _refused(file, number, "not LVM metadata", line[at:at + 40], None)
                if match.lastgroup and match.lastgroup != "comment":
                    self.tokens.append((number, match.lastgroup, match.group()))
                at = match.end()
        self.last = lines[-1][0]
        self.at = 0

    def top(self) -> Group:
        found = self._body(1, 0)
        if self.at < len(self.tokens):
            raise _refused(self.file, self.tokens[self.at][0], "a } too many", "}", None)
        return found

    def _next(self, wanted: str) -> Tuple[int, str, str]:
        if self.at >= len(self.tokens):
            raise _refused(self.file, self.last, "the text ends too early", "end of file", wanted)
        self.at += 1
        return self.tokens[self.at - 1]

    def _body(self, line: int, depth: int) -> Group:
        if depth > MAX_DEPTH:
            raise _refused(self.file, line, "blocks nested too deeply", None, f"at most {MAX_DEPTH}")
        group = Group(line, {}, {})
        while self.at < len(self.tokens) and self.tokens[self.at][2] != "}":
            number, kind, name = self._next("a name")
            if kind not in ("word", "number"):
                raise _refused(self.file, number, "not a name", name, "name = value or name { ... }")
            if name in group.values or name in group.groups:
                raise _refused(self.file, number, f"{name} is there twice", None, None)
            _, _, mark = self._next("= or {")
            if mark == "{":
                group.groups[name] = self._body(number, depth + 1)
                self._close()
            elif mark == "=":
                group.values[name] = (number, self._value())
            else:
                raise _refused(self.file, number, f"neither a value nor a block after {name}", mark, "= or {")
        return group

    def _close(self) -> None:
        number, _, mark = self._next("}")
        if mark != "}":
            raise _refused(self.file, number, "the block does not end here", mark, "}")

    def _value(self) -> Tuple[Scalar, ...]:
        number, kind, text = self._next("a value")
        if text != "[":
            return (self._scalar(number, kind, text),)
        values: List[Scalar] = []
        while True:
            number, kind, text = self._next("a value or ]")
            if text == "]" and kind == "mark":
                return tuple(values)
            if text == "," and kind == "mark" and values:
                continue
            values.append(self._scalar(number, kind, text))

    def _scalar(self, number: int, kind: str, text: str) -> Scalar:
        if kind == "string":
            return re.sub(r"\\(.)", r"\1", text[1:-1])
        if kind == "number":
            return int(text) if "." not in text else text
        raise _refused(self.file, number, "not a value", text, 'a number or a "string"')
