"""What an interrupted rebuild has finished, as the next one decides it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Sequence

import pytest
from planner_machines import itself, machine, server

from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.storage.fresh import (
    empty_ext_root,
    empty_fat,
    empty_xfs_root,
    never_mounted,
    only_directories,
)
from rescue.storage.resume import is_bare, keepable, undone
from sif.diff import Difference
from sif.model import FileSystem, FsType, Ref


def made() -> RestorePlan:
    return plan_restore(server(), machine(*itself()), RestorePolicy())


def gone(*places: str) -> Sequence[Difference]:
    return [Difference(kind, ident, "", "present", None) for kind, ident in (place.split(" ") for place in places)]


def test_where_nothing_differs_everything_is_kept() -> None:
    plan = made()
    assert keepable(plan, undone(server(), ())) == {action.id for action in plan.actions}


@pytest.mark.parametrize(("place", "lost"), [
    ("FS root", {"fs:root"}),
    ("SWAP swap0", {"swap:swap0"}),
    ("LV lvroot", {"vg:vg0", "lv:lvroot", "lv:lvswap", "fs:root", "swap:swap0"}),
    ("VG vg0", {"vg:vg0", "lv:lvroot", "lv:lvswap", "fs:root", "swap:swap0"}),
    ("PV pv1", {"pv:pv1", "vg:vg1", "lv:lvsrv", "fs:srv"}),
    ("PARTITION d1p1", {"table:d1", "partition:d1p1", "pv:pv1", "vg:vg1", "lv:lvsrv", "fs:srv"}),
    ("DISK d1", {"wipe:d1", "table:d1", "partition:d1p1", "pv:pv1", "vg:vg1", "lv:lvsrv", "fs:srv"}),
])
def test_what_differs_is_made_again_with_what_lies_on_it(place: str, lost: "set[str]") -> None:
    plan = made()
    everything = {action.id for action in plan.actions}
    assert everything - keepable(plan, undone(server(), gone(place))) == lost


def test_keeping_never_leaves_out_what_is_needed() -> None:
    plan = made()
    for action in plan.actions:
        kept = keepable(plan, {action.id})
        assert action.id not in kept
        assert all(kept.issuperset(other.needs) for other in plan.actions if other.id in kept)


def test_a_physical_volume_without_a_group_is_known() -> None:
    pv = replace(server().pvs[0], uuid="x-y", pe_start_bytes=1048576)
    assert is_bare(pv, "  ,x-y,1048576\n")
    assert not any(is_bare(pv, shown) for shown in ("  vg0,x-y,1048576", "  ,x-z,1048576", "  ,x-y,2097152", ""))


DUMPED = "Filesystem UUID:  1\nLast mount time:          {}\nMount count:              {}\nFree inodes: 3\n"


@pytest.mark.parametrize(("last", "count", "unused"), [
    ("n/a", "0", True), ("Mon Nov 23 05:00:00 2026", "0", False), ("n/a", "1", False)])
def test_a_mounted_ext_is_not_as_made(last: str, count: str, unused: bool) -> None:
    assert never_mounted(DUMPED.format(last, count)) is unused
    assert not never_mounted("")


EXT_ROOT = "/2/040755/0/0/.//\n/2/040755/0/0/..//\n/11/040700/0/0/lost+found//\n\n"
XFS_ROOT = ("8          128                directory      0x0000002e   1 . (good)\n"
            "10         128                directory      0x0000172e   2 .. (good)\n")


def test_an_empty_root_is_told_from_one_with_a_file() -> None:
    assert empty_ext_root(EXT_ROOT) and empty_xfs_root(XFS_ROOT)
    assert not empty_ext_root(EXT_ROOT + "/12/100644/0/0/passwd/5/\n") and not empty_ext_root("")
    assert not empty_xfs_root(XFS_ROOT + "12   131   regular   0x01   3 abc (good)\n") and not empty_xfs_root("")


@pytest.mark.parametrize(("checked", "label", "bits", "empty"), [
    ("f: 1 files, 0/32695 clusters", "LBL", 16, True), ("f: 0 files, 0/32695 clusters", None, 16, True),
    ("f: 0 files, 1/129022 clusters", None, 32, True), ("f: 1 files, 1/129022 clusters", "LBL", 32, True),
    ("f: 2 files, 0/32695 clusters", "LBL", 16, False), ("f: 0 files, 1/32695 clusters", None, 16, False),
    ("", None, 16, False)])
def test_an_empty_fat_has_nothing_but_its_label(checked: str, label: "str | None", bits: int, empty: bool) -> None:
    fs = FileSystem("esp", Ref("d0p1"), FsType.VFAT, "7A3C-91E2", label=label, fat_bits=bits)
    assert empty_fat(checked, fs) is empty


def test_a_tree_of_subvolumes_alone_is_empty(tmp_path: Path) -> None:
    (tmp_path / "@home/inner").mkdir(parents=True)
    assert only_directories(tmp_path, ("@home", "@home/inner"))
    assert only_directories(tmp_path, ("@home/inner",))
    assert not only_directories(tmp_path, ("@home",))
    (tmp_path / "@home/file").touch()
    assert not only_directories(tmp_path, ("@home", "@home/inner"))
