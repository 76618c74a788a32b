"""Drift: has the machine changed since its set was written, and does a restore from the set still do?

Pure: two descriptions in, the changes out, each with what it means.
"""

from __future__ import annotations

from enum import Enum
from typing import Optional, Sequence, Tuple

from sif.diff import Difference, diff
from sif.drift.rules import Area, Effect, area_of, effect_of
from sif.model import SystemInformation
from sif.plain import dataclass

__all__ = ["Area", "Change", "Drift", "Effect", "Verdict", "compare"]


class Verdict(str, Enum):
    """What the changes come to."""

    SAME = "same"
    STILL_GOOD = "still-good"
    CAPTURE_AGAIN = "capture-again"


@dataclass(frozen=True)
class Change:
    """One difference between the set and the machine, and what it means for a restore from that set."""

    area: Area
    effect: Effect
    text: str
    difference: Optional[Difference] = None


@dataclass(frozen=True)
class Drift:
    """All changes since a set was written."""

    set_id: str
    hostname: str
    captured: Optional[str]
    changes: Tuple[Change, ...]

    @property
    def verdict(self) -> Verdict:
        if any(change.effect is Effect.AGAIN for change in self.changes):
            return Verdict.CAPTURE_AGAIN
        return Verdict.STILL_GOOD if self.changes else Verdict.SAME


def compare(saved: SystemInformation, now: SystemInformation, more: Sequence[Change] = ()) -> Drift:
    """What is different on the machine ``now``. ``more`` are changes that were found otherwise (files)."""
    changes = []
    for difference in diff(saved, now, identity_only=False):
        effect = effect_of(difference, saved, now)
        if effect is not None:
            changes.append(Change(area_of(difference.kind), effect, _text(difference), difference))
    return Drift(saved.version.set_id, saved.system.hostname, saved.version.created, (*changes, *more))


def _text(difference: Difference) -> str:
    section = f"[{difference.kind} {difference.id}]" if difference.id else f"[{difference.kind}]"
    if not difference.key:
        return f"{section} {'is gone' if difference.after is None else 'is new'}"
    return f"{section} {difference.key}: {difference.before or '(none)'} -> {difference.after or '(none)'}"
