"""What came back differently, against what the plan announced: both must be exactly what the scenario says."""

from __future__ import annotations

import json
from typing import Dict, FrozenSet

from drill.errors import DrillFailed
from drill.plan import Bench
from sif.align import aligned
from sif.diff import Difference, diff
from sif.reader import read_set

_SUBJECTS: Dict[str, str] = {"BOOT": "boot"}
"""What the plan calls a section that has no id."""
SHOWN = 12


def announced(bench: Bench) -> FrozenSet[str]:
    """The adjustments of the recovery's own report, as `code subject`."""
    reports = sorted((bench.order.evidence / "lifeboat-logs").glob("*/report.json"))
    if not reports:
        raise DrillFailed("the recovery left no report", where=str(bench.order.evidence / "lifeboat-logs"))
    found = max((json.loads(path.read_text("utf-8")) for path in reports), key=lambda report: report["ended"])
    return frozenset(f"{one['code']} {one['subject']}" for one in found["adjustments"])


def require_announced(bench: Bench) -> str:
    """The plan made exactly the scenario's adjustments. Raises :class:`DrillFailed`."""
    found, wanted = announced(bench), frozenset(bench.order.recovery.adjustments)
    if found != wanted:
        raise DrillFailed("the plan adapted the machine in another way", found=_told(found - wanted),
                          wanted=_told(wanted - found))
    return _told(found)


def require_explained(bench: Bench) -> str:
    """Nothing differs between both captures but what the plan named. Raises :class:`DrillFailed`."""
    subjects = {one.partition(" ")[2] for one in announced(bench)} | set(bench.order.recovery.renamed)
    before = read_set(bench.original_set)
    found = diff(before, aligned(before, read_set(bench.restored_set)).info, True)
    wrong = tuple(one for one in found if not explained(one, frozenset(subjects)))
    if wrong:
        raise DrillFailed(f"{len(wrong)} differences between the captures", where="sif diff --identity",
                          found="; ".join(map(str, wrong[:SHOWN])))
    if not found:
        return "sif diff --identity is empty"
    return f"sif diff --identity has {len(found)} differences, all of what the plan adapted"


def explained(difference: Difference, subjects: FrozenSet[str]) -> bool:
    """Whether the plan named what differs here."""
    return (difference.id or _SUBJECTS.get(difference.kind, "")) in subjects


def _told(adjustments: FrozenSet[str]) -> str:
    return ", ".join(sorted(adjustments)) or "nothing"
