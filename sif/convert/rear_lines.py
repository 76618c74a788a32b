"""ReaR's ``disklayout.conf``, line by line, as typed records. Source: ReaR's user guide, "Layout configuration"."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Optional, Tuple, Union
from urllib.parse import unquote

from sif.convert.errors import ForeignRejected
from sif.convert.rear_layer_lines import LAYER_PARSERS, LayerLine
from sif.convert.rear_words import BadWords, Line, as_device, as_facts, as_group, as_number, as_text, want_count
from sif.convert.sources import SourceFile, lines_of
from sif.plain import dataclass
from sif.problems import Problem

MAX_COMPONENTS = 4000
_PART_NUMBER = re.compile(r"(?:p|-part|_part)?([1-9][0-9]{0,2})")
NO_PARTUUID = "no-partuuid"
NO_NAME = "rear-noname"


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


Component = Union[DiskLine, PartLine, FsLine, SwapLine, PvLine, VgLine, LvLine, LayerLine]


@dataclass(frozen=True)
class Layout:
    """The file: components that have a typed form, all other lines, and the lines that ReaR excluded."""

    components: Tuple[Component, ...]
    others: Tuple[Line, ...]
    excluded: Tuple[Line, ...]
    dated: Optional[Line]


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
            except BadWords as error:
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


def _disk(line: Line) -> DiskLine:
    want_count(line, 3, 7)
    return DiskLine(line, as_device(line.words[0], "the disk"), as_number(line.words[1], "the size"), line.words[2])


def _part(line: Line) -> PartLine:
    want_count(line, 6, 7)
    disk, size, start, kind, flags, device = line.words[:6]
    number = _PART_NUMBER.fullmatch(device[len(disk):]) if device.startswith(disk) else None
    if number is None:
        raise BadWords("a partition that is not one of its disk", device, f"{disk} and a number")
    try:
        name = unquote(kind, errors="strict")
    except UnicodeDecodeError:
        raise BadWords("a partition name that is not UTF-8", kind, "percent-encoded UTF-8") from None
    partuuid = line.words[6].lower() if len(line.words) > 6 and line.words[6] != NO_PARTUUID else None
    if partuuid is not None and not re.fullmatch(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", partuuid):
        raise BadWords("not a partition GUID", line.words[6], f"a GUID or {NO_PARTUUID}")
    return PartLine(
        line, as_device(disk, "the disk"), as_number(size, "the size"), as_number(start, "the start"),
        as_text(name, "the partition's name"), () if flags == "none" else tuple(flags.split(",")),
        as_device(device, "the partition"), int(number.group(1)), partuuid)


def _fs(line: Line) -> FsLine:
    want_count(line, 3, 40)
    device, mount, kind = line.words[:3]
    # findmnt --raw writes what would not be one word as \xHH.
    place = re.sub(r"\\x([0-9a-fA-F]{2})", lambda m: chr(int(m.group(1), 16)), mount)
    return FsLine(line, as_device(device, "the file system's device"), as_text(place, "the mount point"), kind,
                  as_facts(line.words[3:]))


def _swap(line: Line) -> SwapLine:
    want_count(line, 1, 10)
    name = line.words[0]
    where = as_text(name, "the swap file") if name.startswith("/") and not name.startswith("/dev/") else \
        as_device(name, "the swap area")
    return SwapLine(line, where, as_facts(line.words[1:]))


def _lvmdev(line: Line) -> PvLine:
    want_count(line, 2, 4)
    return PvLine(line, as_group(line.words[0]), as_device(line.words[1], "the physical volume"),
                  line.words[2] if len(line.words) > 2 else None)


def _lvmgrp(line: Line) -> VgLine:
    want_count(line, 2, 4)
    extents = as_number(line.words[2], "the number of extents") if len(line.words) > 2 else None
    return VgLine(line, as_group(line.words[0]), as_number(line.words[1], "the extent size"), extents)


def _lvmvol(line: Line) -> LvLine:
    want_count(line, 3, 20)
    vg, name, size = line.words[:3]
    if size.endswith("b"):
        layout = line.words[3] if len(line.words) > 3 else None
        return LvLine(line, as_group(vg), name, as_number(size, "the size", "b"), None, layout)
    return LvLine(line, as_group(vg), name, None, as_number(size, "the number of extents"), None)


_PARSERS: Dict[str, Callable[[Line], Component]] = {
    "disk": _disk, "part": _part, "fs": _fs, "swap": _swap, "lvmdev": _lvmdev, "lvmgrp": _lvmgrp, "lvmvol": _lvmvol,
    **LAYER_PARSERS,
}

FOREIGN: Dict[str, str] = {
    "drbd": "DRBD, which mirrors over the network", "opaldisk": "a self-encrypting disk",
    "smartarray": "a hardware RAID controller", "logicaldrive": "a hardware RAID volume", "dasd_channel": "a DASD",
}
"""Keyword → what it describes: components that a set has no kind for."""

KEYWORDS = frozenset({*_PARSERS, *FOREIGN, "btrfssnapshotsubvol"})
