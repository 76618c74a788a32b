"""A set that was restored on this machine is not restored again by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest
from agent_machines import ROOT_UUID, SET_ID, server

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.own_volumes import layers_under, members_of
from rescue.repeat import evidence_place, finished_job
from sif.model import Btrfs, Luks, MdArray, MdLevel, MdMetadata, Ref, Subvolume


@pytest.mark.parametrize(("mount", "uuid", "below"), [
    (None, ROOT_UUID, "var/log/lifeboat"), ("/var", "extra", "log/lifeboat"), ("/var/log", "extra", "lifeboat"),
    ("/var/log/lifeboat", "extra", ""), ("/var/lo", ROOT_UUID, "var/log/lifeboat")])
def test_the_reports_are_on_the_innermost_file_system(mount: Optional[str], uuid: str, below: str) -> None:
    saved = server()
    if mount is not None:
        extra = replace(saved.filesystems[2], id="extra", uuid="extra", mount=mount)
        saved = replace(saved, filesystems=(*saved.filesystems, extra))
    place = evidence_place(saved)
    assert place is not None
    assert (place.uuid, place.below) == (uuid, below)


def test_the_reports_can_lie_in_a_subvolume() -> None:
    saved = server()
    btrfs = Btrfs("tank", (Ref("lv_root"),), "4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1002")
    subvolumes = (Subvolume("1", Ref("tank"), "@", mount="/"), Subvolume("2", Ref("tank"), "@log", mount="/var/log"))
    place = evidence_place(replace(saved, filesystems=saved.filesystems[:2], btrfs=(btrfs,), subvolumes=subvolumes))
    assert place is not None
    assert (place.fstype, place.below, place.options, place.devices) == (
        "btrfs", "@log/lifeboat", ("subvolid=5",), ("lv_root",))


def test_only_a_report_of_this_very_set_counts(tmp_path: Path) -> None:
    for job, content in (("a", '{"torn'), ("b", json.dumps({"set_id": "other", "job_id": "b"})), ("c", "[]")):
        (tmp_path / job).mkdir()
        (tmp_path / job / "report.json").write_text(content, encoding="utf-8")
    assert finished_job(tmp_path, SET_ID) is None
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "report.json").write_text(json.dumps({"set_id": SET_ID, "job_id": "j7"}), encoding="utf-8")
    assert finished_job(tmp_path, SET_ID) == "j7"
    assert finished_job(tmp_path / "missing", SET_ID) is None


def test_a_group_is_looked_into_only_when_all_its_volumes_are_there() -> None:
    saved = server()
    here = BlockDevices((BlockDevice("vda3", "/dev/vda3", "part", "LVM2_member", uuid=saved.pvs[0].uuid),))
    (group,) = layers_under(saved, ("lv_root",))
    assert group.id == "vg" and members_of(saved, group, here) == ("/dev/vda3",)
    assert members_of(saved, group, BlockDevices(())) == ()
    assert members_of(saved, group, BlockDevices(here.devices * 2)) == ()
    assert layers_under(saved, ("d0p2",)) == ()


def test_layers_are_brought_up_from_the_disk_upwards_and_an_array_may_lack_a_member() -> None:
    saved = server()
    array = MdArray("md0", "0f0e0d0c:0b0a4908:87060504:03020105", MdLevel.RAID1, MdMetadata.V1_2, 2,
                    (Ref("d0p3"), Ref("d0p2")), 1 << 30)
    luks = Luks("crypt", Ref("md0"), 2, "0f0e0d0c-0b0a-4908-8706-050403020106", "aes-xts-plain64", 512, 16 << 20)
    saved = replace(saved, arrays=(array,), luks=(luks,), pvs=(replace(saved.pvs[0], device=Ref("crypt")),))
    assert [layer.id for layer in layers_under(saved, ("lv_root",))] == ["md0", "crypt", "vg"]
    assert [layer.id for layer in layers_under(saved, ("md0",))] == ["md0"]
    half = BlockDevices((
        BlockDevice("vda3", "/dev/vda3", "part", "linux_raid_member", uuid="0f0e0d0c-0b0a-4908-8706-050403020105"),
        BlockDevice("vdb3", "/dev/vdb3", "part", "linux_raid_member", uuid="other")))
    assert members_of(saved, array, half) == ("/dev/vda3",)
    assert members_of(saved, luks, half) == ()
