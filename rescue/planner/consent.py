"""Which disks an unattended run may overwrite without asking anybody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from rescue.plan import ConsentNeeded, RestorePlan
from sif.errors import Exit, LifeboatError
from sif.model import Overwrite


class ConsentMissing(LifeboatError):
    """A disk holds something, and nobody agreed that it may be overwritten."""

    code = Exit.CONSENT_MISSING


@dataclass(frozen=True)
class Verdict:
    """The consents that the policy gives, and those that only a person can give."""

    covered: Tuple[ConsentNeeded, ...]
    missing: Tuple[ConsentNeeded, ...]

    @property
    def granted(self) -> bool:
        return not self.missing


def unattended_verdict(plan: RestorePlan, overwrite: Overwrite) -> Verdict:
    """Which consents of the plan the policy covers. Blank disks need none."""
    covered = tuple(need for need in plan.consents if _covers(overwrite, need))
    return Verdict(covered, tuple(need for need in plan.consents if need not in covered))


def require_unattended(plan: RestorePlan, overwrite: Overwrite) -> None:
    """Raise :class:`ConsentMissing` naming every disk that the policy does not let an unattended run overwrite."""
    missing = unattended_verdict(plan, overwrite).missing
    if missing:
        raise ConsentMissing(
            "an unattended run may not overwrite what these disks hold; nothing was written",
            where=", ".join(need.path for need in missing),
            found="; ".join(f"{need.path}: {', '.join(need.holds)}" for need in missing),
            wanted=f"blank disks{', or the recorded disks themselves' if overwrite is Overwrite.SAME_DISK else ''} "
                   f"(policy overwrite = {overwrite.value})",
            hint="look at the disks; then run attended and agree, wipe them, or set overwrite = any in the SIF")


def _covers(overwrite: Overwrite, need: ConsentNeeded) -> bool:
    return overwrite is Overwrite.ANY or (overwrite is Overwrite.SAME_DISK and need.same_disk)
