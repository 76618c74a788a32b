"""What an unattended run may do without asking anybody: which disks it overwrites, which adjustments it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from rescue.plan import Adjustment, ConsentNeeded, RestorePlan
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
    """Raise :class:`ConsentMissing` naming every disk that the policy does not let an unattended run overwrite, or
    every adjustment that it has not agreed to."""
    missing = unattended_verdict(plan, overwrite).missing
    if missing:
        raise ConsentMissing(
            "an unattended run may not overwrite what these disks hold; nothing was written",
            where=", ".join(need.path for need in missing),
            found="; ".join(f"{need.path}: {', '.join(need.holds)}" for need in missing),
            wanted=f"blank disks{', or the recorded disks themselves' if overwrite is Overwrite.SAME_DISK else ''} "
                   f"(policy overwrite = {overwrite.value})",
            hint="look at the disks; then run attended and agree, wipe them, or set overwrite = any in the SIF")
    asked = tuple(adjustment for adjustment in plan.adjustments if adjustment.consent)
    if asked:
        raise ConsentMissing(
            "an unattended run may not adapt the machine in this way; nothing was written",
            where=", ".join(adjustment.subject for adjustment in asked), found="; ".join(map(_told, asked)),
            wanted="a machine that needs no such adjustment, or consent",
            hint="run attended and agree; or agree beforehand in the SIF's POLICY: accept = ["
                 + ", ".join(f'"{code}"' for code in dict.fromkeys(a.code for a in asked)) + "]")


def _told(adjustment: Adjustment) -> str:
    return f"{adjustment.subject} [{adjustment.code}]: {adjustment.before} -> {adjustment.after}"


def _covers(overwrite: Overwrite, need: ConsentNeeded) -> bool:
    return need.begun or overwrite is Overwrite.ANY or (overwrite is Overwrite.SAME_DISK and need.same_disk)
