"""Properties that hold for every machine and every set of disks."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Optional

from hypothesis import given, strategies as st
from planner_machines import GIB, disk, machine, one_disk, part, present, server

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.check import usable
from rescue.planner.codec import dump_plan, load_plan
from rescue.planner.layout import Layout
from sif.model import DiskRole, SystemInformation

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
        for index in range(1, 1 + draw(st.integers(0, 3))):
            partitions.append(part(ident, index, draw(st.integers(1, 4000)), draw(st.integers(1, 3000))))
    return replace(base, disks=tuple(disks), partitions=tuple(partitions))


@st.composite
def present_disks(draw: st.DrawFn) -> PresentDisk:
    return present(
        "vdx", draw(SIZES), serial=draw(st.sampled_from([None, "SERd0", "SERd1", "SERd2", "SERd3", "NEW"])),
        by_path=draw(st.sampled_from([None, *(f"pci-0000:00:0{n}.0" for n in range(4))])),
        logical_sector=draw(st.sampled_from([512, 512, 512, 4096])),
        signatures=draw(st.sampled_from([(), (), ("vdx1: ext4",)])),
        excluded=draw(st.sampled_from([None, None, None, "the medium"])),
        read_only=draw(st.sampled_from([False, False, False, True])))


@st.composite
def hardware(draw: st.DrawFn) -> Hardware:
    found = draw(st.lists(present_disks(), min_size=1, max_size=6))
    return machine(*(replace(d, name=f"vd{chr(97 + i)}", path=f"/dev/vd{chr(97 + i)}") for i, d in enumerate(found)))


def attempt(saved: SystemInformation, here: Hardware) -> Optional[RestorePlan]:
    """The plan, or None; anything else than a plan or a typed refusal is a failure of the test."""
    try:
        return plan_restore(saved, here, RestorePolicy())
    except NoPlan as refusal:
        assert refusal.reasons
        return None


@given(saved_machines(), hardware())
def test_the_planner_is_total_and_deterministic(saved: SystemInformation, here: Hardware) -> None:
    assert attempt(saved, here) == attempt(saved, here)


@given(saved_machines(), hardware())
def test_a_plan_keeps_its_promises(saved: SystemInformation, here: Hardware) -> None:
    plan = attempt(saved, here)
    if plan is None:
        return
    by_name = {d.name: d for d in here.disks}
    targets = [by_name[m.name] for m in plan.matches]
    critical = [d for d in saved.disks if d.role is DiskRole.CRITICAL]
    assert [m.saved for m in plan.matches] == [d.id for d in critical]
    assert len({d.name for d in targets}) == len(targets)
    assert not any(d.excluded or d.read_only for d in targets)
    assert {d.name for d in targets} | {r.name for r in plan.rejections} == set(by_name)
    data_serials = {d.serial for d in saved.disks if d.role is not DiskRole.CRITICAL} - {None}
    assert not data_serials & {d.serial for d in targets}
    assert {c.path for c in plan.consents} == {d.path for d in targets if d.signatures}
    grown = {m.saved for m, d, c in zip(plan.matches, targets, critical) if d.size_bytes != c.size_bytes}
    assert sorted(a.subject for a in plan.adjustments) == sorted(grown)
    assert load_plan(dump_plan(plan)) == plan


@given(saved_machines(), hardware())
def test_partitions_lie_within_their_disk_and_apart(saved: SystemInformation, here: Hardware) -> None:
    plan = attempt(saved, here)
    for match in plan.matches if plan else ():
        target = next(d for d in here.disks if d.name == match.name)
        source = next(d for d in saved.disks if d.id == match.saved)
        first, last = usable(source, target.size_bytes)
        end = first
        for found in sorted(Layout(saved).partitions_on(source.id), key=lambda p: p.start_sector):
            assert end <= found.start_sector and found.start_sector + found.sectors - 1 <= last
            end = found.start_sector + found.sectors


@given(saved_machines(), hardware())
def test_every_action_comes_after_what_it_needs(saved: SystemInformation, here: Hardware) -> None:
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


@given(SIZES)
def test_one_disk_fits_exactly_when_it_is_not_smaller(size: int) -> None:
    assert (attempt(one_disk(), machine(present("vda", size))) is not None) == (size >= 8 * GIB)
