"""What a plan says: adjustments, consents, actions, refusals of layouts; JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any, Callable, Tuple

import pytest
from planner_machines import GIB, disk, itself, machine, one_disk, part, present, server

from rescue.plan import ActionKind
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.codec import NotDecodable, dump_hardware, dump_plan, load_hardware, load_plan
from rescue.planner.consent import ConsentMissing, require_unattended, unattended_verdict
from sif.errors import Exit
from sif.model import (
    DiskRole,
    Firmware,
    Fit,
    Intact,
    Overwrite,
    Partition,
    Policy,
    Raw,
    Ref,
    SystemInformation,
    TableType,
)

ANY = RestorePolicy()


def test_identical_hardware_needs_no_adjustment_and_no_consent() -> None:
    plan = plan_restore(server(), machine(*itself()), ANY)
    assert plan.adjustments == () and plan.consents == () and plan.rejections == ()


def test_a_larger_disk_yields_exactly_one_adjustment() -> None:
    one, two = itself()
    plan = plan_restore(server(), machine(replace(one, size_bytes=9 * GIB), two), ANY)
    assert [(a.code, a.subject) for a in plan.adjustments] == [("disk-larger", "d0")]
    assert "every partition keeps its place and size; 1.7 GiB at the end are free" in plan.adjustments[0].consequence
    assert "backup GPT" in plan.adjustments[0].consequence


def test_actions_follow_the_order_of_the_layout() -> None:
    plan = plan_restore(server(), machine(*itself()), ANY)
    assert [a.id for a in plan.actions] == [
        "wipe:d0", "wipe:d1", "table:d0", "table:d1", "partition:d0p1", "partition:d0p2", "partition:d0p3",
        "partition:d1p1", "pv:pv0", "pv:pv1", "vg:vg0", "vg:vg1", "lv:lvroot", "lv:lvswap", "lv:lvsrv",
        "fs:esp", "fs:boot", "fs:root", "fs:srv", "swap:swap0"]
    assert {a.kind for a in plan.actions if a.destructive} == {ActionKind.WIPE_DISK, ActionKind.WRITE_TABLE}


def test_volumes_on_data_disks_get_no_action() -> None:
    saved = server()
    saved = replace(saved, disks=(saved.disks[0], replace(saved.disks[1], role=DiskRole.DATA)))
    plan = plan_restore(saved, machine(*itself()), ANY)
    assert {a.disk for a in plan.actions} == {"d0"}
    assert not {"vg:vg1", "pv:pv1", "lv:lvsrv", "fs:srv"} & {a.id for a in plan.actions}


def test_the_fingerprint_is_that_of_the_matched_disk() -> None:
    plan = plan_restore(server(), machine(*itself()), ANY)
    assert [(m.fingerprint.path, m.fingerprint.content, m.fingerprint.serial) for m in plan.matches] == [
        ("/dev/vda", "digest-vda", "SERd0"), ("/dev/vdb", "digest-vdb", "SERd1")]


@pytest.mark.parametrize(("overwrite", "serial", "granted"), [
    (Overwrite.BLANK_ONLY, "SERd0", False), (Overwrite.SAME_DISK, "SERd0", True),
    (Overwrite.SAME_DISK, "OTHER", False), (Overwrite.ANY, "OTHER", True),
])
def test_the_policy_covers_only_what_it_names(overwrite: Overwrite, serial: str, granted: bool) -> None:
    plan = plan_restore(one_disk(), machine(present("vda", serial=serial, signatures=("vda1: ext4",))), ANY)
    assert plan.consents[0].holds == ("vda1: ext4",)
    assert unattended_verdict(plan, overwrite).granted is granted
    if granted:
        require_unattended(plan, overwrite)
    else:
        with pytest.raises(ConsentMissing) as caught:
            require_unattended(plan, overwrite)
        assert caught.value.code is Exit.CONSENT_MISSING and "vda1: ext4" in str(caught.value)


def test_a_recorded_serial_on_a_disk_of_another_size_is_not_the_same_disk() -> None:
    plan = plan_restore(one_disk(), machine(present("vda", 9 * GIB, serial="SERd0", signatures=("vda: gpt",))), ANY)
    assert not plan.consents[0].same_disk


def test_blank_disks_need_no_consent_under_any_policy() -> None:
    plan = plan_restore(server(), machine(*itself()), ANY)
    assert all(unattended_verdict(plan, overwrite).granted for overwrite in Overwrite)


def _swap(saved: SystemInformation, ident: str, **facts: Any) -> SystemInformation:
    return replace(saved, partitions=tuple(replace(p, **facts) if p.id == ident else p for p in saved.partitions))


BROKEN: Tuple[Tuple[str, Callable[[SystemInformation], SystemInformation]], ...] = (
    ("overlap", lambda s: _swap(s, "d0p2", start_sector=4096)),
    ("overlap", lambda s: _swap(s, "d0p2", number=1)),
    ("bounds", lambda s: _swap(s, "d0p1", start_sector=100)),
    ("bounds", lambda s: _swap(s, "d0p3", sectors=8 * GIB // 512)),
    ("bounds", lambda s: replace(s, pvs=(replace(s.pvs[0], extents=9999), *s.pvs[1:]))),
    ("bounds", lambda s: replace(s, lvs=(replace(s.lvs[0], segments=("pv0:0:1",)), *s.lvs[1:]))),
    ("bounds", lambda s: replace(s, lvs=(replace(s.lvs[0], segments=("pv0:1700:1000",)), *s.lvs[1:]))),
    ("overlap", lambda s: replace(s, lvs=(s.lvs[0], replace(s.lvs[1], segments=("pv0:999:64",)), *s.lvs[2:]))),
    ("overlap", lambda s: replace(s, swaps=(replace(s.swaps[0], device=Ref("lvroot")),))),
    ("dangling", lambda s: replace(s, swaps=(replace(s.swaps[0], device=Ref("nowhere")),))),
    ("dangling", lambda s: replace(s, vgs=(replace(s.vgs[0], pvs=(Ref("pv0"), Ref("pv9"))), *s.vgs[1:]))),
    ("vg-mixed", lambda s: replace(s, disks=(s.disks[0], replace(s.disks[1], role=DiskRole.DATA)),
                                   vgs=(replace(s.vgs[0], pvs=(Ref("pv0"), Ref("pv1"))),))),
    ("system-volume", lambda s: replace(s, disks=(replace(s.disks[0], role=DiskRole.DATA), s.disks[1]))),
    ("system-volume", lambda s: replace(s, system=replace(s.system, root_fs=Ref("nowhere")))),
    ("firmware", lambda s: replace(s, system=replace(s.system, firmware=Firmware.BIOS))),
    ("architecture", lambda s: replace(s, system=replace(s.system, arch="riscv64"))),
    ("no-disk", lambda s: replace(s, disks=())),
)


@pytest.mark.parametrize(("code", "breaks"), BROKEN)
def test_a_layout_that_does_not_hold_together_is_refused(
        code: str, breaks: Callable[[SystemInformation], SystemInformation]) -> None:
    with pytest.raises(NoPlan) as caught:
        plan_restore(breaks(server()), machine(*itself()), ANY)
    assert code in {reason.code for reason in caught.value.reasons}


def test_a_policy_of_no_change_refuses_a_larger_disk() -> None:
    saved = replace(one_disk(), policy=Policy(fit=Fit.FAIL))
    with pytest.raises(NoPlan, match="fit = fail"):
        plan_restore(saved, machine(present("vda", 9 * GIB)), ANY)


def test_volumes_to_be_kept_are_refused_on_used_disks_only() -> None:
    saved = replace(one_disk(), policy=Policy(intact=Intact.KEEP))
    plan_restore(saved, machine(present("vda")), ANY)
    with pytest.raises(NoPlan, match="intact = keep"):
        plan_restore(saved, machine(present("vda", signatures=("vda: gpt",))), ANY)


def test_logical_partitions_lie_in_their_container() -> None:
    mbr = disk("d0", table=TableType.MBR, table_id="0x1234abcd", first_lba=None, gpt_entries=None)

    def table(logical: Partition) -> SystemInformation:
        base = one_disk()
        return replace(base, disks=(mbr,), partitions=(
            replace(part("d0", 1, 1, 100), type="0x83"), replace(part("d0", 2, 101, 7900), type="0x05"), logical),
            pvs=(), vgs=(), lvs=(), swaps=(), filesystems=tuple(
                replace(fs, device=Ref(device)) for fs, device in zip(base.filesystems[1:], ("d0p1", "d0p5"))))

    inside, outside = (replace(part("d0", 5, start, 50), type="0x83") for start in (102, 8010))
    plan_restore(table(inside), machine(present("vda")), ANY)
    with pytest.raises(NoPlan, match="overlap"):
        plan_restore(table(outside), machine(present("vda")), ANY)


def test_plan_and_hardware_survive_json() -> None:
    here = machine(*itself(), present("vdc", excluded="the medium"))
    plan = plan_restore(server(), here, ANY)
    assert load_plan(dump_plan(plan)) == plan
    assert load_hardware(dump_hardware(here)) == here


@pytest.mark.parametrize(("change", "where"), [
    (lambda d: d.pop("set_id"), "$"), (lambda d: d.update(extra=1), "$"),
    (lambda d: d.update(hostname=3), "$.hostname"),
    (lambda d: d["actions"][0].update(kind="melt"), "$.actions[0].kind"),
    (lambda d: d["actions"][0].update(destructive=1), "$.actions[0].destructive"),
    (lambda d: d["matches"][0]["fingerprint"].update(size_bytes=True), "$.matches[0].fingerprint.size_bytes"),
    (lambda d: d.update(matches={}), "$.matches"), (lambda d: d.update(matches=[1]), "$.matches[0]"),
])
def test_json_that_is_not_a_plan_is_refused_with_its_place(change: Callable[[Any], Any], where: str) -> None:
    data = json.loads(dump_plan(plan_restore(server(), machine(*itself()), ANY)))
    change(data)
    with pytest.raises(NotDecodable) as caught:
        load_plan(json.dumps(data))
    assert caught.value.where == where


def test_text_that_is_not_json_is_refused() -> None:
    with pytest.raises(NotDecodable, match="not JSON"):
        load_plan("{")


def raw_server() -> SystemInformation:
    saved = server()
    reserved = part("d1", 2, 4002, 40)
    return replace(saved, partitions=(*saved.partitions, reserved), raws=(
        Raw("raw_d1p2", Ref("d1p2"), "media:raw/d1p2.zst", 40 << 20, "0" * 64, "1" * 64),))


def test_what_is_kept_sector_by_sector_is_written_after_its_partition() -> None:
    plan = plan_restore(raw_server(), machine(*itself()), RestorePolicy())
    (action,) = [action for action in plan.actions if action.subject == "raw_d1p2"]
    assert (action.kind, action.disk, action.needs) == (ActionKind.WRITE_RAW, "d1", ("partition:d1p2",))
    assert "media:raw/d1p2.zst" in action.title


def test_what_a_disk_holds_already_is_planned_to_be_kept_and_no_adjustment() -> None:
    first, second = itself()
    plan = plan_restore(raw_server(), machine(first, replace(second, raws=("raw_d1p2",))), RestorePolicy())
    assert [action.kind for action in plan.actions if action.subject == "raw_d1p2"] == [ActionKind.KEEP_RAW]
    assert plan.adjustments == ()
