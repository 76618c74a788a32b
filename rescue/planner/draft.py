"""The planner's working state: what each pass hands to the next."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Optional, Tuple

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import Action, Adjustment, Rejection, Renamed
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
class Twin:
    """The saved disk goes to a second present disk, too: what lies on it becomes a mirror."""

    saved: str
    present: PresentDisk
    evidence: str


@dataclass(frozen=True)
class Homeless:
    """A saved disk that no present one can take the place of, with the reason; its volumes may find room elsewhere.

    ``host`` is the saved disk whose place it shares because the operator says so; ``dropped`` that it shall not come.
    """

    saved: Disk
    reason: Reason
    host: Optional[str] = None
    dropped: bool = False


@dataclass(frozen=True)
class Draft:
    """A plan in the making. A pass returns a new draft; ``reasons`` not empty at the end means no plan."""

    saved: SystemInformation
    hardware: Hardware
    policy: RestorePolicy
    placements: Tuple[Placement, ...] = ()
    homeless: Tuple[Homeless, ...] = ()
    twins: Tuple[Twin, ...] = ()
    planned: Optional[SystemInformation] = None
    renamed: Tuple[Renamed, ...] = ()
    contradictory: bool = False
    kept: Tuple[str, ...] = ()
    rejections: Tuple[Rejection, ...] = ()
    adjustments: Tuple[Adjustment, ...] = ()
    actions: Tuple[Action, ...] = ()
    reasons: Tuple[Reason, ...] = ()
    questions: Tuple[Question, ...] = ()

    @property
    def target(self) -> SystemInformation:
        """The machine as it will be: the saved one until a pass has adapted it."""
        return self.saved if self.planned is None else self.planned

    def critical(self) -> Tuple[Disk, ...]:
        """The saved disks that are rebuilt."""
        return tuple(disk for disk in self.saved.disks if disk.role is DiskRole.CRITICAL)

    def refuse(self, reasons: Iterable[Reason]) -> "Draft":
        """The same draft with more reasons against it."""
        return replace(self, reasons=self.reasons + tuple(reasons))
