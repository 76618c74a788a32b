"""What a set holds of a vendor's own, or of a newer version, never reaches a disk."""

from __future__ import annotations

from dataclasses import replace

from planner_machines import itself, machine, server

from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.codec import dump_plan
from sif.foreign import Foreign


def test_a_plan_is_the_same_with_and_without_vendors_sections() -> None:
    plain = server()
    foreign = (Foreign("X-ACME.DISK", "d0", (("device", '"/dev/vda"'), ("wipe", "true"))),
               Foreign("DISK", "d0", (("wipe", "true"),), whole=False))
    plans = [plan_restore(saved, machine(*itself()), RestorePolicy())
             for saved in (plain, replace(plain, foreign=foreign))]
    assert dump_plan(plans[0]) == dump_plan(plans[1])
