"""File systems and swap areas of a ReaR layout as records."""

from __future__ import annotations

import re
from typing import Callable, Dict, List, Mapping, Optional, Set, Tuple

from sif.capture.filesystems import NotDescribed, Signature, describe_xfs
from sif.capture.mounts import mount_id
from sif.convert.errors import ForeignRejected
from sif.convert.identity import GUID, Identities, section_id
from sif.convert.rear_btrfs import TYPE, BtrfsPart, convert_btrfs
from sif.convert.rear_layer_lines import NoCowLine, SubvolumeLine
from sif.convert.rear_lines import FsLine, Layout, SwapLine
from sif.convert.rear_words import BadWords
from sif.convert.report import Ledger
from sif.convert.sources import SourceFile, decode, lines_of
from sif.model import Btrfs, FileSystem, FsType, Ref, Subvolume, Swap
from sif.plain import dataclass, replace
from sif.problems import Problem

_SERIAL = re.compile(r"[0-9A-Fa-f]{4}-?[0-9A-Fa-f]{4}")
_CARRIED = frozenset({"uuid", "label", "options"})
_EXT = (FsType.EXT2, FsType.EXT3, FsType.EXT4)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,17}")


@dataclass(frozen=True)
class ContentPart:
    """What lies on partitions and volumes."""

    filesystems: Tuple[FileSystem, ...]
    swaps: Tuple[Swap, ...]
    btrfs: Tuple[Btrfs, ...] = ()
    subvolumes: Tuple[Subvolume, ...] = ()


@dataclass(frozen=True)
class Ground:
    """What file systems stand on: section ids and sizes in bytes by device path, and ``xfs_info`` files."""

    ids: Mapping[str, str]
    size_of: Callable[[str], Optional[int]]
    xfs: Mapping[str, SourceFile]


def xfs_name(device: str) -> str:
    """The side file in which ReaR keeps what ``xfs_info`` says of a device."""
    return f"xfs/{device.rpartition('/')[2]}.xfs"


def convert_content(layout: Layout, ground: Ground, identities: Identities, ledger: Ledger) -> ContentPart:
    """The records; what has no kind, or no device under it, goes to the ledger. Raises ForeignRejected."""
    found: List[FileSystem] = []
    swaps: List[Swap] = []
    parts: List[BtrfsPart] = []
    taken: Set[str] = set()
    used: Dict[str, str] = {}
    problems: List[Problem] = []
    for line in layout.components:
        if not isinstance(line, (FsLine, SwapLine)):
            continue
        subject = f"{line.type} on {line.device}" if isinstance(line, FsLine) else f"swap on {line.device}"
        device = ground.ids.get(line.device)
        if not line.device.startswith("/dev/"):
            ledger.lost(line.line.where, subject, "a swap file: ReaR does not record its length", line.line.text)
        elif device is None:
            ledger.lost(line.line.where, subject, "it lies on a device that is not carried", line.line.text)
        elif isinstance(line, FsLine) and line.type not in (TYPE, *(kind.value for kind in FsType)):
            ledger.lost(line.line.where, subject, "a set has no such file system", line.line.text)
        elif device in used:
            problems.append(Problem(f"{line.device} already holds something", line.line.where, line.line.text,
                                    hint=f"the other one is in {used[device]}"))
        else:
            used[device] = line.line.where
            try:
                if isinstance(line, FsLine) and line.type == TYPE:
                    parts.append(convert_btrfs(line, device, layout, identities, ledger, taken))
                elif isinstance(line, FsLine):
                    found.append(_fs(line, device, ground, identities, ledger, taken))
                else:
                    swaps.append(_swap(line, device, len(swaps), identities, ledger))
            except BadWords as error:
                problems.append(Problem(error.what, line.line.where, error.found, error.wanted))
    if problems:
        raise ForeignRejected(problems[0].where.rpartition(":")[0], problems)
    subvolumes = tuple(subvolume for part in parts for subvolume in part.subvolumes)
    _unplaced(layout, ground, {subvolume.path for subvolume in subvolumes}, ledger)
    return ContentPart(tuple(found), tuple(swaps), tuple(part.btrfs for part in parts), subvolumes)


def _unplaced(layout: Layout, ground: Ground, paths: Set[str], ledger: Ledger) -> None:
    """Lines about subvolumes of a btrfs that is not carried."""
    devices = {c.device for c in layout.components
               if isinstance(c, FsLine) and c.type == TYPE and c.device in ground.ids}
    for line in layout.components:
        if isinstance(line, SubvolumeLine) and line.device not in devices:
            ledger.lost(line.line.where, line.line.keyword, "its btrfs is not carried", line.line.text)
        elif isinstance(line, NoCowLine) and line.path not in paths:
            ledger.lost(line.line.where, line.line.keyword, "no carried subvolume has this path", line.line.text)


def _fs(line: FsLine, device: str, ground: Ground, identities: Identities, ledger: Ledger,
        taken: Set[str]) -> FileSystem:
    where, kind, facts = line.line.where, FsType(line.type), line.facts
    ident = section_id(mount_id(line.mount), taken)
    ledger.place("FS", ident, where)
    uuid = _fs_uuid(line, kind, ident, identities, ledger)
    made = FileSystem(id=ident, device=Ref(device), type=kind, uuid=uuid, label=facts.get("label") or None,
                      mount=line.mount, options=facts.get("options") or None)
    if made.options:
        ledger.assumed(where, f"{ident} options", "the options it was mounted with stand in for those of fstab",
                       made.options)
    if kind in _EXT:
        return _ext(made, line, ground, ledger)
    for name, value in facts.items():
        if name not in _CARRIED:
            ledger.left(where, f"{ident} {name}", "no key of a set for this type of file system", f"{name}={value}")
    if kind is FsType.XFS:
        return _xfs(made, line, ground, ledger)
    ledger.left(where, f"{ident} block_size, sector_size, fat_bits", "ReaR does not record them; mkfs.fat chooses")
    return made


def _fs_uuid(line: FsLine, kind: FsType, ident: str, identities: Identities, ledger: Ledger) -> str:
    text = line.facts.get("uuid", "")
    fat = kind is FsType.VFAT
    if not text:
        ledger.generated(line.line.where, f"{ident} uuid", "this line has no UUID")
        return identities.fat_serial(f"fs:{line.device}") if fat else identities.uuid(f"fs:{line.device}")
    if not (_SERIAL if fat else GUID).fullmatch(text):
        raise BadWords(f"not a UUID of {kind.value}", text, "XXXX-XXXX" if fat else "8-4-4-4-12 hexadecimal digits")
    return f"{text[:4]}-{text[-4:]}".upper() if fat else text.lower()


def _number(facts: Mapping[str, str], name: str) -> Optional[int]:
    value = facts.get(name, "")
    if value and not _NUMBER.fullmatch(value):
        raise BadWords(f"{name} is not a number", value)
    return int(value) if value else None


def _ext(fs: FileSystem, line: FsLine, ground: Ground, ledger: Ledger) -> FileSystem:
    where, facts = line.line.where, line.facts
    block = _number(facts, "blocksize")
    size = ground.size_of(fs.device)
    blocks = size // block if size and block else None
    fs = replace(fs, block_size=block, blocks=blocks)
    if blocks is not None:
        ledger.assumed(where, f"{fs.id} blocks", f"{blocks} blocks: the file system fills its device")
    reserved = facts.get("reserved_blocks", "")
    if reserved.endswith("%"):
        percent = _number({"reserved_blocks": reserved[:-1]}, "reserved_blocks") or 0
        if percent > 50:
            raise BadWords("reserved_blocks is not a percentage", reserved, "0% to 50%")
        if blocks is None:
            ledger.left(where, f"{fs.id} reserved_blocks", "the block size is not stated", reserved)
        else:
            fs = replace(fs, reserved_blocks=blocks * percent // 100)
            ledger.assumed(where, f"{fs.id} reserved_blocks", f"{fs.reserved_blocks} blocks: ReaR records whole "
                           "percents only", reserved)
    elif reserved:
        fs = replace(fs, reserved_blocks=_number(facts, "reserved_blocks"))
    parameters = _ext_parameters(facts)
    for name, value in facts.items():
        if name not in _CARRIED and name not in ("blocksize", "reserved_blocks", *_EXT_FACTS):
            ledger.left(where, f"{fs.id} {name}", "a set has no key for it", f"{name}={value}")
    if "inode_ratio" in dict(word.split("=", 1) for word in parameters):
        ledger.assumed(where, f"{fs.id} inode_ratio", "as many inodes as mke2fs makes of this ratio",
                       f"bytes_per_inode={facts['bytes_per_inode']}")
    fs = replace(fs, parameters=parameters)
    ledger.left(where, f"{fs.id} features, inode_size, inodes", "ReaR does not record them; mke2fs chooses")
    return fs


_EXT_FACTS = ("bytes_per_inode", "max_mounts", "check_interval", "default_mount_options")
"""What ReaR records of an ext file system that is a parameter in a set. Source: ReaR, 230_filesystem_layout.sh."""
_INTERVAL = re.compile(r"(0|[1-9][0-9]{0,8})([dwm]?)")
_INTERVAL_SECONDS = {"": 86400, "d": 86400, "w": 7 * 86400, "m": 30 * 86400}
_MOUNT_OPTIONS = re.compile(r"[a-z_]+(?:,[a-z_]+)*")


def _ext_parameters(facts: Mapping[str, str]) -> Tuple[str, ...]:
    """FS.parameters in the order of a capture's. What is off is left out, as there."""
    found: List[str] = []
    options = facts.get("default_mount_options", "")
    if options and not _MOUNT_OPTIONS.fullmatch(options):
        raise BadWords("default_mount_options are not mount options", options)
    if options and options != "none":
        found.append(f"mount_options={options}")
    mounts = facts.get("max_mounts", "")
    if mounts != "-1" and _number(facts, "max_mounts"):
        found.append(f"max_mounts={int(mounts)}")
    interval = facts.get("check_interval", "")
    match = _INTERVAL.fullmatch(interval)
    if interval and not match:
        raise BadWords("check_interval is not a time", interval, "a number of days, as in 180d")
    if match and int(match.group(1)):
        found.append(f"check_seconds={int(match.group(1)) * _INTERVAL_SECONDS[match.group(2)]}")
    ratio = _number(facts, "bytes_per_inode")
    if ratio:
        found.append(f"inode_ratio={max(ratio, 1024)}")
    return tuple(found)


def _xfs(fs: FileSystem, line: FsLine, ground: Ground, ledger: Ledger) -> FileSystem:
    source = ground.xfs.get(line.device)
    if source is None:
        ledger.left(line.line.where, f"{fs.id} block_size, sector_size, inode_size, blocks, features",
                    f"the side file {xfs_name(line.device)} is missing; mkfs.xfs chooses")
        return fs
    lines_of(source, tabs=True)
    try:
        made = describe_xfs(decode(source), fs.device, Signature(type="xfs", uuid=fs.uuid, label=fs.label or ""))
    except NotDescribed as error:
        ledger.lost(f"{source.name}:1", f"xfs on {line.device}", str(error))
        return fs
    except (KeyError, ValueError) as error:
        raise ForeignRejected(source.name, [Problem("not the output of xfs_info", f"{source.name}:1",
                                                    f"no {error}", "xfs_info MOUNTPOINT")]) from error
    return replace(made, id=fs.id, mount=fs.mount, options=fs.options)


def _swap(line: SwapLine, device: str, number: int, identities: Identities, ledger: Ledger) -> Swap:
    where, text = line.line.where, line.facts.get("uuid", "")
    ident = f"swap{number}"
    ledger.place("SWAP", ident, where)
    if text and not GUID.fullmatch(text):
        raise BadWords("not a UUID of a swap area", text, "8-4-4-4-12 hexadecimal digits")
    if not text:
        ledger.generated(where, f"{ident} uuid", "this line has no UUID")
    ledger.assumed(where, f"{ident} page_bytes", "pages of 4096 bytes")
    for name, value in line.facts.items():
        if name not in ("uuid", "label"):
            ledger.left(where, f"{ident} {name}", "a set has no key for it", f"{name}={value}")
    return Swap(id=ident, device=Ref(device), uuid=text.lower() or identities.uuid(f"swap:{line.device}"),
                label=line.facts.get("label") or None)
