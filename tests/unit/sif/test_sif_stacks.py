"""What rests on itself, and mirrors whose legs share a disk."""

from __future__ import annotations

import dataclasses
from typing import Any, Tuple

import pytest
from sif_samples import machine, partition

from sif.capture.mirrors import mirrors_as_found
from sif.check import check
from sif.checks.cycles import check_cycles
from sif.checks.mirrors import check_mirrors, shared_mirrors
from sif.model import (
    Btrfs,
    BtrfsProfile,
    Driver,
    LogicalVolume,
    LvRole,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    Policy,
    Ref,
    Subvolume,
    SystemInformation,
)

EXTRA = tuple(partition(number, 15181696 + number * 2048, 2048, "0fc63daf-8483-4772-8e79-3d69d8477de4")
              for number in (5, 6, 7, 8))
"""Four more partitions of d0."""


def array(level: MdLevel, members: Tuple[str, ...], **more: Any) -> MdArray:
    return MdArray(id="m0", uuid="3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", level=level, metadata=MdMetadata.V1_2,
                   devices=len(members), members=tuple(map(Ref, members)), size_bytes=1 << 20, **more)


def with_arrays(*arrays: MdArray) -> SystemInformation:
    info = machine()
    return dataclasses.replace(info, partitions=(*info.partitions, *EXTRA), arrays=arrays)


@pytest.mark.parametrize(("found", "legs"), [
    (array(MdLevel.RAID1, ("d0p5", "d1p1")), None),
    (array(MdLevel.RAID1, ("d0p5", "d0p6")), ("d0p5", "d0p6")),
    (array(MdLevel.RAID1, ("d1p1", "d0p5", "d0p6")), ("d0p5", "d0p6")),
    (array(MdLevel.RAID1, ("d0p5", "d0")), ("d0p5", "d0")),
    (array(MdLevel.RAID0, ("d0p5", "d0p6")), None),
    (array(MdLevel.RAID5, ("d0p5", "d0p6", "d0p7")), None),
    (array(MdLevel.RAID1, ("d0p5",), missing=(0,)), None),
    (array(MdLevel.RAID1, ("d0p5", "d1p1"), spares=(Ref("d0p6"),)), None),
    # RAID 10: slots 0 and 1 hold the same data with near=2; every slot and the next one with far=2
    (array(MdLevel.RAID10, ("d0p5", "d1p1", "d0p6", "d1p2")), None),
    (array(MdLevel.RAID10, ("d0p5", "d0p6", "d1p1", "d1p2")), ("d0p5", "d0p6")),
    (array(MdLevel.RAID10, ("d1p1", "d0p5", "d0p6", "d1p2"), layout="far=2"), ("d0p5", "d0p6")),
    (array(MdLevel.RAID10, ("d0p5", "d1p1", "d1p2", "d0p6"), layout="far=2"), ("d1p1", "d1p2")),
    (array(MdLevel.RAID10, ("d0p5", "d0p6", "d1p2"), missing=(1,)), None),
])
def test_both_legs_of_a_mirror_on_one_disk(found: MdArray, legs: object) -> None:
    info = with_arrays(found)
    info = dataclasses.replace(info, partitions=(*info.partitions, partition(2, 20000000, 2048, "x", on=1)))
    problems = list(check_mirrors(info))
    assert [problem.subject for problem in problems] == ([("MD", "m0", "members")] if legs else [])
    assert [shared.legs for shared in shared_mirrors(info)] == ([legs] if legs else [])
    allowed = dataclasses.replace(info, policy=Policy(shared_disk_mirror=True))
    assert list(check_mirrors(allowed)) == []


def lv_mirror(first: str, second: str, kind: LvType = LvType.RAID1) -> SystemInformation:
    info = machine()
    images = tuple(LogicalVolume(
        id=f"image{number}", vg=Ref("vg"), name=f"r_rimage_{number}", uuid="x", type=LvType.LINEAR, extents=1,
        segments=(segment,), role=LvRole.IMAGE) for number, segment in enumerate((first, second)))
    volume = LogicalVolume(id="r", vg=Ref("vg"), name="r", uuid="y", type=kind, extents=1,
                           parts=(Ref("image0"), Ref("image1")))
    return dataclasses.replace(info, lvs=(*info.lvs, *images, volume))


@pytest.mark.parametrize("kind", [LvType.RAID1, LvType.MIRROR, LvType.RAID10])
def test_a_mirrored_volume_lies_on_the_disks_of_its_images_not_of_its_group(kind: LvType) -> None:
    assert list(check_mirrors(lv_mirror("pv_d0p3:1700:1", "pv_d1p1:1400:1", kind))) == []
    problems = list(check_mirrors(lv_mirror("pv_d1p1:1401:1", "pv_d1p1:1400:1", kind)))
    assert [problem.subject for problem in problems] == [("LV", "r", "parts")]


@pytest.mark.parametrize(("data", "metadata", "bad"), [
    (BtrfsProfile.RAID1, BtrfsProfile.RAID1, True), (BtrfsProfile.SINGLE, BtrfsProfile.RAID1C3, True),
    (BtrfsProfile.RAID0, BtrfsProfile.DUP, False),
])
def test_a_btrfs_mirror_on_one_disk(data: BtrfsProfile, metadata: BtrfsProfile, bad: bool) -> None:
    btrfs = Btrfs(id="t", devices=(Ref("d0p5"), Ref("d0p6")), uuid="u", data=data, metadata=metadata)
    assert bool(list(check_mirrors(dataclasses.replace(with_arrays(), btrfs=(btrfs,))))) is bad


def test_a_mirror_of_mirrors_is_followed_down_to_the_disks() -> None:
    low = [dataclasses.replace(array(MdLevel.RAID0, ("d0p5",)), id="low0"),
           dataclasses.replace(array(MdLevel.RAID0, ("d0p6",)), id="low1")]
    problems = list(check_mirrors(with_arrays(*low, array(MdLevel.RAID1, ("low0", "low1")))))
    assert [problem.what for problem in problems] == ["both legs of a mirror are on d0"]


def test_a_captured_machine_with_such_a_mirror_is_described_as_it_is() -> None:
    info = with_arrays(array(MdLevel.RAID1, ("d0p5", "d0p6")))
    found, notes = mirrors_as_found(info)
    assert found.policy.shared_disk_mirror
    assert list(check_mirrors(found)) == []
    assert len(notes) == 1
    assert "[MD m0]: d0p5 and d0p6 are both on d0" in notes[0]
    assert mirrors_as_found(machine()) == (machine(), ())


def test_two_rings_are_two_problems() -> None:
    drivers = tuple(Driver(id=ident, module=ident, kernel="6.12", depends=(Ref(below),))
                    for ident, below in (("a", "b"), ("b", "a"), ("c", "d"), ("d", "d"), ("e", "a")))
    problems = list(check_cycles(dataclasses.replace(machine(), drivers=drivers)))
    assert [(problem.subject, problem.found) for problem in problems] == [
        (("DRIVER", "b", "depends"), "[DRIVER a] depends -> [DRIVER b] depends"),
        (("DRIVER", "d", "depends"), "[DRIVER d] depends")]


def test_the_default_subvolume_of_a_btrfs_is_no_ring() -> None:
    btrfs = Btrfs(id="t", devices=(Ref("d0p5"),), uuid="u", default=Ref("s"))
    info = dataclasses.replace(with_arrays(), btrfs=(btrfs,), subvolumes=(Subvolume(id="s", btrfs=Ref("t"), path="@"),))
    assert list(check_cycles(info)) == []


def test_a_chain_of_thousands_is_walked_once_and_without_recursion() -> None:
    count = 4000
    drivers = tuple(Driver(id=f"m{number}", module="m", kernel="6.12", depends=tuple(
        Ref(f"m{below}") for below in (number + 1, number + 2) if below < count)) for number in range(count))
    arrays = tuple(dataclasses.replace(array(MdLevel.RAID1, (f"a{number - 1}" if number else "d0p5", "d1p1")),
                                       id=f"a{number}") for number in range(count))
    info = dataclasses.replace(with_arrays(*arrays), drivers=drivers)
    assert list(check_cycles(info)) == []
    assert len(list(check_mirrors(info))) == count - 1
    ring = dataclasses.replace(info, drivers=(*drivers[:-1], dataclasses.replace(drivers[-1], depends=(Ref("m0"),))))
    problems = list(check_cycles(ring))
    assert len(problems) == 1
    assert problems[0].found is not None
    assert len(problems[0].found) < 500
    assert len(check(ring)) == 1000
