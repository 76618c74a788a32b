"""Which hidden LVM volumes must not keep what they held, of recorded machines with caches and mirrored pools."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Tuple

import pytest
from planner_machines import GIB, disk, machine, present, server

from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.hidden import copies, metadata_of, stale
from rescue.storage import lvm_areas
from sif.features import features_of
from sif.model import (
    LogicalVolume,
    LvRole,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    PhysicalVolume,
    Ref,
    SystemInformation,
    VolumeGroup,
)
from sif.parse import parse_text

MACHINES = Path(__file__).resolve().parents[2] / "machines"
UUID = "3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01"


def volumes(name: str) -> Tuple[LogicalVolume, ...]:
    records, problems = parse_text((MACHINES / name / "expected.sif").read_text("utf-8"), name)
    assert problems == ()
    return tuple(record for record in records if isinstance(record, LogicalVolume))


def test_no_block_that_was_cached_from_an_old_disk_can_be_found_again() -> None:
    names = {volume.name for volume in stale(volumes("lvm-cache"))}
    assert names == {"volume_cvol", "quick_cvol", "pool_cpool_cmeta", "reserve_cmeta"}


def test_metadata_that_is_mirrored_is_stale_in_each_copy() -> None:
    names = {volume.name for volume in stale(volumes("lvm-pools"))}
    assert {f"{pool}_{part}_{half}" for pool in ("safe_tmeta", "mirror_cpool_cmeta") for part in ("rimage", "rmeta")
            for half in (0, 1)} <= names
    assert "quick_cpool_cdata" not in names
    assert "wide_tdata_corig" not in names


@pytest.mark.parametrize(("machine_name", "pool", "wanted"), [
    ("lvm-pools", "safe", ("safe_tmeta_rimage_0", "safe_tmeta_rimage_1")),
    ("lvm-pools", "wide", ("wide_tmeta",)),
    ("lvm-thin", "pool", ("pool_tmeta",)),
])
def test_every_copy_of_a_thin_pools_metadata_is_found(machine_name: str, pool: str, wanted: Tuple[str, ...]) -> None:
    there = volumes(machine_name)
    (record,) = [lv for lv in there if lv.name == pool]
    assert tuple(lv.name for lv in copies(metadata_of(record, there), there)) == wanted


def test_a_striped_volume_is_mapped_as_it_lies() -> None:
    one, other = lvm_areas.Area("/dev/a", 1 << 20, 4 << 20), lvm_areas.Area("/dev/b", 9 << 20, 4 << 20)
    assert lvm_areas.mapping([(one, other), (other,)], 8192) == (
        "0 16384 striped 2 16 /dev/a 2048 /dev/b 18432\n"
        "16384 8192 linear /dev/b 18432\n")


def refusal(info: SystemInformation) -> str:
    with pytest.raises(NoPlan) as caught:
        plan_restore(info, machine(present("sda", 2 * GIB, serial="SERd0"), present("sdb", 2 * GIB, serial="SERd1")),
                     RestorePolicy())
    return str(caught.value)


def on_a_second_disk() -> SystemInformation:
    return replace(server(), disks=(*server().disks, disk("d1", 2 * GIB)))


def test_a_thin_pool_whose_metadata_is_spread_is_refused_before_any_write() -> None:
    volume = LogicalVolume("pool", Ref("vg1"), "pool", "p", LvType.THIN_POOL, 10, parts=(Ref("data"), Ref("meta")))
    info = replace(
        on_a_second_disk(), pvs=(*server().pvs, PhysicalVolume("pv9", Ref("d1"), "u9", 1 << 20, 100)),
        vgs=(*server().vgs, VolumeGroup("vg1", "vg1", "v9", 4 << 20, (Ref("pv9"),), metadata="media:lvm/vg1.vgcfg")),
        lvs=(*server().lvs, volume,
             LogicalVolume("data", Ref("vg1"), "pool_tdata", "d", LvType.LINEAR, 10, ("pv9:0:10",),
                           role=LvRole.POOL_DATA),
             LogicalVolume("meta", Ref("vg1"), "pool_tmeta", "m", LvType.RAID5, 2, role=LvRole.POOL_METADATA)))
    assert "[thin-metadata]" in refusal(info)


@pytest.mark.parametrize(("level", "layout", "words"), [
    (MdLevel.LINEAR, None, "md-linear"), (MdLevel.RAID10, "near=2, far=2", "[array-layout]")])
def test_an_array_that_cannot_be_made_is_refused_before_any_write(level: MdLevel, layout: str, words: str) -> None:
    array = MdArray("md0", UUID, level, MdMetadata.V1_2, 1, (Ref("d1"),), GIB, layout=layout)
    info = replace(on_a_second_disk(), arrays=(array,))
    assert words in refusal(info)
    assert ("md-linear" in features_of(info)) == (level is MdLevel.LINEAR)
