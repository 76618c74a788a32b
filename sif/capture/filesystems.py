"""File systems and swap: what is needed to make each one again, read from the device itself."""

from __future__ import annotations

import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple, Union

from sif import look
from sif.model import FileSystem, FsType, Ref, Swap
from sif.run import run

_SECONDS = 60.0
_BLKID_NOTHING, _BLKID_AMBIVALENT = 2, 8
"""Exit statuses of a low-level probe: nothing found; several signatures that contradict each other."""
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)
_TRANSIENT_EXT = frozenset({"needs_recovery", "orphan_present", "recovery_needed"})
"""ext features that say what state the file system is in, not how it was made."""


class NotDescribed(ValueError):
    """A file system of a supported type that is laid out in a way that can't be made again."""


@dataclass(frozen=True)
class Signature:
    """What ``blkid`` found on a device; ``type`` is empty when there is nothing, ``clash`` when there is too much."""

    type: str = ""
    usage: str = ""
    uuid: str = ""
    label: str = ""
    version: str = ""
    clash: bool = False


def parse_blkid(text: str) -> Signature:
    """The output of ``blkid --probe --output export``."""
    found: Dict[str, str] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            # export output escapes shell characters with a backslash.
            found[name] = re.sub(r"\\(.)", r"\1", value)
    return Signature(type=found.get("TYPE", ""), usage=found.get("USAGE", ""), uuid=found.get("UUID", ""),
                     label=found.get("LABEL", found.get("LABEL_FATBOOT", "")), version=found.get("VERSION", ""))


def probe_signature(path: str) -> Signature:
    """What is on a device, read from the device and not from a cache. Raises CommandFailed when it can't be read."""
    result = look.run(["blkid", "--probe", "--output", "export", path], timeout=_SECONDS,
                 ok=(0, _BLKID_NOTHING, _BLKID_AMBIVALENT))
    return Signature(clash=True) if result.status == _BLKID_AMBIVALENT else parse_blkid(result.stdout)


def supported(signature: Signature) -> bool:
    """Whether this version can make such a file system again."""
    return signature.type in {kind.value for kind in FsType}


def made_again(signature: Signature) -> bool:
    """Whether what is on a device is described and made again by a restore: a known file system, or swap."""
    return signature.type == "swap" or supported(signature)


def probe_filesystem(path: str, device_id: str, signature: Signature) -> FileSystem:
    """The file system on a device, named ``fs_<device id>``; ``signature.type`` must be a supported one."""
    kind = FsType(signature.type)
    if kind is FsType.XFS:
        return describe_xfs(_xfs_info(path), device_id, signature)
    if kind is FsType.VFAT:
        return describe_vfat(look.data(path, 512), device_id, signature)
    return describe_ext(look.run(["dumpe2fs", "-h", path], timeout=_SECONDS).stdout, device_id, signature)


def _xfs_info(path: str) -> str:
    """What ``xfs_info`` says, asked in a way that opens the device for reading only.

    xfs_info itself opens one that is not mounted for writing, which udev takes for a change of the device.
    """
    def answer() -> Tuple[int, str, str]:
        argv = ["xfs_info", path] if _is_mounted(path) else ["xfs_db", "-r", "-c", "info", path]
        done = run(argv, timeout=_SECONDS)
        return done.status, done.stdout, done.stderr
    return look.ask("run", (["xfs_info", path],), answer)[1]


def _is_mounted(path: str) -> bool:
    real = os.path.realpath(path)
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace")
    sources = (line.split(" ", 1)[0] for line in mounts.splitlines())
    return any(os.path.realpath(source) == real for source in sources if source.startswith("/dev/"))


def fs_id(device_id: str) -> str:
    return f"fs_{device_id}"


def describe_ext(text: str, device_id: str, signature: Signature) -> FileSystem:
    """``dumpe2fs -h`` as a record."""
    facts = dict(re.findall(r"^([^:\n]+):[ \t]*(.*)$", text, re.MULTILINE))
    if "Journal UUID" in facts or "journal_dev" in facts["Filesystem features"].split():
        raise NotDescribed("its journal is on another device")
    block = int(facts["Block size"])
    features = tuple(f for f in facts["Filesystem features"].split() if f not in _TRANSIENT_EXT)
    return FileSystem(
        id=fs_id(device_id), device=Ref(device_id), type=FsType(signature.type), uuid=signature.uuid.lower(),
        label=signature.label or None, block_size=block, inode_size=int(facts["Inode size"]),
        inodes=int(facts["Inode count"]), blocks=int(facts["Block count"]),
        reserved_blocks=int(facts["Reserved block count"]), features=features,
        used_bytes=(int(facts["Block count"]) - int(facts["Free blocks"])) * block)


_XFS_FEATURES = {
    "meta-data": ("agcount", "agsize", "attr", "projid32bit", "crc", "finobt", "sparse", "rmapbt", "reflink", "bigtime",
                  "inobtcount", "nrext64", "exchange", "metadir"),
    "data": ("imaxpct", "sunit", "swidth"),
    "naming": ("version", "ascii-ci", "ftype", "parent"),
    "log": ("blocks", "version", "sectsz", "sunit", "lazy-count"),
}
_XFS_PREFIX = {"meta-data": "", "data": "", "naming": "naming_", "log": "log_"}


def parse_xfs_info(text: str) -> Mapping[Tuple[str, str], int]:
    """``xfs_info`` as (section, name) → number; sections are meta-data, data, naming, log, realtime."""
    facts: Dict[Tuple[str, str], int] = {}
    section = ""
    for line in text.splitlines():
        head = re.match(r"([a-z-]+)\s*=", line)
        if head:
            section = head.group(1)
        version = re.search(r"=version (\d+)", line)
        if version and section == "naming":
            facts[section, "version"] = int(version.group(1))
        for name, value in re.findall(r"([a-z][a-z0-9-]*)=(\d+)", line.partition("=")[2]):
            facts[section, name] = int(value)
    return facts


def describe_xfs(text: str, device_id: str, signature: Signature) -> FileSystem:
    """``xfs_info`` as a record; what has no key of its own goes to ``features`` as ``name=value``."""
    facts = parse_xfs_info(text)
    for section, inside in (("log", "internal"), ("realtime", "none")):
        if not re.search(rf"^{section}\s*={inside}", text, re.MULTILINE):
            raise NotDescribed(f"its {section} section is on another device")
    features = tuple(
        f"{_XFS_PREFIX[section]}{name}={facts[section, name]}"
        for section, names in _XFS_FEATURES.items() for name in names if (section, name) in facts)
    return FileSystem(
        id=fs_id(device_id), device=Ref(device_id), type=FsType.XFS, uuid=signature.uuid.lower(),
        label=signature.label or None, block_size=facts["data", "bsize"], sector_size=facts["meta-data", "sectsz"],
        inode_size=facts["meta-data", "isize"], blocks=facts["data", "blocks"], features=features)


def describe_vfat(boot_sector: bytes, device_id: str, signature: Signature) -> FileSystem:
    """The BIOS parameter block of a FAT file system as a record. Source: Microsoft's FAT specification, 3.1."""
    sector, = struct.unpack_from("<H", boot_sector, 11)
    per_cluster = boot_sector[13]
    bits = int(signature.version.replace("FAT", "") or "0")
    return FileSystem(
        id=fs_id(device_id), device=Ref(device_id), type=FsType.VFAT, uuid=signature.uuid.upper(),
        label=signature.label or None, block_size=sector * per_cluster, sector_size=sector, fat_bits=bits or None)


def describe_swap(head: bytes, device_id: str, signature: Signature) -> Swap:
    """A swap area as a record; ``head`` is its first 64 KiB. The page size is where the signature ends."""
    page = next((size for size in _PAGE_SIZES if head[:size].endswith(b"SWAPSPACE2")), 0)
    if not page:
        raise NotDescribed("a swap area of an unknown version")
    return Swap(id=f"swap_{device_id}", device=Ref(device_id), uuid=signature.uuid.lower(),
                label=signature.label or None, page_bytes=page)


Content = Union[FileSystem, Swap]
"""What a partition or volume can hold that is made again."""


def probe_content(path: str, device_id: str, signature: Signature) -> Optional[Content]:
    """What is on a device, as a record; None if there is nothing, or nothing that is made again.

    Raises NotDescribed for a file system whose layout can't be made again.
    """
    if signature.type == "swap":
        return describe_swap(look.data(path, _PAGE_SIZES[-1]), device_id, signature)
    return probe_filesystem(path, device_id, signature) if supported(signature) else None
