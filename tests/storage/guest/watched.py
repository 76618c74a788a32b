"""Watches a rebuild: what it asks of blivet and libparted, who writes partition tables, which devices programs get."""

from __future__ import annotations

import subprocess
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Iterator, List, Sequence, Set
from unittest import mock

import blivet
import parted
from blivet.devicetree import DeviceTree
from blivet.formats.disklabel import DiskLabel

from rescue.kernel_view import disks_below
from rescue.plan import RestorePlan
from sif.model import SystemInformation, TableType

FORBIDDEN = (
    (blivet.Blivet, "reset"), (blivet.Blivet, "do_it"), (DeviceTree, "populate"), (DeviceTree, "handle_device"),
    (DiskLabel, "commit"), (DiskLabel, "commit_to_disk"), (parted.Disk, "commit"),
    (parted.Disk, "commitToDevice"), (parted.Disk, "commitToOS"),
)
"""They would scan devices that are none of ours, or write a table a second time."""

TABLE_TOOLS = {"sgdisk", "gdisk", "parted", "fdisk", "cfdisk", "partprobe", "partx", "addpart", "delpart", "resizepart"}
READS_TABLES = {"-J", "-d", "-l", "--json", "--dump", "--list"}
LVM = ("lvm", "pv", "vg", "lv")
SPEAKS_OF_OTHERS = {"dmsetup", "btrfs", "unshare", "losetup"}
"""Set names of other disks aside, hide copies of a btrfs, let go of files on our disks: none reads or writes a disk."""


@dataclass
class Watch:
    """What was seen. ``wrong`` is empty when all went by the rules; ``tables`` are the disks, once for each write."""

    plan: RestorePlan
    wrong: List[str] = field(default_factory=list)
    tables: List[str] = field(default_factory=list)
    programs: "Counter[str]" = field(default_factory=Counter)

    def see(self, argv: Sequence[str]) -> None:
        """Judge a program that is about to start."""
        name = Path(argv[0]).name
        self.programs[name] += 1
        if name in TABLE_TOOLS:
            self.wrong.append(f"a partition table is not this program's: {' '.join(argv)}")
        if name == "sfdisk" and not READS_TABLES.intersection(argv):
            self.tables.append(argv[-1])
        if name.startswith(LVM) and name != "lvmconfig" and "--devices" not in argv:
            self.wrong.append(f"LVM sees every disk: {' '.join(argv)}")
        if name == "mdadm" and "--scan" in argv:
            self.wrong.append(f"mdadm sees every disk: {' '.join(argv)}")
        if name not in SPEAKS_OF_OTHERS:
            self.wrong += [f"{node} is on a disk outside the plan: {' '.join(argv)}" for word in argv[1:]
                           for node in word.split(",") if node.startswith("/dev/") and not self._ours(node)]

    def _ours(self, node: str) -> bool:
        return {match.name for match in self.plan.matches}.issuperset(disks_below(Path(node).resolve().name))

    @property
    def _made(self) -> Set[str]:
        return {action.id for action in self.plan.actions}

    def judged(self, saved: SystemInformation, kept: Sequence[str] = ()) -> List[str]:
        """What is wrong, now that the rebuild is over. The tables of ``kept`` actions are not written at all."""
        wanted = sorted(self.plan.path_of(disk.id) for disk in saved.disks
                        if disk.table is not TableType.NONE and f"table:{disk.id}" in self._made - set(kept))
        found = [] if sorted(self.tables) == wanted else [f"tables were written of {self.tables}, not of {wanted}"]
        return [*self.wrong, *found]


@contextmanager
def watched(plan: RestorePlan) -> Iterator[Watch]:
    """Inside, everything this process starts and asks of blivet is judged."""
    watch = Watch(plan)
    start = subprocess.Popen.__init__

    def started(self: "subprocess.Popen[Any]", args: Any, *more: Any, **options: Any) -> None:
        watch.see([str(word) for word in args])
        start(self, args, *more, **options)

    def forbidden(name: str) -> Any:
        def called(*_args: object, **_options: object) -> None:
            watch.wrong.append(f"{name} was called")
            raise AssertionError(f"{name} was called")
        return called

    with ExitStack() as patches:
        patches.enter_context(mock.patch.object(subprocess.Popen, "__init__", started))
        for owner, name in FORBIDDEN:
            patches.enter_context(mock.patch.object(owner, name, forbidden(f"{owner.__name__}.{name}")))
        yield watch
