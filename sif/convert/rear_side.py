"""ReaR's side files: what the layout's own lines do not say. None of their paths comes from inside a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Optional, Tuple

from sif.convert.errors import ForeignRejected
from sif.convert.report import Ledger
from sif.convert.sources import SourceFile, lines_of, list_files, read_optional, read_source
from sif.plain import dataclass, field
from sif.problems import Problem

LAYOUT_NAME = "disklayout.conf"
SFDISK_DUMP = "partition_layout.conf"
BOOTLOADER = "recovery/bootloader"
BY_ID = "recovery/diskbyid_mappings"
UEFI_VARIABLES = "recovery/uefi-variables"

WHY_NOT = {
    "disktodo.conf": "the state of a ReaR run, derived from the layout",
    "diskdeps.conf": "the state of a ReaR run, derived from the layout",
    "diskrestore.sh": "a script; nothing of it is run",
    "fs_uuid_mapping": "replacements of a ReaR recovery; they are not applied",
    "lun_wwid_mapping": "replacements of a ReaR recovery; they are not applied",
    "disk_mappings": "replacements of a ReaR recovery; they are not applied",
    "config/df.txt": "the use of the file systems, in MiB only",
    "config/files.md5sum": "digests of configuration files",
    "recovery/mountpoint_device": "the same is in the layout's fs lines",
}


@dataclass(frozen=True)
class Place:
    """Where ReaR's files lie: the layout directory, and ``/var/lib/rear`` if the layout directory is inside one."""

    layout: Path
    name: str
    base: Optional[Path]


@dataclass
class Reading:
    """Everything that was read, in order; the report shows and digests these files."""

    files: List[SourceFile] = field(default_factory=list)

    def add(self, source: SourceFile) -> SourceFile:
        self.files.append(source)
        return source

    @property
    def names(self) -> Tuple[str, ...]:
        return tuple(file.name for file in self.files)


def find_layout(path: Path) -> Place:
    """The place of the layout that ``path`` names: the file, its directory, or a copy of ``/var/lib/rear``."""
    real = path.resolve()
    if real.is_dir():
        inside = [real / sub / LAYOUT_NAME for sub in ("", "layout", "var/lib/rear/layout")]
        found = [candidate for candidate in inside if candidate.is_file()]
        if not found:
            raise ForeignRejected(str(path), [Problem(f"no {LAYOUT_NAME} here", f"{path}:1",
                                                      hint="give the file itself, or /var/lib/rear/layout")])
        real = found[0]
    layout = real.parent
    base = layout.parent if layout.name == "layout" and (layout.parent / "recovery").is_dir() \
        and not (layout.parent / "recovery").is_symlink() else None
    return Place(layout, real.name, base)


def read_side(place: Place, path: str, reading: Reading) -> Optional[SourceFile]:
    """A side file, remembered as read; None if it is not there. ``recovery/...`` is beside the layout directory."""
    root = place.base if path.startswith("recovery/") else place.layout
    source = read_optional(root, path) if root is not None else None
    return reading.add(source) if source else None


def read_layout(place: Place, reading: Reading) -> SourceFile:
    return reading.add(read_source(place.layout, place.name))


def list_unread(place: Place, reading: Reading, ledger: Ledger) -> None:
    """Name every file of ReaR that lies there and was not read.

    Beside a layout file that somebody copied elsewhere, only names that ReaR uses are ReaR's.
    """
    names = list(list_files(place.layout))
    if place.base is not None:
        names += [f"recovery/{name}" for name in list_files(place.base / "recovery")]
    for name in names:
        known = name in WHY_NOT or name.startswith(("lvm/", "xfs/", "config/"))
        if name not in reading.names and (known or place.layout.name == "layout"):
            ledger.left(name, "side file", WHY_NOT.get(name, "not read"))


def wwns(source: Optional[SourceFile]) -> Dict[str, Tuple[str, str]]:
    """Device path → (WWN or EUI, place), from the names in /dev/disk/by-id that ReaR keeps."""
    found: Dict[str, Tuple[str, str]] = {}
    for number, line in lines_of(source) if source else ():
        words = line.split()
        match = re.fullmatch(r"(?:wwn-(0x[0-9a-f]{16,32})|nvme-(eui\.[0-9a-f]{16,32}))", words[0]) \
            if len(words) == 2 else None
        if match and source:
            found.setdefault(words[1], (match.group(1) or match.group(2), f"{source.name}:{number}"))
    return found


def wwids(source: Optional[SourceFile]) -> Dict[str, str]:
    """Device path of a multipath map → its WWID, from the same names."""
    found: Dict[str, str] = {}
    for _, line in lines_of(source) if source else ():
        words = line.split()
        match = re.fullmatch(r"dm-uuid-mpath-([0-9A-Za-z._-]{8,64})", words[0]) if len(words) == 2 else None
        if match:
            found.setdefault(words[1], match.group(1))
    return found


def signatures(source: Optional[SourceFile]) -> Dict[str, Tuple[str, str]]:
    """Device path → (MBR signature, place), from the ``sfdisk --dump`` that ReaR's BLOCKCLONE keeps."""
    facts: Dict[str, Tuple[str, str]] = {}
    for number, line in lines_of(source, tabs=True) if source else ():
        name, colon, value = line.partition(":")
        if colon and name in ("label", "label-id", "device") and source:
            facts[name] = (value.strip(), f"{source.name}:{number}")
    ident = facts.get("label-id", ("", ""))
    if facts.get("label", ("",))[0] != "dos" or "device" not in facts \
            or not re.fullmatch(r"0x[0-9a-fA-F]{8}", ident[0]):
        return {}
    return {facts["device"][0]: (ident[0].lower(), ident[1])}


def bootloader(source: Optional[SourceFile]) -> Optional[Tuple[str, str]]:
    """(name of the boot loader in capitals, place) as ReaR guessed or was told it."""
    for number, line in lines_of(source) if source else ():
        if line.strip() and source:
            return line.strip().upper(), f"{source.name}:{number}"
    return None
