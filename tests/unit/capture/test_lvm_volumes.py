"""Logical volumes of kinds that a recorded machine does not have, from rows of LVM's reports."""

from __future__ import annotations

from typing import Any, Dict

import pytest

from sif.capture.lvm import group_problems, own_groups
from sif.capture.lvm_volumes import describe_volumes
from sif.model import LvRole, LvType

PVS = {"/dev/sda1": "pv_a", "/dev/sdb1": "pv_b"}


def row(name: str, segtype: str = "linear", ranges: str = "/dev/sda1:0-9", **more: str) -> Dict[str, str]:
    return {"vg_name": "vg", "lv_name": name, "lv_uuid": f"uuid-{name}", "lv_tags": "", "segtype": segtype,
            "seg_start_pe": "0", "seg_size_pe": "10", "seg_pe_ranges": ranges, "lv_role": "public", **more}


def volumes(*rows: Dict[str, str]) -> Any:
    return describe_volumes(rows, ["vg"], PVS)


def test_a_volume_that_is_striped_in_one_part_only() -> None:
    found = volumes(row("a", "striped", "/dev/sda1:0-4 /dev/sdb1:0-4", stripe_size="65536"),
                    row("a", "linear", "/dev/sdb1:5-6", seg_start_pe="10", seg_size_pe="2"))
    (lv,) = found.lvs
    assert (lv.type, lv.extents, lv.stripes, lv.stripe_bytes) == (LvType.STRIPED, 12, 2, 65536)
    assert lv.segments == ("pv_a:0:5+pv_b:0:5", "pv_b:5:2")


@pytest.mark.parametrize(("segtype", "kind", "layout"), [
    ("raid5", LvType.RAID5, None), ("raid5_n", LvType.RAID5, "raid5_n"), ("raid6_n_6", LvType.RAID6, "raid6_n_6"),
    ("raid0_meta", LvType.RAID0, "raid0_meta"), ("raid10_near", LvType.RAID10, "raid10_near")])
def test_types_with_a_layout(segtype: str, kind: LvType, layout: "str | None") -> None:
    (lv,) = volumes(row("a", segtype, "a_rimage_0:0-4 a_rimage_1:0-4",
                        devices="a_rimage_0(0),a_rimage_1(0)")).lvs
    assert (lv.type, lv.layout, lv.parts) == (kind, layout, ("lv_vg_a_rimage_0", "lv_vg_a_rimage_1"))


@pytest.mark.parametrize(("rows", "words"), [
    ([row("a", "vdo")], "logical volume vg/a: type vdo"),
    ([row("a", "snapshot")], "logical volume vg/a: type snapshot"),
    ([row("a"), row("a", "thin")], "logical volume vg/a: segments of several types: linear, thin"),
    ([row("a", "striped", stripe_size="65536"), row("a", "striped", stripe_size="4096")],
     "logical volume vg/a: segments with several stripe sizes: 4096, 65536"),
    ([row("[a_rimage_0_imeta]", lv_role="private,integrity,metadata")],
     "logical volume vg/a_rimage_0_imeta: dm-integrity below RAID"),
    ([row("a", ranges="/dev/sdz1:0-9")],
     "logical volume vg/a: a part of it lies on /dev/sdz1, which is not on a disk that is captured"),
    ([row("[pvmove0]", "mirror", lv_role="private,pvmove")],
     "volume group vg: extents are being moved (pvmove); capture again when that is done"),
])
def test_what_is_not_made_again_is_named(rows: "list[Dict[str, str]]", words: str) -> None:
    assert volumes(*rows).unsupported == (words,)
    assert volumes(*rows).lvs == ()


@pytest.mark.parametrize(("name", "roles", "role"), [
    ("pool", "private", LvRole.VOLUME), ("[pool_tdata]", "private,thin,pool,data", LvRole.POOL_DATA),
    ("[pool_tmeta]", "private,thin,pool,metadata", LvRole.POOL_METADATA),
    ("[c_cdata]", "private,cache,pool,data", LvRole.CACHE_DATA), ("[c_cpool]", "private", LvRole.CACHE),
    ("[a_rimage_0]", "private,raid,image", LvRole.IMAGE), ("[a_rmeta_0]", "private,raid,metadata", LvRole.METADATA),
    ("[a_mlog]", "private,mirror,log", LvRole.LOG), ("[lvol0_pmspare]", "private,pool,spare", LvRole.SPARE),
    ("[a_corig]", "private,cache,origin,cacheorigin", LvRole.ORIGIN)])
def test_roles(name: str, roles: str, role: LvRole) -> None:
    (lv,) = volumes(row(name, lv_role=roles)).lvs
    assert (lv.role, lv.name) == (role, name.strip("[]"))


def test_a_snapshot_is_left_out_and_named() -> None:
    found = volumes(row("before", lv_role="public,snapshot,thicksnapshot", origin="root"))
    assert [(left.what, left.why.value, left.device) for left in found.omitted] == [
        ("snapshot vg/before of vg/root", "snapshot", "vg")]
    assert found.notes == ("snapshot vg/before of vg/root is left out: it is not there after a restore",)
    assert (found.lvs, found.unsupported) == ((), ())


def vg(name: str, **more: str) -> Dict[str, str]:
    return {"vg_name": name, "vg_uuid": f"uuid-{name}", **more}


def pv(device: str, group: str) -> Dict[str, str]:
    return {"pv_name": device, "vg_name": group}


@pytest.mark.parametrize(("pvs", "vgs", "problems"), [
    ([pv("/dev/sda1", "a")], [vg("a", vg_partial="", vg_exported="")], {}),
    ([pv("/dev/sda1", "a"), pv("[unknown]", "a")], [vg("a", vg_partial="partial")],
     {"a": "a physical volume of it is missing"}),
    ([pv("/dev/sda1", "a"), pv("/dev/sdc1", "a")], [vg("a")],
     {"a": "its physical volume /dev/sdc1 is not on a disk that is captured"}),
    ([pv("/dev/sda1", "a")], [vg("a", vg_exported="exported")], {"a": "it is exported"}),
    ([pv("/dev/sda1", "a"), pv("/dev/sdb1", "a")], [vg("a"), vg("a")],
     {"a": "there is another volume group of that name"}),
    ([pv("/dev/sda1", "a"), pv("/dev/sdc1", "b")], [vg("a"), vg("b", vg_partial="partial")], {}),
])
def test_groups_that_are_not_made_again(pvs: "list[Dict[str, str]]", vgs: "list[Dict[str, str]]",
                                        problems: Dict[str, str]) -> None:
    ids = {"/dev/sda1": "d0p1", "/dev/sdb1": "d1p1"}
    assert group_problems(pvs, own_groups(pvs, vgs, ids), ids) == problems
