"""Properties that hold for every machine and every set of disks."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional, Tuple

from hypothesis import given, settings, strategies as st
from planner_machines import GIB, disk, machine, part, present, server

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.check import usable
from rescue.planner.codec import dump_plan, load_plan
from rescue.planner.layout import Layout
from sif.diff import diff
from sif.model import Disk, DiskRole, SystemInformation

SIGNATURES: "st.SearchStrategy[Tuple[str, ...]]" = st.sampled_from([(), (), ("x1: ext4",)])
SIZES = st.sampled_from([2 * GIB, 4 * GIB, 8 * GIB, 9 * GIB])


@st.composite
def saved_machines(draw: st.DrawFn) -> SystemInformation:
    """The server, with some more disks of any role and any (also impossible) partitions on them."""
    base = server()
    disks, partitions = list(base.disks), list(base.partitions)
    for number in range(2, 2 + draw(st.integers(0, 2))):
        ident = f"d{number}"
        serial = draw(st.sampled_from([None, f"SER{ident}"]))
        disks.append(disk(ident, draw(SIZES), role=draw(st.sampled_from(DiskRole)), serial=serial))
        if draw(st.integers(0, 9)) == 0:  # now and then a table that may overlap or stick out
            partitions += [part(ident, index, draw(st.integers(1, 4000)), draw(st.integers(1, 3000)))
                           for index in (1, 2)]
        else:
            partitions += [part(ident, 1, 1, draw(st.integers(1, 500))),
                           part(ident, 2, 600, draw(st.integers(1, 1400)))]
    return replace(base, disks=tuple(disks), partitions=tuple(partitions))


def any_disk(draw: st.DrawFn) -> PresentDisk:
    """A disk that may be anything, also something that no plan can use."""
    return present(
        "x", draw(SIZES), serial=draw(st.sampled_from([None, "SERd0", "SERd1", "SERd2", "SERd3", "NEW"])),
        by_path=draw(st.sampled_from([None, *(f"pci-0000:00:0{n}.0" for n in range(4))])),
        logical_sector=draw(st.sampled_from([512, 512, 512, 4096])), signatures=draw(SIGNATURES),
        excluded=draw(st.sampled_from([None, None, None, "the medium"])),
        read_only=draw(st.sampled_from([False, False, False, True])))


def stand_in(draw: st.DrawFn, saved: Disk) -> PresentDisk:
    """A disk that fits the saved one: itself, or a new one of at least its size in its slot."""
    itself = draw(st.booleans())
    return present("x", saved.size_bytes + draw(st.sampled_from([0, 0, GIB])), signatures=draw(SIGNATURES),
                   serial=saved.serial if itself else None, by_path=saved.by_path if not itself else None)


@st.composite
def scenarios(draw: st.DrawFn) -> Tuple[SystemInformation, Hardware]:
    """A saved machine and one in front of us: mostly with a disk for each saved one, and some more, in any order."""
    saved = draw(saved_machines())
    found = [stand_in(draw, d) for d in saved.disks if draw(st.integers(0, 19))]
    found += [any_disk(draw) for _ in range(draw(st.integers(0, 2)))]
    shuffled = draw(st.permutations(found))
    return saved, machine(*(replace(d, name=f"vd{chr(97 + i)}", path=f"/dev/vd{chr(97 + i)}")
                            for i, d in enumerate(shuffled)))


def attempt(saved: SystemInformation, here: Hardware) -> Optional[RestorePlan]:
    """The plan, or None; anything else than a plan or a typed refusal is a failure of the test."""
    try:
        return plan_restore(saved, here, RestorePolicy())
    except NoPlan as refusal:
        assert refusal.reasons
        return None


@given(scenarios())
def test_the_planner_is_total_and_deterministic(scenario: Tuple[SystemInformation, Hardware]) -> None:
    saved, here = scenario
    assert attempt(saved, here) == attempt(saved, here)


@given(scenarios())
def test_a_plan_keeps_its_promises(scenario: Tuple[SystemInformation, Hardware]) -> None:
    saved, here = scenario
    plan = attempt(saved, here)
    if plan is None:
        return
    by_name = {d.name: d for d in here.disks}
    targets = [by_name[m.name] for m in plan.matches]
    target = plan.target_of(saved)
    critical = [d for d in target.disks if d.role is DiskRole.CRITICAL]
    assert [m.saved for m in plan.matches] == [d.id for d in critical]
    assert len({d.name for d in targets}) == len(targets)
    assert not any(d.excluded or d.read_only for d in targets)
    assert {d.name for d in targets} | {r.name for r in plan.rejections} == set(by_name)
    data_serials = {d.serial for d in saved.disks if d.role is not DiskRole.CRITICAL} - {None}
    assert not data_serials & {d.serial for d in targets}
    assert {c.path for c in plan.consents} == {d.path for d in targets if d.signatures}
    changed = {(d.kind, d.id) for d in diff(saved, target, identity_only=False)}
    assert sorted(a.subject for a in plan.adjustments) == sorted(ident or kind.lower() for kind, ident in changed)
    for m, d, c in zip(plan.matches, targets, critical):
        assert (d.size_bytes, d.logical_sector) == (c.size_bytes, c.logical_sector), m
    assert load_plan(dump_plan(plan)) == plan


@given(scenarios())
def test_partitions_lie_within_their_disk_and_apart(scenario: Tuple[SystemInformation, Hardware]) -> None:
    saved, here = scenario
    plan = attempt(saved, here)
    for match in plan.matches if plan else ():
        target = next(d for d in here.disks if d.name == match.name)
        machine_then = plan.target_of(saved) if plan else saved
        source = next(d for d in machine_then.disks if d.id == match.saved)
        first, last = usable(source, target.size_bytes)
        end = first
        for found in sorted(Layout(machine_then).partitions_on(source.id), key=lambda p: p.start_sector):
            assert end <= found.start_sector and found.start_sector + found.sectors - 1 <= last
            end = found.start_sector + found.sectors


@given(scenarios())
def test_every_action_comes_after_what_it_needs(scenario: Tuple[SystemInformation, Hardware]) -> None:
    saved, here = scenario
    plan = attempt(saved, here)
    done: List[str] = []
    for action in plan.actions if plan else ():
        assert set(action.needs) <= set(done)
        assert action.id not in done
        done.append(action.id)


@given(st.permutations(range(4)))
def test_names_and_order_of_disks_do_not_matter(order: List[int]) -> None:
    disks = [present("w", serial="SERd0"), present("x", 4 * GIB, serial="SERd1"),
             present("y", excluded="the medium"), present("z", 9 * GIB, signatures=("z: ext4",))]
    renamed = [replace(disks[old], name=f"sd{chr(97 + new)}", path=f"/dev/sd{chr(97 + new)}")
               for new, old in enumerate(order)]
    plan = plan_restore(server(), machine(*renamed), RestorePolicy())
    serials = {d.name: d.serial for d in renamed}
    assert [serials[m.name] for m in plan.matches] == ["SERd0", "SERd1"]


def test_the_scenarios_are_worth_testing() -> None:
    """Properties of plans prove nothing when nearly every scenario is refused."""
    outcomes: List[bool] = []

    @settings(max_examples=200, database=None, derandomize=True)
    @given(scenarios())
    def count(scenario: Tuple[SystemInformation, Hardware]) -> None:
        outcomes.append(attempt(*scenario) is not None)

    count()
    assert 0.25 < sum(outcomes) / len(outcomes) < 0.95
