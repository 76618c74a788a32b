"""Where the rebuild works: the plan, the records, the device of each record, and the report of each step."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Iterator, Mapping, Tuple

from rescue.plan import Action, DiskMatch, RestorePlan
from rescue.planner.layout import Layout
from rescue.storage import table
from rescue.storage.errors import RebuildFailed
from rescue.storage.lvm_metadata import dm_name
from sif.model import Disk, LogicalVolume, Partition, SystemInformation

OnAction = Callable[[Action, str, float], None]
"""Told about each action: the action, ``started``, ``finished`` or ``failed``, and the seconds it took."""


@dataclass
class Site:
    """One rebuild: what the exact devices and formats need to know to do their part.

    ``images`` maps ids of RAW sections to their image files.
    """

    plan: RestorePlan
    saved: SystemInformation
    files_dir: Path
    work_dir: Path
    on_action: OnAction
    images: Mapping[str, Path] = field(default_factory=dict)
    layout: Layout = field(init=False)
    actions: Dict[str, Action] = field(init=False)

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

    def match(self, saved_disk: str) -> DiskMatch:
        """Where a saved disk goes."""
        return next(match for match in self.plan.matches if match.saved == saved_disk)

    def device(self, ident: str) -> str:
        """The device node of a saved partition, logical volume or disk on this machine."""
        return device_node(self.plan, self.layout, ident)

    def pv_devices(self) -> Tuple[str, ...]:
        """The device nodes that LVM may look at: the plan's physical volumes and nothing else."""
        return tuple(self.device(pv.device) for pv in self.saved.pvs if f"pv:{pv.id}" in self.actions)

    @contextmanager
    def step(self, action_id: str) -> Iterator[Action]:
        """Report the action as started, and as finished or failed with its duration."""
        action = self.actions[action_id]
        began = time.monotonic()
        self.on_action(action, "started", 0.0)
        try:
            yield action
        except BaseException:
            self.on_action(action, "failed", time.monotonic() - began)
            raise
        self.on_action(action, "finished", time.monotonic() - began)


def device_node(plan: RestorePlan, layout: Layout, ident: str) -> str:
    """The device node of a saved partition, logical volume or disk under that plan."""
    found = layout.carrier(ident)
    if isinstance(found, Partition):
        return table.node(plan.path_of(found.disk), found.number)
    if isinstance(found, LogicalVolume):
        group = layout.vg(found.vg)
        return f"/dev/mapper/{dm_name(group.name if group else found.vg, found.name)}"
    return plan.path_of(ident)
