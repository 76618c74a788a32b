"""Which of the volumes that survived are not even mounted for writing: those that a restore has no business with. Pure.

A file system that is mounted read-write changes its superblock and its journal, with no file changed.
"""

from __future__ import annotations

from typing import Collection, FrozenSet

from rescue.plan import RestorePlan
from rescue.planner.elastic import Rank, rank_of
from rescue.planner.sketch import Sketch
from sif.model import SystemInformation


def left_alone(saved: SystemInformation, plan: RestorePlan, listed: Collection[str] = ()) -> FrozenSet[str]:
    """The kept file systems (ids) that hold data alone, and that neither a program of the set nor the catalog may write
    to. ``saved`` is the planned machine; ``listed`` are the absolute paths of its catalogs.

    A program that does not say what it fills may fill everything.
    """
    filled = {str(volume) for command in saved.commands for volume in command.volumes}
    anywhere = any(not command.volumes for command in saved.commands)
    sketch = Sketch(saved)
    return frozenset() if anywhere else frozenset(
        fs.id for fs in saved.filesystems if fs.id in plan.kept_volumes() and fs.mount and fs.id not in filled
        and rank_of(sketch, fs.id) is Rank.DATA and not any(_holds(saved, fs.mount, path) for path in listed))


def _holds(saved: SystemInformation, mount: str, path: str) -> bool:
    """Whether the path lies on what is mounted there, and not on something mounted further in."""
    mounts = (*(fs.mount for fs in saved.filesystems), *(one.mount for one in saved.btrfs),
              *(sub.mount for sub in saved.subvolumes))
    places = [place for place in mounts if place]
    return max((place for place in places if path == place or path.startswith(place.rstrip("/") + "/")),
               key=len, default="") == mount
