"""The planner's working state: what each pass hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Tuple

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import Action, Adjustment, Rejection
from rescue.planner.errors import Question, Reason
from rescue.planner.policy import RestorePolicy
from sif.model import Disk, DiskRole, SystemInformation


@dataclass(frozen=True)
class Placement:
    """The saved disk goes to the present one; ``evidence`` says why this one."""

    saved: Disk
    present: PresentDisk
    evidence: str
    same_disk: bool = False


@dataclass(frozen=True)
class Draft:
    """A plan in the making. A pass returns a new draft; ``reasons`` not empty at the end means no plan."""

    saved: SystemInformation
    hardware: Hardware
    policy: RestorePolicy
    placements: Tuple[Placement, ...] = ()
    rejections: Tuple[Rejection, ...] = ()
    adjustments: Tuple[Adjustment, ...] = ()
    actions: Tuple[Action, ...] = ()
    reasons: Tuple[Reason, ...] = ()
    questions: Tuple[Question, ...] = ()

    def critical(self) -> Tuple[Disk, ...]:
        """The saved disks that are rebuilt."""
        return tuple(disk for disk in self.saved.disks if disk.role is DiskRole.CRITICAL)

    def refuse(self, reasons: Iterable[Reason]) -> "Draft":
        """The same draft with more reasons against it."""
        return replace(self, reasons=self.reasons + tuple(reasons))
