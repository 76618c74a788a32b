"""Is a file system as its mkfs left it: whole, empty and never mounted. Only reads.

Sources: e2fsck(8), dumpe2fs(8), debugfs(8); xfs_repair(8), xfs_db(8); fsck.fat(8); ntfsfix(8), ntfsls(8); fsck.f2fs(8),
dump.f2fs(8); btrfs-check(8).
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from enum import Enum
from pathlib import Path
from typing import Collection, Iterator, Sequence

from rescue.storage.mkfs import EXT
from sif.errors import CommandFailed
from sif.model import FileSystem, FsType
from sif.run import run

_TIMEOUT = 600.0


class Freshness(Enum):
    """What a look at a file system says: as mkfs left it; used or with files in it; neither (cut short, damaged)."""

    MADE = "made"
    USED = "used"
    BROKEN = "broken"


def look(fs: FileSystem, node: str) -> Freshness:
    """Whether the file system on a node is as its mkfs left it. What its tools cannot read is broken."""
    try:
        # Some checkers look behind a signature that was erased.
        if _said("blkid", "-p", "-s", "TYPE", "-o", "value", node).strip() != fs.type.value:
            return Freshness.BROKEN
        if fs.type in EXT:
            return _ext(node)
        if fs.type is FsType.VFAT:
            return _fat(node, fs)
        return {FsType.XFS: _xfs, FsType.NTFS: _ntfs, FsType.F2FS: _f2fs}[fs.type](node)
    except CommandFailed:
        return Freshness.BROKEN


def look_at_btrfs(nodes: Sequence[str], paths: Collection[str]) -> Freshness:
    """The same for a btrfs on those nodes: as made it has nothing but its subvolumes, at ``paths``."""
    try:
        with _mounted_readonly(nodes) as top:
            unused = only_directories(top, paths)
        return _verdict(unused, "btrfs", "check", "--readonly", nodes[0])
    except (CommandFailed, OSError):
        return Freshness.BROKEN


def only_directories(top: Path, paths: Collection[str]) -> bool:
    """Whether a tree has no other entries than those directories and what is above them."""
    wanted = {parent for path in paths for parent in (Path(path), *Path(path).parents)}
    for folder, folders, files in os.walk(top, onerror=_give_up):
        here = Path(folder).relative_to(top)
        if files or any(here / name not in wanted for name in folders):
            return False
    return True


# What the tools say (pure)

def never_mounted(dumped: str) -> bool:
    """Whether ``dumpe2fs -h`` shows a file system that no kernel has mounted yet."""
    facts = dict(re.findall(r"^([^:\n]+):[ \t]*(.*)$", dumped, re.MULTILINE))
    return (facts.get("Last mount time"), facts.get("Mount count")) == ("n/a", "0")


def empty_ext_root(listed: str) -> bool:
    """Whether debugfs's ``ls -p /`` shows nothing but lost+found."""
    names = {line.split("/")[5] for line in listed.splitlines() if line.count("/") >= 7}
    return names == {".", "..", "lost+found"}


def empty_xfs_root(listed: str) -> bool:
    """Whether xfs_db's ``ls`` shows no entries in a directory."""
    names = [line.split()[5] for line in listed.splitlines() if line.endswith("(good)") and len(line.split()) >= 7]
    return sorted(names) == [".", ".."]


def empty_fat(checked: str, fs: FileSystem) -> bool:
    """Whether ``fsck.fat`` counts nothing but the label, and of FAT32 the root directory."""
    found = re.search(r"(\d+) files, (\d+)/\d+ clusters", checked)
    return found is not None and (int(found.group(1)), int(found.group(2))) == (
        1 if fs.label else 0, 1 if fs.fat_bits == 32 else 0)


# Asking

def _ext(node: str) -> Freshness:
    unused = never_mounted(_said("dumpe2fs", "-h", node)) and empty_ext_root(_said("debugfs", "-R", "ls -p /", node))
    return _verdict(unused, "e2fsck", "-f", "-n", node)


def _xfs(node: str) -> Freshness:
    # No kernel has written a log sequence number into the superblock of a file system that was never mounted.
    unused = "lsn = 0\n" in _said("xfs_db", "-r", "-c", "sb 0", "-c", "p lsn", node) \
        and empty_xfs_root(_said("xfs_db", "-r", "-c", "path /", "-c", "ls", node))
    return _verdict(unused, "xfs_repair", "-n", node)


def _fat(node: str, fs: FileSystem) -> Freshness:
    checked = run(("fsck.fat", "-n", node), timeout=_TIMEOUT, check=False)
    if not empty_fat(checked.stdout, fs):
        return Freshness.USED
    return Freshness.MADE if checked.ok else Freshness.BROKEN


def _ntfs(node: str) -> Freshness:
    return _verdict(not _said("ntfsls", "--force", node).strip(), "ntfsfix", "--no-action", node)


def _f2fs(node: str) -> Freshness:
    unused = re.search(r"valid_inode_count\s+\[0x\s*1 : 1\]", _said("dump.f2fs", "-d", "1", node))
    return _verdict(bool(unused), "fsck.f2fs", "--dry-run", node)


def _verdict(unused: bool, *checker: str) -> Freshness:
    """What the checker (asked only of one that seems unused: it reads everything) makes of a file system.

    A damaged one that seems unused is one that was cut short.
    """
    if not unused:
        return Freshness.USED
    return Freshness.MADE if run(checker, timeout=_TIMEOUT, check=False).ok else Freshness.BROKEN


def _said(*argv: str) -> str:
    return run(argv, timeout=_TIMEOUT).stdout


@contextmanager
def _mounted_readonly(nodes: Sequence[str]) -> Iterator[Path]:
    run(("btrfs", "device", "scan", *nodes), timeout=_TIMEOUT)
    with tempfile.TemporaryDirectory(prefix="lifeboat-btrfs-") as place:
        run(("mount", "-t", "btrfs", "-o", "ro,subvolid=5,rescue=nologreplay", nodes[0], place), timeout=_TIMEOUT)
        try:
            yield Path(place)
        finally:
            run(("umount", place), timeout=_TIMEOUT)


def _give_up(error: OSError) -> None:
    raise error
