"""Capturing another system's tree: where its file systems are mounted, which kernel it starts.

Of such a tree its own files count. What the running system mounts, configures or has in memory says nothing about it:
only hardware is taken from there.
"""

from __future__ import annotations

import posixpath
import re
from typing import Dict, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, natural_key
from sif.capture.errors import CaptureFailed
from sif.capture.mountinfo import read_mounts
from sif.later import regex
from sif.plain import replace

_MODULES = ("/usr/lib/modules", "/lib/modules")
_NOT_THE_SYSTEMS = regex(r"rescue|recovery", re.IGNORECASE)


def offline() -> bool:
    """Whether the tree that is captured is another one than the running system's."""
    return tree() != "/"


def tree() -> str:
    """Where the tree that is captured lies; a recorded capture remembers it."""
    return look.ask("tree", (), look.root)


def in_tree(devices: Sequence[BlockDevice]) -> Tuple[BlockDevice, ...]:
    """The devices with mount points as the captured system sees them; what is mounted elsewhere is not mounted.

    Raises CaptureFailed when nothing is mounted at the tree's root.
    """
    by_source: Dict[str, str] = {}
    for mount in read_mounts():
        # a bind mount shows a part of a file system, and so does a subvolume, which is one of its own
        if mount.source.startswith("/dev/") and (mount.inside == "/" or mount.type == "btrfs"):
            by_source.setdefault(look.real(mount.source), mount.place)
    if "/" not in by_source.values():
        raise CaptureFailed("no disk's file system is mounted there", where=tree(),
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
