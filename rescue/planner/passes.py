"""The planner: a pure function from what was saved and what is there to a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Tuple

from rescue.hardware import Hardware
from rescue.plan import ConsentNeeded, DiskMatch, Fingerprint, RestorePlan, disks_under
from rescue.planner.allocate import allocate
from rescue.planner.check import check_layout, check_machine, check_saved
from rescue.planner.compare import comparison
from rescue.planner.draft import Draft, Placement
from rescue.planner.encrypted import explain_encrypted
from rescue.planner.errors import NoPlan
from rescue.planner.intact import VOLUMES, keep_intact
from rescue.planner.match import match_disks
from rescue.planner.order import order_actions
from rescue.planner.policy import RestorePolicy
from sif.model import SystemInformation

PASSES: Tuple[Callable[[Draft], Draft], ...] = (
    check_machine,
    check_saved,
    match_disks,
    allocate,
    check_layout,
    explain_encrypted,
    order_actions,
    keep_intact,
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
    made = RestorePlan(
        set_id=saved.version.set_id, hostname=draft.target.system.hostname,
        matches=tuple(_match(p) for p in draft.placements), rejections=draft.rejections, actions=draft.actions,
        adjustments=draft.adjustments, consents=tuple(
            _consent(draft, p) for p in draft.placements if not p.present.blank and not _untouched(draft, p)),
        target=draft.planned, renamed=draft.renamed, kept=draft.kept)
    return replace(made, differs=comparison(saved, hardware, made))


def _untouched(draft: Draft, placement: Placement) -> bool:
    """Whether everything on the disk is kept, so that nothing is written to it."""
    mine = {f"wipe:{placement.saved.id}"}
    for action in draft.actions:  # each comes after what it needs
        if mine.intersection(action.needs):
            mine.add(action.id)
    return mine <= set(draft.kept)


def _match(placement: Placement) -> DiskMatch:
    disk = placement.present
    return DiskMatch(placement.saved.id, disk.name, disk.path, placement.evidence,
                     Fingerprint(disk.path, disk.size_bytes, disk.serial, disk.wwn, disk.content))


def _consent(draft: Draft, placement: Placement) -> ConsentNeeded:
    under = disks_under(draft.actions)
    kept = tuple(action.subject for action in draft.actions if action.id in draft.kept and action.kind in VOLUMES
                 and placement.saved.id in under[action.id])
    return ConsentNeeded(placement.saved.id, placement.present.path, placement.present.signatures,
                         placement.same_disk, placement.present.begun, kept)
