"""The answer of ``sif drift``: for people, and as JSON for programs."""

from __future__ import annotations

import json
from typing import List

from sif.drift import Area, Change, Drift, Effect, Verdict
from sif.problems import printable

_VERDICTS = {
    Verdict.SAME: "nothing has changed that a restore depends on",
    Verdict.STILL_GOOD: "the machine has changed; the set is still good for a restore",
    Verdict.CAPTURE_AGAIN: "the machine has changed; capture it again: a restore from this set would not bring it back "
                           "as it is now",
}
_MARKS = {Effect.AGAIN: "!", Effect.GOOD: " "}


def text(drift: Drift) -> str:
    """The changes by part of the machine, those that need a new capture marked and first; the verdict last."""
    lines: List[str] = []
    for area in Area:
        mine = [change for change in drift.changes if change.area is area]
        if mine:
            lines += [f"{area.value}:", *(_line(change) for change in sorted(mine, key=_again_first)), ""]
    when = f"captured {drift.captured}" if drift.captured else "captured at an unknown time"
    return "\n".join([*lines, f"{drift.hostname}, {when}: {_VERDICTS[drift.verdict]}"]) + "\n"


def _again_first(change: Change) -> bool:
    return change.effect is not Effect.AGAIN


def _line(change: Change) -> str:
    return f"  {_MARKS[change.effect]} {printable(change.text, 1000)}"


def to_json(drift: Drift) -> str:
    """The same for programs; the keys are part of the interface."""
    return json.dumps({
        "verdict": drift.verdict.value, "set_id": drift.set_id, "hostname": drift.hostname,
        "captured": drift.captured, "changes": [_plain(change) for change in drift.changes]},
        indent=2, ensure_ascii=False) + "\n"


def _plain(change: Change) -> object:
    difference = change.difference
    return {
        "area": change.area.name.lower(), "effect": change.effect.value, "text": change.text,
        "kind": difference.kind if difference else None, "id": difference.id if difference else None,
        "key": difference.key if difference else None, "before": difference.before if difference else None,
        "after": difference.after if difference else None}
