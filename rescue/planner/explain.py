"""Every difference between the saved and the planned machine as one adjustment; one without a cause is a mistake."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from rescue.plan import Adjustment
from rescue.planner.codes import ADJUSTMENTS
from rescue.planner.errors import Reason
from rescue.planner.outcome import outcome
from rescue.planner.sketch import Cause, Key, Sketch
from rescue.planner.words import exact, human
from sif.check import check
from sif.diff import Difference, diff
from sif.model import Fit, Policy, SystemInformation
from sif.problems import errors_of

LEFT_OUT = "left out"
NOT_THERE = "not there"


ASKED_WHEN_EXACT = frozenset({"disk-smaller", "disks-merged"})
"""With `fit = exact` a person decides about these; the other policies have decided."""


def adjustments_of(sketch: Sketch, target: SystemInformation,
                   policy: Policy) -> Tuple[Tuple[Adjustment, ...], Tuple[Reason, ...]]:
    """One adjustment for each record that differs, in the order of the sections; reasons for what has no cause."""
    changed: Dict[Key, List[Difference]] = {}
    for difference in diff(sketch.saved, target, identity_only=False):
        changed.setdefault((difference.kind, difference.id), []).append(difference)
    found: List[Adjustment] = []
    reasons: List[Reason] = []
    now = Sketch(target)
    for key, differences in changed.items():
        cause = sketch.causes.get(key)
        subject = key[1] or key[0].lower()
        if cause is None or cause.code not in ADJUSTMENTS:
            reasons.append(Reason("unexplained", subject, "the planner changed it without saying why: "
                                  + "; ".join(map(str, differences)), "report this; nothing was written"))
            continue
        cause = outcome(cause, sketch.origin, now, key)
        before, after = _words(sketch.origin, now, key, differences)
        found.append(Adjustment(cause.code, subject, before, after, cause.reason, cause.consequence,
                                _asked(cause, policy)))
    return tuple(found), tuple(reasons)


def _asked(cause: Cause, policy: Policy) -> bool:
    """Whether somebody has to agree who has not agreed already."""
    if cause.code in policy.accept or (cause.code == "mirror-shared" and policy.shared_disk_mirror):
        return False
    return cause.consent or (policy.fit is Fit.EXACT and cause.code in ASKED_WHEN_EXACT)


def unsound(sketch: Sketch, target: SystemInformation) -> Tuple[Reason, ...]:
    """What no set may describe and the saved one did not: a planned machine is judged by the rules for sets."""
    known = {(problem.subject, problem.what) for problem in check(sketch.saved)}
    return tuple(Reason("unsound", problem.subject[1] if problem.subject else "plan", str(problem), "report this")
                 for problem in errors_of(check(target)) if (problem.subject, problem.what) not in known)


def _words(saved: Sketch, now: Sketch, key: Key, differences: List[Difference]) -> Tuple[str, str]:
    """What a record was and what it will be."""
    if differences[0].key == "":
        there = saved if differences[0].after is None else now
        text = _sized(there, key) or "there"
        return (text, LEFT_OUT) if differences[0].after is None else (NOT_THERE, text)
    before, after = _sized(saved, key), _sized(now, key)
    if before and before != after:
        return before, after
    return (", ".join(f"{d.key} {d.before or 'none'}" for d in differences),
            ", ".join(f"{d.key} {d.after or 'none'}" for d in differences))


def _sized(sketch: Sketch, key: Key) -> str:
    """A record in the words that matter when sizes and places change; empty for one without a size."""
    kind, ident = key
    record: Any = sketch.records.get(kind, {}).get(ident)
    if record is None:
        return ""
    if kind == "DISK":
        sectors = f", sectors of {record.logical_sector} bytes" if record.logical_sector != 512 else ""
        return exact(record.size_bytes) + sectors
    if kind == "PARTITION":
        start = record.start_sector * sketch.disks[record.disk].logical_sector
        return f"{human(sketch.size_of(ident))} at {human(start)} of {record.disk}, number {record.number}"
    if kind == "MD":
        return f"{human(record.size_bytes)}, {len(record.members)} of {record.devices} members"
    if kind == "VG":
        extents = sum(sketch.pvs[pv].extents for pv in record.pvs if pv in sketch.pvs)
        pvs = f"{len(record.pvs)} physical volume{'s' if len(record.pvs) > 1 else ''}"
        return f"{human(extents * record.pe_bytes)} on {pvs}, " + (
            "metadata as LVM wrote it" if record.metadata else "metadata from the records")
    if kind in ("LV", "LUKS", "BCACHE"):
        return human(sketch.size_of(ident))
    if kind == "PV" and ident in sketch.vg_of:
        return f"{human(record.extents * sketch.vgs[sketch.vg_of[ident]].pe_bytes)} on {record.device}"
    if kind == "FS":
        return f"{record.type.value}, {human(sketch.size_of(record.device))}"
    if kind == "BTRFS":
        return f"btrfs, {human(sum(sketch.size_of(device) for device in record.devices))}"
    return ""
