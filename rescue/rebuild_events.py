"""Tells what the rebuild does at this moment: several actions at once, each with its own start and end."""

from __future__ import annotations

from typing import Dict, Protocol

from rescue.plan import Action, RestorePlan


class Listener(Protocol):
    """The step of the event stream that the rebuild is."""

    def progress(self, fraction: float, text: str) -> None: ...

    def info(self, text: str) -> None: ...


class RebuildEvents:
    """What :func:`rescue.storage.rebuild.rebuild` calls for each action. Not for several threads at once."""

    def __init__(self, step: Listener, plan: RestorePlan) -> None:
        self._step = step
        self._total, self._done = max(len(plan.actions), 1), 0
        self._running: Dict[str, str] = {}

    def __call__(self, action: Action, state: str, seconds: float) -> None:
        """Hear of an action that is ``started``, ``finished``, ``failed`` or ``kept``."""
        if state == "started":
            self._running[action.id] = action.title
        else:
            self._running.pop(action.id, None)
        if state in ("finished", "kept"):
            self._done += 1
            self._step.info(f"{action.title} ({'finished before: kept' if state == 'kept' else f'{seconds:.1f} s'})")
        if state == "failed":
            self._step.info(f"{action.title} (failed after {seconds:.1f} s)")
        self._step.progress(self._done / self._total, "; ".join(self._running.values()) or action.title)
