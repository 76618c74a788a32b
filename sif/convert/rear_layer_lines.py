"""Lines of ReaR's ``disklayout.conf`` about what lies between disks and file systems: arrays, encryption, paths, btrfs.

Source: the ``Format:`` comments that ReaR itself writes above such lines.
"""

from __future__ import annotations

from typing import Callable, Dict, Mapping, Optional, Tuple, Union

from sif.convert.rear_words import BadWords, Line, as_device, as_facts, as_number, as_text, want_count
from sif.plain import dataclass


@dataclass(frozen=True)
class RaidLine:
    """``members`` are active devices first, then spares, as ``mdadm --detail`` lists them."""

    line: Line
    device: str
    members: Tuple[str, ...]
    facts: Mapping[str, str]


@dataclass(frozen=True)
class RaidDiskLine:
    """The size of an array, and the kind of partition table on it."""

    line: Line
    device: str
    size_bytes: int
    label: str


@dataclass(frozen=True)
class CryptLine:
    line: Line
    mapped: str
    device: str
    facts: Mapping[str, str]


@dataclass(frozen=True)
class MultipathLine:
    """``size_bytes`` is None in old layouts, which list the paths only."""

    line: Line
    device: str
    size_bytes: Optional[int]
    label: str
    paths: Tuple[str, ...]


@dataclass(frozen=True)
class SubvolumeLine:
    """``path`` is that from the top level, without a slash at its start; empty for the top level itself."""

    line: Line
    device: str
    mount: str
    path: str
    number: Optional[int] = None
    options: Optional[str] = None

    @property
    def is_default(self) -> bool:
        return self.line.keyword == "btrfsdefaultsubvol"

    @property
    def is_mounted(self) -> bool:
        return self.line.keyword == "btrfsmountedsubvol"


@dataclass(frozen=True)
class NoCowLine:
    line: Line
    path: str


LayerLine = Union[RaidLine, RaidDiskLine, CryptLine, MultipathLine, SubvolumeLine, NoCowLine]


def _raid(line: Line) -> RaidLine:
    want_count(line, 2, 20)
    facts = as_facts(line.words[1:])
    members = tuple(as_device(word, "a member of the array") for word in facts.get("devices", "").split(",") if word)
    return RaidLine(line, as_device(line.words[0], "the array"), members, facts)


def _raiddisk(line: Line) -> RaidDiskLine:
    want_count(line, 2, 3)
    return RaidDiskLine(line, as_device(line.words[0], "the array"), as_number(line.words[1], "the size"),
                        line.words[2] if len(line.words) > 2 else "unknown")


def _crypt(line: Line) -> CryptLine:
    want_count(line, 2, 20)
    mapped = as_device(line.words[0], "the opened volume")
    if not mapped.startswith("/dev/mapper/"):
        raise BadWords("the opened volume is no mapping", mapped, "/dev/mapper/...")
    return CryptLine(line, mapped, as_device(line.words[1], "the encrypted device"), as_facts(line.words[2:]))


def _multipath(line: Line) -> MultipathLine:
    want_count(line, 2, 4)
    device = as_device(line.words[0], "the multipath device")
    sized = len(line.words) > 2
    paths = tuple(word for word in line.words[-1].split(",") if word.startswith("/dev/"))
    return MultipathLine(line, device, as_number(line.words[1], "the size") if sized else None,
                         line.words[2] if len(line.words) > 3 else "unknown", paths)


def _path(word: str) -> str:
    path = as_text(word, "the subvolume's path").strip("/")
    if any(part in (".", "..") for part in path.split("/")):
        raise BadWords("not the path of a subvolume", word)
    return path


def _numbered(line: Line) -> SubvolumeLine:
    want_count(line, 4, 4)
    device, mount, number, path = line.words
    return SubvolumeLine(line, as_device(device, "the device of btrfs"), as_text(mount, "the mount point"), _path(path),
                         as_number(number, "the subvolume's id"))


def _mounted(line: Line) -> SubvolumeLine:
    want_count(line, 3, 4)
    path = line.words[3] if len(line.words) > 3 else next(
        (option[len("subvol="):] for option in line.words[2].split(",") if option.startswith("subvol=")), "/")
    return SubvolumeLine(line, as_device(line.words[0], "the device of btrfs"),
                         as_text(line.words[1], "the mount point"), _path(path),
                         options=as_text(line.words[2], "the mount options"))


def _nocow(line: Line) -> NoCowLine:
    want_count(line, 1, 1)
    return NoCowLine(line, _path(line.words[0]))


LAYER_PARSERS: Dict[str, Callable[[Line], LayerLine]] = {
    "raidarray": _raid, "raid": _raid, "raiddisk": _raiddisk, "crypt": _crypt, "multipath": _multipath,
    "btrfsdefaultsubvol": _numbered, "btrfsnormalsubvol": _numbered, "btrfsmountedsubvol": _mounted,
    "btrfsnocopyonwrite": _nocow,
}
