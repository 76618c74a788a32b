"""What survived is kept: which facts are enough, what has to be below, what is not run, and what nobody may lose."""

from __future__ import annotations

from dataclasses import replace
from typing import FrozenSet, Tuple

import pytest
from planner_cases import bare, mirror, plain, two
from planner_machines import GIB, guid, machine, present

from rescue.decisions import decide
from rescue.hardware import Hardware, PresentDisk, Whole, Wholeness
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.layout import Layout
from rescue.storage.whole import components
from sif.model import (
    Command,
    FileSystem,
    FsType,
    Intact,
    Phase,
    Policy,
    Ref,
    SystemInformation,
)

D0 = present("vda", serial="SERd0", signatures=("vda: gpt",))
D1 = present("vdb", 4 * GIB, serial="SERd1", signatures=("vdb: gpt",))
ON_D1 = ("table:d1", "vg:vg1", "fs:srv")
ON_D0 = ("table:d0", "vg:vg0", "fs:esp", "fs:boot", "fs:root", "swap:swap0")


def facts(ids: Tuple[str, ...], disk: str, found: Wholeness = Wholeness.CLEAN) -> Tuple[Whole, ...]:
    return tuple(Whole(ident, (disk,), found) for ident in ids)


def here(*whole: Whole, disks: Tuple[PresentDisk, ...] = (D0, D1)) -> Hardware:
    return replace(machine(*disks), whole=whole)


def plan(saved: SystemInformation, hardware: Hardware, level: Intact = Intact.KEEP) -> RestorePlan:
    return plan_restore(saved, hardware, RestorePolicy(intact=level))


def kept(found: RestorePlan) -> FrozenSet[str]:
    return frozenset(found.kept)


def test_a_data_disk_survives_the_loss_of_the_system_s() -> None:
    found = plan(two(), here(*facts(ON_D1, "vdb")))
    assert kept(found) == {"wipe:d1", "table:d1", "partition:d1p1", "pv:pv1", "vg:vg1", "lv:lvsrv", "fs:srv"}
    assert [(c.path, c.same_disk) for c in found.consents] == [("/dev/vda", True)]


def test_its_programs_are_not_run_and_the_plan_says_what_that_saves() -> None:
    found = plan(two(), here(*facts(ON_D1, "vdb")))
    assert [command.id for command in found.target_of(two()).commands] == ["2000"]
    (adjustment,) = found.adjustments
    assert (adjustment.code, adjustment.subject, adjustment.consent) == ("command-intact", "2100", False)
    assert "100.0 MiB need not be restored" in adjustment.consequence


def test_a_program_that_restores_something_else_too_is_run() -> None:
    saved = replace(two(), commands=(Command("2000", Phase.RESTORE, "tar", "All", ("true",),
                                             volumes=(Ref("root"), Ref("srv"))),))
    found = plan(saved, here(*facts(ON_D1, "vdb")))
    assert found.target is None and len(found.kept) > 0


def test_only_the_boot_volume_is_lost() -> None:
    whole = tuple(fact for fact in facts(("table:d0", "fs:esp", "fs:root", "fs:srv"), "vda"))
    found = plan(plain(), here(*whole, disks=(D0,)))
    assert kept(found) == {"wipe:d0", "table:d0", "partition:d0p1", "partition:d0p3", "partition:d0p4", "fs:esp",
                           "fs:root", "fs:srv"}
    assert [c.path for c in found.consents] == ["/dev/vda"]


def test_a_disk_that_is_kept_whole_needs_no_consent() -> None:
    found = plan(two(), here(*facts(ON_D0, "vda"), *facts(ON_D1, "vdb")))
    assert found.consents == () and {action.id for action in found.actions} == kept(found)


def test_swap_stays_where_its_group_or_table_does_and_only_there() -> None:
    assert "swap:swap0" in plan(two(), here(*facts(tuple(i for i in ON_D0 if i != "fs:boot"), "vda"))).kept
    assert plan(two(), here(*facts(("table:d0", "vg:vg0", "swap:swap0"), "vda"))).kept == ()
    found = plan(plain(), here(*facts(("table:d0", "fs:srv", "swap:swap0"), "vda"), disks=(D0,)))
    assert {"swap:swap0", "partition:d0p5"} <= kept(found)


@pytest.mark.parametrize("lost", ["table:d1", "vg:vg1"])
def test_nothing_is_kept_on_something_that_is_not_whole(lost: str) -> None:
    found = plan(two(), here(*facts(tuple(i for i in ON_D1 if i != lost), "vdb")))
    assert found.kept == ()


def test_containers_are_not_kept_for_their_own_sake() -> None:
    assert plan(two(), here(*facts(("table:d1", "vg:vg1"), "vdb"))).kept == ()


def test_a_volume_that_was_found_elsewhere_is_not_kept() -> None:
    """The facts are about vda; the plan puts d1 on vdb."""
    assert plan(two(), here(*facts(ON_D1, "vda"))).kept == ()


@pytest.mark.parametrize(("level", "found", "is_kept"), [
    (Intact.KEEP, Wholeness.CLEAN, True), (Intact.KEEP, Wholeness.VERIFIED, True),
    (Intact.VERIFY, Wholeness.CLEAN, False), (Intact.VERIFY, Wholeness.VERIFIED, True),
    (Intact.REBUILD, Wholeness.VERIFIED, False),
])
def test_how_much_must_have_been_looked_at(level: Intact, found: Wholeness, is_kept: bool) -> None:
    assert ("fs:srv" in plan(two(), here(*facts(ON_D1, "vdb", found)), level).kept) is is_kept


def test_what_changes_is_not_kept() -> None:
    """d1 is replaced by a smaller disk with the same serial number: its table cannot stay."""
    smaller = replace(D1, size_bytes=3 * GIB)
    found = plan_restore(two(), here(*facts(ON_D1, "vdb"), disks=(D0, smaller)), RestorePolicy(
        intact=Intact.KEEP, disk_map=parse_disk_map([])))
    assert found.kept == ()


def test_nothing_is_lost_when_nobody_has_looked() -> None:
    saved = replace(two(), policy=Policy(intact=Intact.KEEP))
    with pytest.raises(NoPlan, match="nobody has looked") as caught:
        plan_restore(saved, machine(D0, D1), RestorePolicy())
    assert {reason.code for reason in caught.value.reasons} == {"intact"}
    plan_restore(saved, machine(replace(D0, signatures=()), replace(D1, signatures=())), RestorePolicy())


def test_everything_a_kept_action_needs_is_kept() -> None:
    found = plan(two(), here(*facts(ON_D0, "vda"), *facts(ON_D1, "vdb")))
    needs = {action.id: action.needs for action in found.actions}
    assert all(set(needs[ident]) <= kept(found) for ident in found.kept)


def test_a_stored_plan_brings_no_programs_of_its_own() -> None:
    """What lies on the stage may have been changed; the set beside it was verified."""
    found = plan(two(), here(*facts(ON_D1, "vdb")))
    assert found.target is not None
    evil = replace(found.target.commands[0], argv=("evil",))
    changed = replace(found, target=replace(found.target, commands=(evil, replace(evil, id="2200")), stores=()))
    assert changed.target_of(two()).commands == two().commands[:1]


# What is left of the plan for the rebuild

def with_log() -> SystemInformation:
    """`bare` with a second volume in the group that has a disk for itself."""
    saved = bare()
    return replace(
        saved, lvs=(*saved.lvs, replace(saved.lvs[-1], id="lvlog", name="log", uuid=saved.lvs[-1].uuid[:-1] + "x",
                                        extents=10, segments=("pv1:600:10",))),
        filesystems=(*saved.filesystems, FileSystem("log", Ref("lvlog"), FsType.EXT4, guid(909), mount="/log")))


def test_a_disk_without_a_table_is_kept_whole_or_not_at_all() -> None:
    """There is no room on it for the mark that tells an interrupted run's new volumes from those that survived."""
    some = facts(("vg:vg1", "fs:srv"), "vdb")
    assert plan(with_log(), here(*some)).kept == ()
    assert plan(with_log(), here(*some, *facts(("fs:log",), "vdb"))).untouched() == ("d1",)


def test_the_rebuild_gets_a_plan_without_the_disks_that_are_kept() -> None:
    found = plan(two(), here(*facts(ON_D1, "vdb")))
    left = found.to_do()
    assert [match.saved for match in left.matches] == ["d0"] and left.kept == ()
    assert {action.disk for action in left.actions} == {"d0"}
    assert found.kept_volumes() == ("srv",)
    assert {action.id for action in found.actions} == {action.id for action in left.actions} | kept(found)


def test_of_what_is_kept_the_rebuild_only_gets_what_something_made_lies_on() -> None:
    found = plan(plain(), here(*facts(("table:d0", "fs:esp", "fs:root", "fs:srv"), "vda"), disks=(D0,)))
    left = found.to_do()
    assert left.kept == ("wipe:d0", "table:d0") and found.untouched() == ()
    assert {action.id for action in left.actions} == {"wipe:d0", "table:d0", "partition:d0p2", "partition:d0p5",
                                                      "fs:boot", "swap:swap0"}
    assert found.kept_partitions() == {"d0p1", "d0p3", "d0p4"}
    assert [need.kept for need in found.consents] == [("esp", "root", "srv")]


def test_a_group_that_is_kept_over_two_disks_comes_with_all_its_parts() -> None:
    """One of its volumes is made anew: the rebuild needs every physical volume of it."""
    base = two()
    saved = replace(base, vgs=(replace(base.vgs[0], pvs=(Ref("pv0"), Ref("pv1"))),),
                    lvs=tuple(replace(lv, vg=Ref("vg0")) for lv in base.lvs))
    whole = (Whole("table:d0", ("vda",)), Whole("table:d1", ("vdb",)), Whole("vg:vg0", ("vda", "vdb")),
             Whole("fs:srv", ("vda", "vdb")))
    found = plan(saved, here(*whole))
    assert "fs:srv" in found.kept and "fs:root" not in found.kept
    assert {"pv:pv0", "pv:pv1", "vg:vg0"} <= set(found.to_do().kept)
    assert {match.saved for match in found.to_do().matches} == {"d0", "d1"}


@pytest.mark.parametrize(("keeping", "is_kept"), [((), False), (("fs:srv",), True), (("fs:root",), False)])
def test_of_a_disk_that_a_run_began_only_what_that_run_kept_has_survived(keeping: Tuple[str, ...],
                                                                         is_kept: bool) -> None:
    """A file system that was made a moment before the power failed is clean, in its place, and empty."""
    begun = replace(D0, begun=True, keeping=keeping)
    found = plan(plain(), here(*facts(("table:d0", "fs:root", "fs:srv"), "vda"), disks=(begun,)))
    assert ("fs:srv" in found.kept) is is_kept


def test_disks_that_share_something_are_looked_at_together() -> None:
    alone = plan(two(), here(*facts(ON_D1, "vdb")))
    assert [[m.saved for m in group] for group in components(Layout(two()), alone)] == [["d0"], ["d1"]]
    saved = mirror()
    together = plan_restore(saved, machine(D0, replace(D1, size_bytes=8 * GIB)), RestorePolicy(intact=Intact.REBUILD))
    assert [[m.saved for m in group] for group in components(Layout(saved), together)] == [["d0", "d1"]]


def test_the_look_is_at_the_disks_of_a_plan_that_keeps_nothing() -> None:
    seen = []

    def look(first: RestorePlan) -> Tuple[Whole, ...]:
        seen.append((first.kept, [match.name for match in first.matches]))
        return facts(ON_D1, "vdb")

    policy = RestorePolicy(intact=Intact.KEEP)
    assert decide(two(), machine(D0, D1), policy, None, look).untouched() == ("d1",)
    assert seen == [((), ["vda", "vdb"])]
    assert decide(two(), machine(D0, D1), RestorePolicy(), None, look).kept == () and len(seen) == 1
