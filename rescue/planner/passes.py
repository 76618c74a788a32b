"""The planner: a pure function from what was saved and what is there to a plan."""

from __future__ import annotations

from typing import Callable, Tuple

from rescue.hardware import Hardware
from rescue.plan import ConsentNeeded, DiskMatch, Fingerprint, RestorePlan
from rescue.planner.allocate import allocate
from rescue.planner.check import check_layout, check_machine
from rescue.planner.draft import Draft, Placement
from rescue.planner.errors import NoPlan
from rescue.planner.match import match_disks
from rescue.planner.order import order_actions
from rescue.planner.policy import RestorePolicy
from sif.model import SystemInformation

PASSES: Tuple[Callable[[Draft], Draft], ...] = (
    check_machine,
    match_disks,
    allocate,
    check_layout,
    order_actions,
)


def plan_restore(saved: SystemInformation, hardware: Hardware, policy: RestorePolicy) -> RestorePlan:
    """Plan how the saved machine comes back on this one: total, deterministic, without touching anything.

    Raises :class:`NoPlan` with every reason, and with the questions a person could answer.
    """
    draft = Draft(saved, hardware, policy)
    for step in PASSES:
        draft = step(draft)
    if draft.reasons:
        raise NoPlan(draft.reasons, draft.questions)
    return RestorePlan(
        set_id=saved.version.set_id, hostname=saved.system.hostname,
        matches=tuple(_match(p) for p in draft.placements), rejections=draft.rejections, actions=draft.actions,
        adjustments=draft.adjustments, consents=tuple(_consent(p) for p in draft.placements if not p.present.blank))


def _match(placement: Placement) -> DiskMatch:
    disk = placement.present
    return DiskMatch(placement.saved.id, disk.name, disk.path, placement.evidence,
                     Fingerprint(disk.path, disk.size_bytes, disk.serial, disk.wwn, disk.content))


def _consent(placement: Placement) -> ConsentNeeded:
    return ConsentNeeded(placement.saved.id, placement.present.path, placement.present.signatures,
                         placement.same_disk)
