"""Capturing another system's tree: where its file systems are mounted, which kernel it starts.

Of such a tree its own files count. What the running system mounts, configures or has in memory says nothing about it:
only hardware is taken from there.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, natural_key
from sif.capture.errors import CaptureFailed

_MODULES = ("/usr/lib/modules", "/lib/modules")
_NOT_THE_SYSTEMS = re.compile(r"rescue|recovery", re.IGNORECASE)


def offline() -> bool:
    """Whether the tree that is captured is another one than the running system's."""
    return tree() != "/"


def tree() -> str:
    """Where the tree that is captured lies; a recorded capture remembers it."""
    return look.ask("tree", (), look.root)


@dataclass(frozen=True)
class MountPoint:
    """One line of mountinfo: device number, the part of the file system that is mounted, where, type, source."""

    device: str
    part: str
    where: str
    type: str
    source: str


def parse_mountinfo(text: str) -> Tuple[MountPoint, ...]:
    """Every mount, later ones over earlier ones. Source: proc_pid_mountinfo(5)."""
    found: List[MountPoint] = []
    for line in text.splitlines():
        fields, _, more = line.partition(" - ")
        head, tail = fields.split(), more.split()
        if len(head) >= 5 and len(tail) >= 2:
            found.append(MountPoint(head[2], _unescaped(head[3]), _unescaped(head[4]), tail[0], _unescaped(tail[1])))
    return tuple(found)


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match.group(1), 8)), text)


def places(mounts: Sequence[MountPoint], root: str) -> Mapping[str, str]:
    """Source device → its place in the tree at ``root``, for whole file systems (no bind mounts)."""
    found: Dict[str, str] = {}
    for mount in mounts:
        if mount.part == "/" and (mount.where == root or mount.where.startswith(root.rstrip("/") + "/")):
            found.setdefault(mount.source, "/" + mount.where[len(root):].strip("/"))
    return found


def in_tree(devices: Sequence[BlockDevice]) -> Tuple[BlockDevice, ...]:
    """The devices with mount points as the captured system sees them; what is mounted elsewhere is not mounted.

    Raises CaptureFailed when nothing is mounted at the tree's root.
    """
    root = tree()
    by_source = {look.real(source): place for source, place in
                 places(parse_mountinfo(look.text("/proc/self/mountinfo")), root).items() if source.startswith("/dev/")}
    if "/" not in by_source.values():
        raise CaptureFailed("no disk's file system is mounted there", where=root,
                            wanted="the mount point of the root file system of the machine",
                            hint="mount it (read-only will do), and /boot and the others below it")
    return tuple(replace(device, mountpoint=by_source.get(look.real(device.path))) for device in devices)


def kernel_release() -> Optional[str]:
    """The newest kernel of the tree that has modules and an image; None if there is none."""
    images = set(look.entries("/boot"))
    found = []
    for folder in _MODULES:
        for release in look.entries(folder):
            here = {f"vmlinuz-{release}", f"vmlinux-{release}", f"kernel-{release}", f"Image-{release}"} & images
            if (here or look.exists(f"{folder}/{release}/vmlinuz")) and not _NOT_THE_SYSTEMS.search(release):
                found.append(release)
    return max(found, key=version_key) if found else None


def version_key(release: str) -> Tuple[Tuple[int, int, str], ...]:
    """Sort key of versions: numbers as numbers, and a release candidate before its release."""
    key = natural_key(re.sub(r"[~-]?rc(?=[0-9])", "\x01", posixpath.basename(release)))
    return (*key, (1, 0, "\x02"))
