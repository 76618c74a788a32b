"""ReaR's ``disklayout.conf``, line by line, as typed records. Source: ReaR's user guide, "Layout configuration"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Union
from urllib.parse import unquote

from sif.convert.errors import ForeignRejected
from sif.convert.report import without_secrets
from sif.convert.sources import SourceFile, lines_of
from sif.problems import Problem
from sif.text import forbidden

MAX_COMPONENTS = 4000
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")
_PART_NUMBER = re.compile(r"(?:p|-part|_part)?([1-9][0-9]{0,2})")
NO_PARTUUID = "no-partuuid"
NO_NAME = "rear-noname"


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


@dataclass(frozen=True)
class DiskLine:
    line: Line
    device: str
    size_bytes: int
    label: str


@dataclass(frozen=True)
class PartLine:
    """``kind`` is primary, extended or logical on an MBR disk, the partition's decoded name on a GPT disk."""

    line: Line
    disk: str
    size_bytes: int
    start_bytes: int
    kind: str
    flags: Tuple[str, ...]
    device: str
    number: int
    partuuid: Optional[str]


@dataclass(frozen=True)
class FsLine:
    line: Line
    device: str
    mount: str
    type: str
    facts: Dict[str, str]


@dataclass(frozen=True)
class SwapLine:
    line: Line
    device: str
    facts: Dict[str, str]


@dataclass(frozen=True)
class PvLine:
    line: Line
    vg: str
    device: str
    uuid: Optional[str]


@dataclass(frozen=True)
class VgLine:
    """``extent_kib`` counts KiB, as ``vgdisplay -c`` does."""

    line: Line
    vg: str
    extent_kib: int
    extents: Optional[int]


@dataclass(frozen=True)
class LvLine:
    """``size_bytes`` is None in the old format, which counts extents (``extents``) and sectors."""

    line: Line
    vg: str
    name: str
    size_bytes: Optional[int]
    extents: Optional[int]
    layout: Optional[str]


Component = Union[DiskLine, PartLine, FsLine, SwapLine, PvLine, VgLine, LvLine]


@dataclass(frozen=True)
class Layout:
    """The file: components that have a typed form, all other lines, and the lines that ReaR excluded."""

    components: Tuple[Component, ...]
    others: Tuple[Line, ...]
    excluded: Tuple[Line, ...]
    dated: Optional[Line]


class _Bad(Exception):
    def __init__(self, what: str, found: Optional[str] = None, wanted: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.found, self.wanted = what, found, wanted


def parse_layout(source: SourceFile) -> Layout:
    """Every line of the file. Raises ForeignRejected with all malformed lines at once."""
    components: List[Component] = []
    others: List[Line] = []
    excluded: List[Line] = []
    problems: List[Problem] = []
    dated: Optional[Line] = None
    for number, text in lines_of(source):
        line = _split(source.name, number, text)
        if line is None:
            continue
        if line.keyword == "Disk" and line.excluded:
            dated = dated or line
        elif line.excluded:
            excluded.append(line)
        elif line.keyword in _PARSERS:
            try:
                components.append(_PARSERS[line.keyword](line))
            except _Bad as error:
                problems.append(Problem(error.what, line.where, error.found, error.wanted))
        else:
            others.append(line)
    if len(components) + len(others) + len(excluded) > MAX_COMPONENTS:
        problems.append(Problem("too many components", f"{source.name}:1", wanted=f"at most {MAX_COMPONENTS}"))
    if not problems and not components and not others:
        problems.append(Problem("no component of a disk layout", f"{source.name}:1", None, "disk, part, fs, ... lines"))
    if problems:
        raise ForeignRejected(source.name, problems)
    return Layout(tuple(components), tuple(others), tuple(excluded), dated)


def _split(file: str, number: int, text: str) -> Optional[Line]:
    """A component line, an excluded one (``#disk ...``), the dated header, or None for a plain comment."""
    if not text.strip(" "):
        return None
    excluded = text.startswith("#")
    words = tuple(word for word in text.lstrip("#").split(" ") if word)
    if text[0] == " ":
        return Line(file, number, "", (text.strip(" "),))
    if not excluded:
        return Line(file, number, words[0], words[1:])
    if text.startswith("# Disk layout dated "):
        return Line(file, number, "Disk", words[1:], True)
    if re.match(r"#(?! )", text) and words and words[0] in KEYWORDS:
        return Line(file, number, words[0], words[1:], True)
    return None


def _count(line: Line, low: int, high: int) -> None:
    if not low <= len(line.words) <= high:
        raise _Bad(f"a {line.keyword} line of {len(line.words)} fields", line.text[:200],
                   f"{low} fields" if low == high else f"{low} to {high} fields")


def _number(word: str, what: str, suffix: str = "") -> int:
    digits = word[:-1] if suffix and word.endswith(suffix) else word
    if not _NUMBER.fullmatch(digits):
        raise _Bad(f"{what} is not a number", word, "decimal digits, no sign, no leading zero")
    return int(digits)


def _device(word: str, what: str) -> str:
    parts = word.split("/")
    if not word.startswith("/dev/") or any(part in ("", ".", "..") for part in parts[1:]):
        raise _Bad(f"{what} is not a device", word, "/dev/...")
    return word


def _group(word: str) -> str:
    return _device(word, "the volume group")[len("/dev/"):]


def _plain(text: str, what: str) -> str:
    if any(forbidden(char) for char in text):
        raise _Bad(f"{what} holds a character that is not allowed", text)
    return text


def _facts(words: Sequence[str]) -> Dict[str, str]:
    found: Dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise _Bad("not a name=value pair", word)
        if name in found:
            raise _Bad(f"{name}= is there twice", word)
        found[name] = value
    return found


def _disk(line: Line) -> DiskLine:
    _count(line, 3, 7)
    return DiskLine(line, _device(line.words[0], "the disk"), _number(line.words[1], "the size"), line.words[2])


def _part(line: Line) -> PartLine:
    _count(line, 6, 7)
    disk, size, start, kind, flags, device = line.words[:6]
    number = _PART_NUMBER.fullmatch(device[len(disk):]) if device.startswith(disk) else None
    if number is None:
        raise _Bad("a partition that is not one of its disk", device, f"{disk} and a number")
    try:
        name = unquote(kind, errors="strict")
    except UnicodeDecodeError:
        raise _Bad("a partition name that is not UTF-8", kind, "percent-encoded UTF-8") from None
    partuuid = line.words[6].lower() if len(line.words) > 6 and line.words[6] != NO_PARTUUID else None
    if partuuid is not None and not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", partuuid):
        raise _Bad("not a partition GUID", line.words[6], f"a GUID or {NO_PARTUUID}")
    return PartLine(
        line, _device(disk, "the disk"), _number(size, "the size"), _number(start, "the start"),
        _plain(name, "the partition's name"), () if flags == "none" else tuple(flags.split(",")),
        _device(device, "the partition"), int(number.group(1)), partuuid)


def _fs(line: Line) -> FsLine:
    _count(line, 3, 40)
    device, mount, kind = line.words[:3]
    # findmnt --raw writes what would not be one word as \xHH.
    place = re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), mount)
    return FsLine(line, _device(device, "the file system's device"), _plain(place, "the mount point"), kind,
                  _facts(line.words[3:]))


def _swap(line: Line) -> SwapLine:
    _count(line, 1, 10)
    return SwapLine(line, _device(line.words[0], "the swap area"), _facts(line.words[1:]))


def _lvmdev(line: Line) -> PvLine:
    _count(line, 2, 4)
    return PvLine(line, _group(line.words[0]), _device(line.words[1], "the physical volume"),
                  line.words[2] if len(line.words) > 2 else None)


def _lvmgrp(line: Line) -> VgLine:
    _count(line, 2, 4)
    extents = _number(line.words[2], "the number of extents") if len(line.words) > 2 else None
    return VgLine(line, _group(line.words[0]), _number(line.words[1], "the extent size"), extents)


def _lvmvol(line: Line) -> LvLine:
    _count(line, 3, 20)
    vg, name, size = line.words[:3]
    if size.endswith("b"):
        layout = line.words[3] if len(line.words) > 3 else None
        return LvLine(line, _group(vg), name, _number(size, "the size", "b"), None, layout)
    return LvLine(line, _group(vg), name, None, _number(size, "the number of extents"), None)


_PARSERS: Dict[str, Callable[[Line], Component]] = {
    "disk": _disk, "part": _part, "fs": _fs, "swap": _swap, "lvmdev": _lvmdev, "lvmgrp": _lvmgrp, "lvmvol": _lvmvol,
}

FOREIGN: Dict[str, str] = {
    "raidarray": "software RAID", "raiddisk": "software RAID", "crypt": "LUKS encryption",
    "multipath": "a multipath device", "drbd": "DRBD", "btrfsdefaultsubvol": "a btrfs subvolume",
    "btrfsnormalsubvol": "a btrfs subvolume", "btrfsmountedsubvol": "a btrfs subvolume",
    "btrfsnocopyonwrite": "a btrfs attribute", "btrfssnapshotsubvol": "a btrfs snapshot",
    "opaldisk": "a self-encrypting disk", "smartarray": "a hardware RAID controller",
    "logicaldrive": "a hardware RAID volume", "dasd_channel": "a DASD",
}
"""Keyword → what it describes: components that a set of this version has no kind for."""

KEYWORDS = frozenset({*_PARSERS, *FOREIGN})
