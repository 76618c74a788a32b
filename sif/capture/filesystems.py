"""File systems and swap: what is needed to make each one again, read from the device itself."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Dict, Mapping, Optional, Tuple, Union

from sif import look
from sif.capture.ext import ENCODING_FLAGS, describe_ext as describe_ext, with_encoding_flags
from sif.capture.fat_ntfs_f2fs import (
    F2FS_SUPERBLOCK,
    describe_f2fs as describe_f2fs,
    describe_ntfs as describe_ntfs,
    describe_vfat as describe_vfat,
)
from sif.capture.signature import (
    NotDescribed as NotDescribed,
    Signature as Signature,
    parse_blkid as parse_blkid,
    probe_signature as probe_signature,
)
from sif.model import FileSystem, FsType, Ref, Swap
from sif.run import run

_SECONDS = 60.0
_PAGE_SIZES = (4096, 8192, 16384, 32768, 65536)


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
    if kind is FsType.NTFS:
        return describe_ntfs(look.data(path, 512), device_id, signature)
    if kind is FsType.F2FS:
        offset, length = F2FS_SUPERBLOCK
        return describe_f2fs(look.data(path, length, offset), device_id, signature)
    fs = describe_ext(look.run(["dumpe2fs", "-h", path], timeout=_SECONDS).stdout, device_id, signature)
    if "casefold" not in fs.features:
        return fs
    offset, length = ENCODING_FLAGS
    return with_encoding_flags(fs, look.data(path, length, offset))


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


def describe_swap(head: bytes, device_id: str, signature: Signature) -> Swap:
    """A swap area as a record; ``head`` is its first 64 KiB."""
    page = swap_page_bytes(head)
    return Swap(id=f"swap_{device_id}", device=Ref(device_id), uuid=signature.uuid.lower(),
                label=signature.label or None, page_bytes=page)


def swap_page_bytes(head: bytes) -> int:
    """The page size of a swap area: where its signature ends. Raises NotDescribed if it has none."""
    for size in _PAGE_SIZES:
        if len(head) >= size and head[:size].endswith((b"SWAPSPACE2", b"S1SUSPEND\0")):
            return size
    raise NotDescribed("a swap area of an unknown version")


Content = Union[FileSystem, Swap]
"""What a partition or volume can hold that is made again."""


def probe_content(path: str, device_id: str, signature: Signature) -> Optional[Content]:
    """What is on a device, as a record; None if there is nothing, or nothing that is made again.

    Raises NotDescribed for a file system whose layout can't be made again.
    """
    if signature.type == "swap":
        return describe_swap(look.data(path, _PAGE_SIZES[-1]), device_id, signature)
    return probe_filesystem(path, device_id, signature) if supported(signature) else None
