"""Where the rebuild works: the plan, the records, the device of each record, and the report of each step."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Callable, ContextManager, Dict, FrozenSet, Iterator, Mapping, Optional, Set, Tuple

from rescue.kernel_view import disks_below
from rescue.plan import Action, ActionKind, DiskMatch, RestorePlan
from rescue.planner.layout import Layout
from rescue.storage import table
from rescue.storage.disks import glance, require_same
from rescue.storage.errors import RebuildFailed
from rescue.storage.hold import Holds
from rescue.storage.lvm_metadata import dm_name
from rescue.storage.registered import LINKS
from sif.errors import LifeboatError
from sif.model import Bcache, Disk, LogicalVolume, Luks, MdArray, Partition, Record, SystemInformation, TableType

OnAction = Callable[[Action, str, float], None]
"""Told about each action: the action, ``started``, ``finished``, ``failed`` or ``kept`` (an earlier run had finished
it), and the seconds it took."""

Secrets = Callable[[str], Optional[bytes]]
"""What a ``secret:NAME`` stands for; None where neither the set nor a person says it."""

_RECORD_OF = {ActionKind.CREATE_PARTITION: "PARTITION", ActionKind.CREATE_ARRAY: "MD", ActionKind.CREATE_LUKS: "LUKS",
              ActionKind.CREATE_BCACHE: "BCACHE",
              ActionKind.CREATE_VG: "VG", ActionKind.CREATE_LV: "LV", ActionKind.MAKE_BTRFS: "BTRFS"}

FIRST_ARRAY = 200
"""Arrays get node numbers from here on, so that none meets one that the kernel or udev has given."""

_NEXT_ARRAYS = 100
"""Where an array of another disk has that number, the next one to try is so much higher."""


def no_secrets(_name: str) -> Optional[bytes]:
    """For a rebuild that has none."""
    return None


def no_mark(_match: DiskMatch) -> None:
    """For a rebuild that no later run has to know again."""


@dataclass
class Site:
    """One rebuild: what the exact devices and formats need to know to do their part.

    ``images`` maps ids of RAW sections to their image files. ``finished`` are the actions that an interrupted run
    has done (:mod:`rescue.storage.resume`) and those whose work survived, ``done`` all that are done by now; ``spared``
    are the partitions that something lies on which survived. ``leave_mark`` marks a disk as one whose rebuild has
    begun; ``glances`` are what the disks looked like when they were last known to be the planned ones. Steps on
    different disks are taken at the same time: ``unlocked`` lets go of whatever lock the caller of a step holds, for
    the time of its work.
    """

    plan: RestorePlan
    saved: SystemInformation
    files_dir: Path
    work_dir: Path
    on_action: OnAction
    images: Mapping[str, Path] = field(default_factory=dict)
    secret: Secrets = no_secrets
    unlocked: Callable[[], ContextManager[None]] = nullcontext
    finished: FrozenSet[str] = frozenset()
    leave_mark: Callable[[DiskMatch], None] = no_mark
    spared: FrozenSet[str] = frozenset()
    glances: Mapping[str, str] = field(init=False, default_factory=dict)
    holds: Holds = field(init=False, default_factory=Holds)
    layout: Layout = field(init=False)
    actions: Dict[str, Action] = field(init=False)
    done: Set[str] = field(init=False, default_factory=set)
    _nodes: Dict[str, str] = field(init=False, default_factory=dict)
    _reports: threading.Lock = field(init=False, default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.layout = Layout(self.saved)
        self.actions = {action.id: action for action in self.plan.actions}

    def disk(self, match: DiskMatch) -> Disk:
        """The saved disk of a match."""
        found = self.layout.disk(match.saved)
        if found is None:
            raise RebuildFailed("the plan and the SIF do not belong together", where=match.path,
                                found=f"a plan for {match.saved}", wanted="a disk of the SIF")
        return found

    def record(self, action: Action) -> Optional[Record]:
        """The saved record that an action makes; None for one that only prepares a disk or puts a format on it."""
        kind = _RECORD_OF.get(action.kind)
        return self.saved.find(kind, action.subject) if kind else None

    def match(self, saved_disk: str) -> DiskMatch:
        """Where a saved disk goes."""
        return next(match for match in self.plan.matches if match.saved == saved_disk)

    def device(self, ident: str) -> str:
        """The device node of a saved partition, logical volume or disk on this machine."""
        if ident not in self._nodes:
            self._nodes[ident] = device_node(self.plan, self.layout, ident)
        return self._nodes[ident]

    def pv_devices(self) -> Tuple[str, ...]:
        """The device nodes that LVM may look at: the plan's physical volumes and nothing else."""
        return tuple(self.device(pv.device) for pv in self.saved.pvs if f"pv:{pv.id}" in self.actions)

    def glance_at_disks(self) -> None:
        """Keep what the disks look like now, which has just been compared with the plan."""
        self.glances = {match.path: glance(match.path) for match in self.plan.matches}

    def require_same(self, match: DiskMatch) -> None:
        """The last look at a (locked) disk before it is written. Raises :class:`DiskChanged`."""
        require_same(match, self.glances.get(match.path))

    def mark(self, match: DiskMatch) -> None:
        """Mark the (locked) disk as one whose rebuild has begun; one without a partition table has no room for it."""
        if self.disk(match).table is not TableType.NONE:
            self.leave_mark(match)

    def kept(self, action_id: str) -> bool:
        """Whether an earlier run has finished the action; if so, that is reported, and it must not be done again."""
        if action_id in self.finished:
            with self.unlocked():
                self._report(self.actions[action_id], "kept", 0.0)
        return action_id in self.finished

    @contextmanager
    def step_or_kept(self, action_id: str) -> Iterator[None]:
        """For what has to be started in every run, finished or not: reports it as kept, or as a step."""
        if self.kept(action_id):
            with self.unlocked():
                yield
            return
        with self.step(action_id):
            yield

    @contextmanager
    def step(self, action_id: str) -> Iterator[Action]:
        """Report the action as started, and as finished or failed with its duration. What it raises names it."""
        action = self.actions[action_id]
        with self.unlocked():
            began = time.monotonic()
            self._report(action, "started", 0.0)
            try:
                yield action
            except BaseException as error:
                self._report(action, "failed", time.monotonic() - began)
                if isinstance(error, LifeboatError):
                    error.what = f"{action.title}: {error.what}"
                elif isinstance(error, Exception):  # blivet and libblockdev raise dozens of unrelated classes
                    raise RebuildFailed(f"{action.title}: it failed", found=f"{type(error).__name__}: {error}",
                                        hint="keep the logs; make a new plan to try again") from error
                raise
            self._report(action, "finished", time.monotonic() - began)

    def _report(self, action: Action, state: str, seconds: float) -> None:
        """Tell the listener, one event after the other whatever runs at the same time."""
        with self._reports:
            if state in ("finished", "kept"):
                self.done.add(action.id)
            self.on_action(action, state, seconds)


def device_node(plan: RestorePlan, layout: Layout, ident: str) -> str:
    """The device node of a saved partition, logical volume or disk under that plan."""
    found = layout.carrier(ident)
    if isinstance(found, Partition):
        return table.node(plan.path_of(found.disk), found.number)
    if isinstance(found, LogicalVolume):
        group = layout.vg(found.vg)
        return f"/dev/mapper/{dm_name(group.name if group else found.vg, found.name)}"
    if isinstance(found, MdArray):
        return array_node(layout.saved, found, plan)
    if isinstance(found, Bcache):
        return f"{LINKS}/{found.uuid}"
    if isinstance(found, Luks):
        return f"/dev/mapper/{mapper_name(found)}"
    return plan.path_of(ident)


def array_node(saved: SystemInformation, array: MdArray, plan: Optional[RestorePlan] = None) -> str:
    """The node of an array while it is restored; the restored system names it as it always did.

    A number that an array on a disk outside the plan has is passed over.
    """
    numbers = count(FIRST_ARRAY + saved.arrays.index(array), _NEXT_ARRAYS)
    ours = {match.name for match in plan.matches} if plan is not None else set()
    return next(f"/dev/md{number}" for number in numbers
                if plan is None or ours.issuperset(_members_on(f"md{number}")))


def _members_on(name: str) -> Tuple[str, ...]:
    """The disks of a running array; none of one that is not there or has no members."""
    return tuple(disk for disk in disks_below(name) if disk != name)


def mapper_name(luks: Luks) -> str:
    """The name of an opened volume while it is restored."""
    return f"lifeboat-{luks.uuid}"
