"""Properties of plans for disks of any size: more room never makes a plan fail, and nothing is unexplained."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import List, Optional, Set, Tuple

from hypothesis import given, settings, strategies as st
from planner_cases import MACHINES, MIB
from planner_machines import present

from rescue.hardware import Hardware
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.codec import dump_plan, load_plan
from rescue.planner.layout import Layout
from rescue.planner.outcome import size_of
from rescue.planner.sketch import Sketch
from rescue.planner.spare import hardware_of
from rescue.planner.words import human
from sif.check import check
from sif.diff import diff
from sif.enums import Firmware, Fit, Grow, OneDisk
from sif.model import DiskRole, Ref, SystemInformation
from sif.problems import errors_of

SIZE = st.integers(1500, 12000)
NOTHING = RestorePolicy()
"""What an operator decides who decides nothing."""


@st.composite
def saved_machines(draw: st.DrawFn) -> SystemInformation:
    """One of the table's machines, with other amounts in use and another policy."""
    saved = MACHINES[draw(st.sampled_from(sorted(MACHINES)))]()
    used = tuple(replace(fs, used_bytes=draw(st.one_of(st.none(), st.integers(1, 3000))) if fs.id in ("root", "srv")
                         else None) for fs in saved.filesystems)
    used = tuple(replace(fs, used_bytes=None if fs.used_bytes is None else fs.used_bytes * MIB) for fs in used)
    policy = replace(saved.policy, fit=draw(st.sampled_from([Fit.EXACT, Fit.SHRINK_FREE, Fit.PROPORTIONAL])),
                     grow=draw(st.sampled_from(Grow)), grow_volumes=(Ref("root"),),
                     one_disk=draw(st.sampled_from(OneDisk)))
    return replace(saved, filesystems=used, policy=policy)


@st.composite
def scenarios(draw: st.DrawFn) -> Tuple[SystemInformation, Hardware, Hardware]:
    """A saved machine, and two with its disks (some of them): every disk of the second is at least as large."""
    saved = draw(saved_machines())
    disks = [d for d in saved.disks if d.role is DiskRole.CRITICAL]
    there = [d for d in disks if len(disks) == 1 or draw(st.integers(0, 2))]
    sector = draw(st.sampled_from([512, 512, 4096]))
    first = [present(f"vd{d.id}", draw(SIZE) * MIB, serial=d.serial, logical_sector=sector, physical_sector=sector)
             for d in there]
    second = [replace(d, size_bytes=d.size_bytes + draw(st.sampled_from([0, 1, 64, 4000])) * MIB) for d in first]
    firmware = draw(st.sampled_from([saved.system.firmware, saved.system.firmware, *Firmware]))
    return saved, Hardware(firmware, "x86_64", tuple(first)), Hardware(firmware, "x86_64", tuple(second))


@st.composite
def decided(draw: st.DrawFn) -> Tuple[SystemInformation, Hardware, RestorePolicy]:
    """A scenario with what the operator may decide besides: nothing, a replica, or two disks for the first one."""
    saved, here, _ = draw(scenarios())
    choice = draw(st.sampled_from(["nothing", "replica", "two disks"]))
    new = tuple(replace(disk, serial=None) for disk in here.disks)
    if choice == "replica":
        return saved, replace(here, disks=new), RestorePolicy(replica="web02")
    if choice == "two disks" and new and new[0].name == "vdd0":
        spare = replace(new[0], name="vdx", path="/dev/vdx",
                        size_bytes=new[0].size_bytes + draw(st.sampled_from([0, 64])) * MIB)
        return saved, replace(here, disks=(*new, spare)), RestorePolicy(parse_disk_map(["d0=vdd0+vdx"]))
    return saved, here, RestorePolicy()


def attempt(saved: SystemInformation, here: Hardware,
            policy: RestorePolicy = NOTHING) -> Optional[RestorePlan]:
    try:
        return plan_restore(saved, here, policy)
    except NoPlan as refusal:
        assert not {reason.code for reason in refusal.reasons} & {"unsound", "unexplained", "bounds", "overlap"}
        return None


@settings(max_examples=150)
@given(scenarios())
def test_more_room_never_makes_a_plan_fail(scenario: Tuple[SystemInformation, Hardware, Hardware]) -> None:
    saved, small, large = scenario
    if attempt(saved, small) is not None:
        assert attempt(saved, large) is not None


@settings(max_examples=100)
@given(saved_machines(), st.randoms(use_true_random=False))
def test_identical_hardware_needs_no_adjustment(saved: SystemInformation, order: Random) -> None:
    """Whatever the set's policy: also when it would have volumes grow or shrink on other disks."""
    here = hardware_of(saved)
    disks = list(here.disks)
    order.shuffle(disks)
    named = tuple(replace(disk, name=f"vd{chr(97 + place)}", path=f"/dev/vd{chr(97 + place)}")
                  for place, disk in enumerate(disks))
    plan = plan_restore(saved, replace(here, disks=named), RestorePolicy())
    assert (plan.adjustments, plan.target, plan.consents) == ((), None, ())


@settings(max_examples=150)
@given(decided())
def test_every_plan_is_sound_explained_and_the_same_again(
        scenario: Tuple[SystemInformation, Hardware, RestorePolicy]) -> None:
    saved, here, policy = scenario
    plan = attempt(saved, here, policy)
    if plan is None:
        return
    target = plan.target_of(saved)
    known = {(problem.subject, problem.what) for problem in check(saved)}
    assert [p for p in errors_of(check(target)) if (p.subject, p.what) not in known] == []
    differing = {(d.kind, d.id) for d in diff(saved, target, identity_only=False)}
    assert sorted(a.subject for a in plan.adjustments) == sorted(ident or kind.lower() for kind, ident in differing)
    assert dump_plan(attempt(saved, here, policy) or plan) == dump_plan(plan)
    assert load_plan(dump_plan(plan)) == plan


@settings(max_examples=150)
@given(decided())
def test_what_a_plan_says_of_sizes_is_what_becomes_of_them(
        scenario: Tuple[SystemInformation, Hardware, RestorePolicy]) -> None:
    """Several passes may change one record; its code and its consequence are those of the result."""
    saved, here, policy = scenario
    plan = attempt(saved, here, policy)
    if plan is None:
        return
    then, now = Sketch(saved), Sketch(plan.target_of(saved))
    for adjustment in plan.adjustments:
        what, _, change = adjustment.code.rpartition("-")
        assert adjustment.consequence.strip(), adjustment
        kind = KINDS.get(what)
        if kind is None or change not in ("grown", "shrunk", "moved"):
            continue
        was, will = then.records[kind][adjustment.subject], now.records[kind][adjustment.subject]
        more = size_of(now, kind, will) - size_of(then, kind, was)
        if change == "moved":
            assert not more or was.disk != will.disk, adjustment
        else:
            assert (more > 0) == (change == "grown") and more, adjustment
        assert not more or f"{human(abs(more))} {'more' if more > 0 else 'less'} room" in adjustment.consequence


KINDS = {"partition": "PARTITION", "md": "MD", "luks": "LUKS", "pv": "PV", "lv": "LV", "fs": "FS"}
"""The kind of record that an adjustment's code begins with; the table's machines have no btrfs and no bcache."""


@settings(max_examples=150)
@given(scenarios())
def test_nothing_gets_less_than_was_in_use_and_the_system_volume_stays(
        scenario: Tuple[SystemInformation, Hardware, Hardware]) -> None:
    saved, here, _ = scenario
    plan = attempt(saved, here)
    if plan is None:
        return
    target = plan.target_of(saved)
    before, after = sizes(saved), sizes(target)
    assert {saved.system.boot_fs, saved.system.root_fs} <= set(after)
    for ident, size in after.items():
        used = next((fs.used_bytes for fs in saved.filesystems if fs.id == ident), None)
        if ident in before:
            assert size >= min(before[ident], (used or before[ident]))
        if ident in before and ident == "esp":
            assert size == before[ident]


def sizes(info: SystemInformation) -> "dict[str, int]":
    """Bytes of what each file system lies on."""
    layout = Layout(info)
    return {fs.id: layout.size_of(fs.device) or 0 for fs in info.filesystems}


def test_the_scenarios_are_worth_testing() -> None:
    outcomes: List[int] = []
    codes: Set[str] = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(scenarios())
    def count(scenario: Tuple[SystemInformation, Hardware, Hardware]) -> None:
        plan = attempt(scenario[0], scenario[1])
        outcomes.append(0 if plan is None else 2 if plan.target is not None else 1)

    @settings(max_examples=200, database=None, derandomize=True)
    @given(decided())
    def sort(scenario: Tuple[SystemInformation, Hardware, RestorePolicy]) -> None:
        plan = attempt(*scenario)
        codes.update(adjustment.code for adjustment in (plan.adjustments if plan else ()))

    count()
    sort()
    assert {"replica-identity", "mirror-added", "partition-added", "firmware-partition"} <= codes
    assert outcomes.count(0) / len(outcomes) < 0.75 and outcomes.count(2) / len(outcomes) > 0.25
