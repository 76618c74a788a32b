"""The report says what survived, which programs were not run for it, and the time that saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

import pytest
from planner_cases import two
from planner_machines import GIB, machine, present

from rescue.commands import CommandResult, Outcome
from rescue.hardware import Whole
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.spared import spared
from sif.model import Intact

D0 = present("vda", serial="SERd0", signatures=("vda: gpt",))
D1 = present("vdb", 4 * GIB, serial="SERd1", signatures=("vdb: gpt",))


def plan() -> RestorePlan:
    whole = tuple(Whole(ident, ("vdb",)) for ident in ("table:d1", "vg:vg1", "fs:srv"))
    return plan_restore(two(), replace(machine(D0, D1), whole=whole), RestorePolicy(intact=Intact.KEEP))


def ran(seconds: float, outcome: Outcome = Outcome.DONE) -> Tuple[CommandResult, ...]:
    return (CommandResult("2000", "System", outcome, 0, 1, seconds, "log"),)


@pytest.mark.parametrize(("results", "words"), [
    (ran(128.0), "saved about 12 s, at the 8.0 MiB/s of this restore"),  # 1024 MiB of / in 128 s; 100 MiB of /srv
    (ran(12800.0), "saved about 20 min 50 s"), (ran(128000.0), "saved about 3 h 28 min"),
    (ran(128.0, Outcome.FAILED), "is not known"), ((), "is not known"), (ran(0.0), "is not known"),
])
def test_the_time_is_measured_by_what_was_restored(results: Tuple[CommandResult, ...], words: str) -> None:
    kept, skipped = spared(two(), plan(), results)
    assert kept == "/srv was whole and was kept"
    assert skipped.startswith("`Data` was not run: 100.0 MiB need not be restored") and words in skipped


def test_without_a_survivor_there_is_nothing_to_say() -> None:
    rebuilt = plan_restore(two(), machine(D0, D1), RestorePolicy(intact=Intact.REBUILD))
    assert spared(two(), rebuilt, ran(10.0)) == ()


def test_a_program_that_is_left_out_for_another_reason_has_saved_nothing() -> None:
    found = plan()
    assert found.target is not None
    less = replace(found, target=replace(found.target, commands=()))
    assert [line for line in spared(two(), less, ()) if "System" in line] == []
