"""What is mounted now, from ``/proc/self/mountinfo``: every mount, also several of one device."""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from sif import look
from sif.plain import dataclass


@dataclass(frozen=True)
class Mounted:
    """One mount.

    ``source`` is the device as mounted, ``inside`` the directory of the file system that is shown (btrfs: the
    subvolume), ``at`` where it is now, ``place`` where that is in the captured machine.
    """

    source: str
    inside: str
    at: str
    place: str
    type: str


def parse_mountinfo(text: str, root: str = "/") -> Tuple[Mounted, ...]:
    """The mounts at or below ``root``, in the order in which they were made. Source: proc(5)."""
    found: List[Mounted] = []
    for line in text.splitlines():
        front, dash, back = line.partition(" - ")
        fields, more = front.split(" "), back.split(" ")
        if not dash or len(fields) < 6 or len(more) < 2:
            continue
        at = _plain(fields[4])
        place = _below(at, root)
        if place is not None:
            found.append(Mounted(_plain(more[1]), _plain(fields[3]), at, place, more[0]))
    return tuple(found)


def _plain(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), text)


def _below(at: str, root: str) -> Optional[str]:
    if root == "/":
        return at
    if at == root:
        return "/"
    return at[len(root):] if at.startswith(root + "/") else None


def read_mounts() -> Tuple[Mounted, ...]:
    """The mounts of the captured machine."""
    root = look.ask("root", (), look.root)
    return parse_mountinfo(look.text_or("/proc/self/mountinfo"), root)
