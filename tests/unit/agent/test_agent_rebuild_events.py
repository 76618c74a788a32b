"""The rebuild's progress: several actions at once, each reported once."""

from __future__ import annotations

from typing import List, Tuple

from rescue.plan import Action, ActionKind, RestorePlan
from rescue.rebuild_events import RebuildEvents

ACTIONS = tuple(Action(name, ActionKind.MAKE_FS, name, "d0", f"File system {name}") for name in ("a", "b", "c"))


class Heard:
    """A step that keeps what it is told."""

    def __init__(self) -> None:
        self.shown: List[Tuple[float, str]] = []
        self.infos: List[str] = []

    def progress(self, fraction: float, text: str) -> None:
        self.shown.append((round(fraction, 2), text))

    def info(self, text: str) -> None:
        self.infos.append(text)


def test_what_runs_at_the_same_time_is_shown_together() -> None:
    heard = Heard()
    events = RebuildEvents(heard, RestorePlan("s", "h", (), (), ACTIONS))
    a, b, c = ACTIONS
    for action, state in ((a, "started"), (b, "started"), (a, "finished"), (b, "failed"), (c, "kept")):
        events(action, state, 1.25)
    assert heard.shown == [
        (0.0, "File system a"), (0.0, "File system a; File system b"), (0.33, "File system b"),
        (0.33, "File system b"), (0.67, "File system c")]
    assert heard.infos == ["File system a (1.2 s)", "File system b (failed after 1.2 s)",
                           "File system c (finished before: kept)"]
