"""Which present disk takes the place of which saved one, and when the planner refuses or asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Tuple

import pytest
from planner_machines import GIB, itself, machine, one_disk, present, server

from rescue.hardware import PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, parse_disk_map, plan_restore
from sif.errors import Exit, UsageError
from sif.model import Disk, DiskRole, SystemInformation

ANY = RestorePolicy()


def places(plan: RestorePlan) -> Dict[str, str]:
    return {match.saved: match.name for match in plan.matches}


def anonymous(saved: SystemInformation, **facts: object) -> SystemInformation:
    """The same machine with disks that carry neither serial number nor slot."""
    return replace(saved, disks=tuple(replace(d, serial=None, by_path=None, **facts)  # type: ignore[arg-type]
                                      for d in saved.disks))


def refused(saved: SystemInformation, *disks: PresentDisk, policy: RestorePolicy = ANY) -> NoPlan:
    with pytest.raises(NoPlan) as caught:
        plan_restore(saved, machine(*disks), policy)
    assert caught.value.code is Exit.NO_PLAN
    return caught.value


def codes(error: NoPlan) -> Tuple[str, ...]:
    return tuple(reason.code for reason in error.reasons)


def test_swapped_names_are_still_matched_by_serial() -> None:
    one, two = itself()
    swapped = (replace(two, name="vda", path="/dev/vda"), replace(one, name="vdb", path="/dev/vdb"))
    assert places(plan_restore(server(), machine(*swapped), ANY)) == {"d0": "vdb", "d1": "vda"}


def test_swapped_names_are_still_matched_by_slot() -> None:
    one, two = (replace(disk, serial=None) for disk in itself())
    swapped = (replace(two, name="vda", path="/dev/vda"), replace(one, name="vdb", path="/dev/vdb"))
    plan = plan_restore(server(), machine(*swapped), ANY)
    assert places(plan) == {"d0": "vdb", "d1": "vda"}
    assert all("same slot" in match.evidence for match in plan.matches)


@pytest.mark.parametrize(("saved", "now"), [
    ("0x5000C500A1B2C3D4", "5000c500a1b2c3d4"), ("wwn-0x5000c500a1b2c3d4", "0x5000c500a1b2c3d4"),
    ("eui.0025388500000001", "eui.0025388500000001"), ("naa.600508b1001c", "0x600508B1001C"),
])
def test_a_wwn_is_the_same_in_every_spelling(saved: str, now: str) -> None:
    info = one_disk()
    info = replace(info, disks=(replace(info.disks[0], wwn=saved, serial=None, by_path=None),))
    plan = plan_restore(info, machine(present("sda", wwn=now), present("sdb")), ANY)
    assert places(plan) == {"d0": "sda"}
    assert "recorded disk itself" in plan.matches[0].evidence


def test_serial_beats_slot() -> None:
    saved = one_disk()
    plan = plan_restore(saved, machine(present("vda", by_path=saved.disks[0].by_path),
                                       present("vdb", serial="SERd0")), ANY)
    assert places(plan) == {"d0": "vdb"}


@pytest.mark.parametrize("word", ["vdb", "/dev/vdb", "SPARE", "wwn7", "pci-9"])
def test_the_operators_map_decides_between_equal_disks(word: str) -> None:
    spare = present("vdb", serial="SPARE", wwn="wwn7", by_path="pci-9")
    plan = plan_restore(one_disk(), machine(present("vda"), spare), RestorePolicy(parse_disk_map([f"d0={word}"])))
    assert places(plan) == {"d0": "vdb"}
    assert "operator" in plan.matches[0].evidence


@pytest.mark.parametrize(("disks", "winner"), [
    ((present("vda", signatures=("vda: ext4",)), present("vdb")), "vdb"),
    ((present("vda", 9 * GIB), present("vdb")), "vdb"),
    ((present("vda", signatures=("vda: gpt",)), present("vdb", 9 * GIB)), "vdb"),
    ((present("vda", 7 * GIB), present("vdb", 9 * GIB)), "vdb"),
    ((present("sda", bus="usb"), present("vdb", 9 * GIB)), "vdb"),
    ((present("sda", removable=True), present("vdb")), "vdb"),
    ((present("vda", read_only=True), present("vdb")), "vdb"),
    ((present("vda", excluded="the medium"), present("vdb")), "vdb"),
], ids=["blank before used", "exact before larger", "blank larger before used exact", "too small", "usb",
        "removable", "read-only", "excluded"])
def test_the_unique_best_fit_is_taken(disks: Tuple[PresentDisk, ...], winner: str) -> None:
    plan = plan_restore(anonymous(one_disk()), machine(*disks), ANY)
    assert places(plan) == {"d0": winner}
    assert [r.name for r in plan.rejections] == [d.name for d in disks if d.name != winner]
    assert all(r.reason for r in plan.rejections)


def test_large_disks_do_not_take_what_small_ones_need() -> None:
    plan = plan_restore(anonymous(server()), machine(present("vda", 8 * GIB), present("vdb", 20 * GIB)), ANY)
    assert places(plan) == {"d0": "vda", "d1": "vdb"}


def test_equal_disks_are_asked_about_with_the_answer_to_type() -> None:
    error = refused(anonymous(one_disk()), present("vda"), present("vdb"))
    assert codes(error) == ("disk-tie",)
    assert error.questions[0].answers == ("d0=vda", "d0=vdb")
    assert "--map d0=vda" in str(error) and "--map d0=vdb" in str(error)


def test_the_disk_of_the_system_comes_first_when_there_are_too_few() -> None:
    saved = anonymous(server(), size_bytes=8 * GIB)
    plan = plan_restore(saved, machine(present("vda")), ANY)
    assert places(plan) == {"d0": "vda"}
    assert ("disks-merged", "d1", True) in [(a.code, a.subject, a.consent) for a in plan.adjustments]


@pytest.mark.parametrize(("answer", "code"), [("d1=vda", "disks-merged"), ("d1=none", "disk-missing")])
def test_the_operator_sends_two_saved_disks_to_one_or_leaves_one_out(answer: str, code: str) -> None:
    saved = replace(server(), disks=tuple(replace(d, serial=None) if d.id == "d1" else d for d in server().disks))
    plan = plan_restore(saved, machine(*itself()), RestorePolicy(parse_disk_map([answer])))
    assert places(plan) == {"d0": "vda"}
    assert code in {a.code for a in plan.adjustments if a.subject == "d1"}


@pytest.mark.parametrize(("disk", "code"), [
    (present("vda", 4 * GIB, serial="SERd0"), "too-small"),
    (present("vda", serial="SERd0", excluded="the medium"), "disk-excluded"),
    (present("vda", serial="SERd0", read_only=True), "disk-excluded"),
    (present("vda", 4 * GIB), "too-small"),
    (present("sda", bus="usb"), "no-candidate"),
])
def test_a_disk_that_does_not_fit_is_refused(disk: PresentDisk, code: str) -> None:
    error = refused(one_disk(), disk)
    assert codes(error) == (code,)
    assert disk.name in str(error)


def test_two_disks_with_the_recorded_serial_are_refused() -> None:
    assert codes(refused(one_disk(), present("vda", serial="SERd0"), present("vdb", serial="SERd0"))) == (
        "identity-tie",)


@pytest.mark.parametrize(("answer", "code"), [
    ("d0=vdz", "map-unknown"), ("d7=vda", "map-unknown"), ("d0=vdb", "map-conflict"),
])
def test_a_map_that_cannot_be_followed_is_refused(answer: str, code: str) -> None:
    saved = replace(server(), disks=tuple(replace(d, serial=None) if d.id == "d1" else d for d in server().disks))
    error = refused(saved, *itself(), policy=RestorePolicy(parse_disk_map([answer])))
    assert code in codes(error)


@pytest.mark.parametrize("answer", ["", "d0", "=vda", "d0="])
def test_a_malformed_map_is_a_usage_error(answer: str) -> None:
    with pytest.raises(UsageError):
        parse_disk_map([answer])


@pytest.mark.parametrize("role", [DiskRole.DATA, DiskRole.IGNORE])
@pytest.mark.parametrize("known", [{"serial": "DATA"}, {"wwn": "0xDA7A"}, {"by_path": "pci-7"}])
@pytest.mark.parametrize("asked", [False, True])
def test_a_data_disk_is_never_a_target_not_even_by_map(role: DiskRole, known: Dict[str, str], asked: bool) -> None:
    facts = {"serial": None, "wwn": None, "by_path": None, **known}
    data = Disk("d9", role=role, size_bytes=8 * GIB, logical_sector=512, physical_sector=512,
                table=one_disk().disks[0].table, **facts)  # type: ignore[arg-type]
    saved = replace(one_disk(), disks=(*one_disk().disks, data))
    vdb = present("vdb", **known)  # type: ignore[arg-type]
    policy = RestorePolicy(parse_disk_map(["d0=vdb"])) if asked else ANY
    error = refused(saved, vdb, policy=policy)
    assert f"role {role.value}" in str(error)
    plan = plan_restore(saved, machine(present("vda"), vdb), ANY)
    assert places(plan) == {"d0": "vda"} and "d9" in plan.rejections[0].reason


def test_all_reasons_are_reported_at_once() -> None:
    with pytest.raises(NoPlan) as caught:
        plan_restore(server(), machine(present("vda", 1 * GIB), arch="aarch64"), ANY)
    assert codes(caught.value) == ("architecture", "too-small", "too-small")
