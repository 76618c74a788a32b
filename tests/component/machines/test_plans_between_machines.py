"""Every recorded machine on the disks of every recorded machine: the plans, as golden texts, and what holds for each.

``LIFEBOAT_GOLDEN=write pytest`` writes the texts anew; read their difference before committing it.
"""

from __future__ import annotations

import os
import textwrap
from functools import cache
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

import pytest

from rescue.hardware import Hardware, PresentDisk, PresentPartition
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.codec import dump_plan, load_plan
from sif.check import check
from sif.diff import diff
from sif.merge import merged
from sif.model import DiskRole, System, SystemInformation, Version
from sif.parse import parse_text
from sif.problems import errors_of

MACHINES = Path(__file__).parents[2] / "machines"


@cache
def recorded() -> Dict[str, SystemInformation]:
    """The recorded machines that gave a set."""
    found: Dict[str, SystemInformation] = {}
    for path in sorted(MACHINES.glob("*/expected.sif")):
        text = path.read_text("utf-8")
        if "[SYSTEM" not in text:
            continue
        records, problems = parse_text(text, path.name)
        assert errors_of(problems) == ()
        version = next(record for record in records if isinstance(record, Version))
        system = next(record for record in records if isinstance(record, System))
        found[path.parent.name] = merged(version, system, records)
    return found


def hardware_of(info: SystemInformation) -> Hardware:
    """The machine itself, as it was when it was recorded: its disks hold what the set describes."""
    return Hardware(info.system.firmware, info.system.arch, tuple(
        PresentDisk(name=disk.device or disk.id, path=f"/dev/{disk.device or disk.id}", size_bytes=disk.size_bytes,
                    logical_sector=disk.logical_sector, physical_sector=disk.physical_sector, serial=disk.serial,
                    wwn=disk.wwn, by_path=disk.by_path, signatures=(f"{disk.device}: {disk.table.value}",),
                    partitions=tuple(PresentPartition(part.id, part.start_sector * disk.logical_sector,
                                                      part.sectors * disk.logical_sector)
                                     for part in info.partitions if part.disk == disk.id))
        for disk in info.disks if disk.size_bytes), info.system.ram_bytes or 0)


@cache
def attempt(name: str, other: str) -> "RestorePlan | NoPlan":
    """The plan for one recorded machine on the disks of another one, or why there is none."""
    try:
        return plan_restore(recorded()[name], hardware_of(recorded()[other]), RestorePolicy())
    except NoPlan as error:
        return error


def told(found: "RestorePlan | NoPlan") -> List[str]:
    """A plan or a refusal in a few lines: where the disks go, what is overwritten, which adjustments there are."""
    if isinstance(found, NoPlan):
        asked = [f"asks: {' or '.join(question.answers)}" for question in found.questions]
        refused = ", ".join(f"{reason.subject} {reason.code}" for reason in found.reasons if reason.code != "disk-tie")
        return asked + ([f"refuses: {refused}"] if refused else [])
    lines = ["; ".join(f"{m.saved} on {m.name} ({m.evidence})" for m in found.matches)]
    return lines + [f"{a.code} {a.subject}{'!' if a.consent else ''}: {a.before} -> {a.after}"
                    for a in found.adjustments]


def golden(name: str) -> str:
    """All plans for one recorded machine; what has nothing to be said about is gathered at the end."""
    lines, exact = [f"Plans for the recorded machine {name}. A `!` needs consent.", ""], []
    for other in recorded():
        found = attempt(name, other)
        if isinstance(found, RestorePlan) and not found.adjustments:
            exact.append(other)
            continue
        lines.append(f"on {other}:")
        for line in told(found):
            lines += textwrap.wrap(" ".join(line.split()), 118, initial_indent="  ", subsequent_indent="      ")
        lines.append("")
    lines.append(f"exactly as saved on: {', '.join(exact) or 'none'}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", sorted(recorded()))
def test_the_plans_are_the_golden_ones(name: str) -> None:
    path = MACHINES / name / "plans.txt"
    text = golden(name)
    if os.environ.get("LIFEBOAT_GOLDEN") == "write":
        path.write_text(text, "utf-8")
    assert text == path.read_text("utf-8")


PAIRS: Tuple[Tuple[str, str], ...] = tuple((a, b) for a in sorted(recorded()) for b in sorted(recorded()))


def planned(a: str, b: str) -> Optional[RestorePlan]:
    found = attempt(a, b)
    return found if isinstance(found, RestorePlan) else None


def test_every_plan_describes_a_machine_that_can_be() -> None:
    """The planned machine breaks no rule for sets that the saved one keeps, and differs as the adjustments say."""
    plans = 0
    for a, b in PAIRS:
        plan = planned(a, b)
        if plan is None:
            continue
        plans += 1
        saved = recorded()[a]
        target = plan.target_of(saved)
        known = {(problem.subject, problem.what) for problem in check(saved)}
        assert [p for p in errors_of(check(target)) if (p.subject, p.what) not in known] == [], (a, b)
        differing = {d.id or d.kind.lower() for d in diff(saved, target, identity_only=False)}
        announced = [x.subject for x in plan.adjustments if x.code != "luks-keyslots"]
        assert sorted(announced) == sorted(differing), (a, b)
        assert load_plan(dump_plan(plan)) == plan
        done: Set[str] = set()
        for action in plan.actions:
            assert done.issuperset(action.needs), (a, b, action)
            done.add(action.id)
    assert plans > len(PAIRS) // 4


def test_no_plan_writes_to_what_the_set_calls_data() -> None:
    for a, b in PAIRS:
        plan = planned(a, b)
        for disk in recorded()[a].disks:
            if plan and disk.role is not DiskRole.CRITICAL:
                assert disk.id not in {match.saved for match in plan.matches}


def test_the_planner_never_blames_itself() -> None:
    for a, b in PAIRS:
        found = attempt(a, b)
        if isinstance(found, NoPlan):
            assert not {reason.code for reason in found.reasons} & {"unsound", "unexplained"}, (a, b)
