"""Pass: where everything goes. The saved geometry is kept exactly; what a larger disk has more stays free."""

from __future__ import annotations

from dataclasses import replace
from typing import List

from rescue.plan import Adjustment
from rescue.planner.draft import Draft, Placement
from rescue.planner.errors import Reason
from rescue.planner.words import exact, human
from sif.model import Fit, TableType

LARGER_DISK = "disk-larger"
"""Code of the one adjustment a larger disk causes."""


def allocate(draft: Draft) -> Draft:
    """Explain each disk that is larger than the saved one; refuse it where the SIF wants none (fit = fail)."""
    adjustments: List[Adjustment] = []
    reasons: List[Reason] = []
    for placement in draft.placements:
        if placement.present.size_bytes == placement.saved.size_bytes:
            continue
        adjustments.append(_larger(placement))
        if draft.saved.policy.fit is Fit.FAIL:
            reasons.append(Reason("fit", placement.saved.id, f"{placement.present.name} is larger and the SIF's policy "
                                  "is fit = fail", "connect a disk of exactly the saved size, or set fit = exact"))
    return replace(draft, adjustments=draft.adjustments + tuple(adjustments)).refuse(reasons)


def _larger(placement: Placement) -> Adjustment:
    saved, present = placement.saved, placement.present
    surplus = present.size_bytes - saved.size_bytes
    moved = "; the backup GPT lies at the disk's new end" if saved.table is TableType.GPT else ""
    return Adjustment(
        code=LARGER_DISK, subject=saved.id, before=exact(saved.size_bytes), after=exact(present.size_bytes),
        reason=f"{present.name} is larger than the saved disk",
        consequence=f"every partition keeps its place and size; {human(surplus)} at the end stay free{moved}")
