"""Options that make a file system the way the saved one was made. Pure: records in, options out.

Sources: mke2fs(8), mkfs.xfs(8), mkfs.fat(8), mkntfs(8), mkfs.f2fs(8).
The programs are run directly: libblockdev would ask each for its version first, and forks the whole agent each time.
"""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from rescue.storage import ext_options, fat_ntfs_f2fs
from rescue.storage.errors import RebuildFailed
from sif.model import FileSystem, FsType

EXT = (FsType.EXT2, FsType.EXT3, FsType.EXT4)

_EXT_STATES = frozenset({"needs_recovery", "orphan_present"})
"""Features that say what state an ext file system is in, not how it was made."""

_XFS_OPTION = {
    "crc": "-m crc", "finobt": "-m finobt", "rmapbt": "-m rmapbt", "reflink": "-m reflink", "bigtime": "-m bigtime",
    "inobtcount": "-m inobtcount", "metadir": "-m metadir", "sparse": "-i sparse", "nrext64": "-i nrext64",
    "exchange": "-i exchange", "projid32bit": "-i projid32bit", "attr": "-i attr", "imaxpct": "-i maxpct",
    "sunit": "-d sunit", "swidth": "-d swidth", "agsize": "-d agsize", "naming_ftype": "-n ftype",
    "naming_parent": "-n parent", "naming_version": "-n version", "log_blocks": "-l size",
    "log_version": "-l version", "log_sectsz": "-l sectsize", "log_sunit": "-l sunit",
    "log_lazy-count": "-l lazy-count",
}
"""The option of mkfs.xfs that sets a property as ``sif.capture`` names it."""

_XFS_FOLLOWS = frozenset({"agcount", "naming_ascii-ci"})
"""Properties that follow from others: the number of groups from their size, case folding from the version."""

_XFS_BLOCKS = frozenset({"agsize", "log_blocks"})
"""Given to mkfs.xfs as a number of file system blocks."""

_XFS_STRIPES = frozenset({"sunit", "swidth", "log_sunit"})
"""xfs_info shows these in file system blocks, mkfs.xfs takes sectors of 512 bytes."""

_XFS_ONLY_WHEN_SET = frozenset({*_XFS_STRIPES, "exchange", "naming_parent", "metadir"})
"""Zero is what mkfs.xfs does without the option; older versions do not know some of the options at all."""


_XFS_SMALL, _XFS_SMALL_LOG = 300 << 20, 64 << 20


_PROGRAM = {FsType.VFAT: ("mkfs.vfat", "--mbr=no"), FsType.NTFS: ("mkntfs",)}
"""Programs that are not just ``mkfs.`` and the type. A FAT on a whole disk gets no partition table."""


def command(fs: FileSystem, device: str) -> Tuple[str, ...]:
    """The program that makes the file system, and its arguments."""
    words = [word for option, value in extra_arguments(fs).items() for word in (option, value) if word]
    size = fat_ntfs_f2fs.size_argument(fs)
    if fs.type in EXT and fs.blocks is not None and fs.block_size is not None:
        size = (str(fs.blocks),)
    return (*_PROGRAM.get(fs.type, (f"mkfs.{fs.type.value}",)), *words, device, *size)


def extra_arguments(fs: FileSystem) -> Dict[str, str]:
    """The arguments for the file system's mkfs, beyond the device."""
    if fs.type in EXT:
        return _ext(fs)
    if fs.type is FsType.XFS:
        return _xfs(fs)
    return _given({FsType.VFAT: fat_ntfs_f2fs.vfat, FsType.NTFS: fat_ntfs_f2fs.ntfs,
                   FsType.F2FS: fat_ntfs_f2fs.f2fs}[fs.type](fs))


def _ext(fs: FileSystem) -> Dict[str, str]:
    # `none` first, so that nothing comes from the mke2fs.conf of the rescue system.
    features = ",".join(["none", *(f for f in fs.features if f not in _EXT_STATES)]) if fs.features else None
    return _given({"-q": "", "-F": "", "-U": fs.uuid, "-L": fs.label, "-b": fs.block_size, "-I": fs.inode_size,
                   "-N": fs.inodes, "-O": features, **ext_options.mke2fs_arguments(fs)})


def _xfs(fs: FileSystem) -> Dict[str, str]:
    groups: Dict[str, List[str]] = {"-m": [f"uuid={fs.uuid}"], "-i": [], "-d": [], "-l": [], "-n": []}
    if fs.inode_size:
        groups["-i"].append(f"size={fs.inode_size}")
    if fs.blocks:
        groups["-d"].append(f"size={fs.blocks}b")
    for name, value in properties(fs):
        option = _XFS_OPTION.get(name)
        if option is None and name not in _XFS_FOLLOWS:
            raise RebuildFailed("a property of an XFS file system is unknown", where=f"FS {fs.id}, features",
                                found=f"{name}={value}", wanted=", ".join(sorted(_XFS_OPTION)),
                                hint="use a rescue system that knows it")
        if option and not (value == "0" and name in _XFS_ONLY_WHEN_SET):
            letter, _, word = option.partition(" ")
            groups[letter].append(f"{word}={_xfs_value(fs, name, value)}")
    extra = {letter: ",".join(words) for letter, words in groups.items() if words}
    # Since xfsprogs 5.19 small file systems and logs, which older versions made, need this word.
    small = {"--unsupported": ""} if _small(fs) else {}
    return _given({**small, "-q": "", "-f": "", "-L": fs.label,
                   "-b": f"size={fs.block_size}" if fs.block_size else None,
                   "-s": f"size={fs.sector_size}" if fs.sector_size else None, **extra})


def _small(fs: FileSystem) -> bool:
    block = fs.block_size or 4096
    log = next((int(value) for name, value in properties(fs) if name == "log_blocks"), None)
    return (fs.blocks is not None and fs.blocks * block < _XFS_SMALL) or (log is not None
                                                                          and log * block < _XFS_SMALL_LOG)


def _xfs_value(fs: FileSystem, name: str, value: str) -> str:
    if name in _XFS_BLOCKS:
        return f"{value}b"
    if name in _XFS_STRIPES:
        return str(int(value) * (fs.block_size or 4096) // 512)
    return "ci" if name == "naming_version" and ("naming_ascii-ci", "1") in properties(fs) else value


def properties(fs: FileSystem) -> Tuple[Tuple[str, str], ...]:
    """The ``name=value`` features of an XFS file system, split."""
    return tuple((name, value) for name, _, value in (feature.partition("=") for feature in fs.features))


def ext_differences(fs: FileSystem, shown: str) -> Tuple[str, ...]:
    """How what ``dumpe2fs -h`` shows differs from the saved ext file system; empty when it is exact."""
    facts = dict(re.findall(r"^([^:\n]+):[ \t]*(.*)$", shown, re.MULTILINE))
    numbers = (("Block size", fs.block_size), ("Inode size", fs.inode_size), ("Inode count", fs.inodes),
               ("Block count", fs.blocks), ("Reserved block count", fs.reserved_blocks))
    found = [f"{name.lower()} is {facts.get(name)}, not {wanted}" for name, wanted in numbers
             if wanted is not None and facts.get(name) != str(wanted)]
    features = set(facts.get("Filesystem features", "").split()) - _EXT_STATES
    wanted_features = set(fs.features) - _EXT_STATES
    if fs.features and features != wanted_features:
        found.append("features differ in " + ", ".join(sorted(features ^ wanted_features)))
    return tuple(found)


def _given(options: "Dict[str, object]") -> Dict[str, str]:
    """Only the options that have a value, as text."""
    return {name: str(value) for name, value in options.items() if value is not None}
