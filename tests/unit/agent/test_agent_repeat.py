"""A set that was restored on this machine is not restored again by itself."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Optional

import pytest
from agent_machines import SET_ID, server

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.repeat import evidence_place, finished_job, physical_volumes


@pytest.mark.parametrize(("mount", "fs_id", "below"), [
    (None, "root", "var/log/lifeboat"), ("/var", "extra", "log/lifeboat"), ("/var/log", "extra", "lifeboat"),
    ("/var/log/lifeboat", "extra", ""), ("/var/lo", "root", "var/log/lifeboat")])
def test_the_reports_are_on_the_innermost_file_system(mount: Optional[str], fs_id: str, below: str) -> None:
    saved = server()
    if mount is not None:
        extra = replace(saved.filesystems[2], id="extra", mount=mount)
        saved = replace(saved, filesystems=(*saved.filesystems, extra))
    place = evidence_place(saved)
    assert place is not None
    assert (place[0].id, place[1]) == (fs_id, below)


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
    root = next(fs for fs in saved.filesystems if fs.id == "root")
    here = BlockDevices((BlockDevice("vda3", "/dev/vda3", "part", "LVM2_member", uuid=saved.pvs[0].uuid),))
    vg, paths = physical_volumes(saved, root, here)
    assert vg is not None
    assert (vg.name, paths) == ("vg_web", ("/dev/vda3",))
    assert physical_volumes(saved, root, BlockDevices(()))[1] == ()
    boot = next(fs for fs in saved.filesystems if fs.id == "boot")
    assert physical_volumes(saved, boot, here) == (None, ())
