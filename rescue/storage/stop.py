"""Stops the volumes of a machine before its restart, top first."""

from __future__ import annotations

from rescue.events import Step
from rescue.plan import RestorePlan
from rescue.storage.teardown import tear_down
from sif.errors import LifeboatError


def stop_volumes(plan: RestorePlan, step: Step) -> None:
    """Stop logical volumes, encrypted volumes and arrays on the plan's disks.

    Everything is unmounted and written by then: what does not stop is told, and is no reason to stay.
    """
    try:
        tear_down([match.name for match in plan.matches])
    except LifeboatError as error:
        step.info(f"not stopped before the restart: {error}")
