"""Arrays, logical volumes of every type and what lies beside a partition table: one thing broken at a time."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Dict, Iterator, Tuple

import pytest
from sif_samples import disk, machine, partition

from sif.checks.arrays import check_arrays, copies
from sif.checks.lvm_kinds import check_kinds
from sif.checks.tables import check_tables
from sif.checks.volumes import check_volumes
from sif.model import (
    Bitmap,
    CacheMode,
    LogicalVolume,
    LvRole,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    Partition,
    Ref,
    SystemInformation,
    TableType,
)
from sif.problems import Problem

MIB = 1 << 20
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"


def found(problems: Iterator[Problem]) -> "list[tuple[str, str]]":
    return [((problem.subject or ("", "", ""))[2], problem.what) for problem in problems]


def array(**changes: Any) -> SystemInformation:
    """A RAID 5 of three partitions with a spare, and something changed about it."""
    parts = tuple(partition(number, number * 204800, 204800, LINUX) for number in range(1, 6))
    sound = MdArray(
        id="md_data", uuid="3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", level=MdLevel.RAID5, metadata=MdMetadata.V1_2,
        devices=3, members=(Ref("d0p1"), Ref("d0p2"), Ref("d0p3")), size_bytes=180 * MIB, name="data",
        homehost="web01", spares=(Ref("d0p4"),), layout="left-symmetric", chunk_bytes=65536, component_bytes=90 * MIB,
        data_offsets=(MIB, MIB, MIB, MIB), bitmap=Bitmap.INTERNAL, bitmap_chunk_bytes=65536)
    return dataclasses.replace(machine(), partitions=parts, arrays=(dataclasses.replace(sound, **changes),))


def test_a_sound_array_has_no_problems() -> None:
    assert found(check_arrays(array())) == []


@pytest.mark.parametrize(("changes", "key", "what"), [
    ({"uuid": "3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e01"}, "uuid", "not the uuid of an array"),
    ({"metadata": MdMetadata.V0_90}, "name", "metadata 0.90 has no name"),
    ({"metadata": MdMetadata.V0_90}, "data_offsets", "metadata 0.90 has no data_offsets"),
    ({"metadata": MdMetadata.V0_90, "devices": 28}, "devices", "too many for metadata 0.90"),
    ({"homehost": "a" * 30}, "name", "too long for a superblock"),
    ({"devices": 4}, "members", "members and empty slots are not all the slots"),
    ({"devices": 4, "missing": (4,)}, "missing", "not numbers of empty slots"),
    ({"devices": 5, "missing": (1, 1)}, "missing", "not numbers of empty slots"),
    ({"devices": 5, "missing": (1, 3)}, "missing", "raid5 does not run with so many empty slots"),
    ({"level": MdLevel.RAID6}, "devices", "too few for raid6"),
    ({"level": MdLevel.RAID0, "layout": None, "bitmap": Bitmap.NONE, "bitmap_chunk_bytes": None}, "spares",
     "raid0 has no spares"),
    ({"level": MdLevel.RAID1, "layout": None, "journal": Ref("d0p5")}, "journal", "raid1 has no write journal"),
    ({"level": MdLevel.LINEAR, "layout": None}, "bitmap", "linear has no bitmap"),
    ({"journal": Ref("d0p5")}, "bitmap", "an array with a write journal has no bitmap"),
    ({"bitmap": Bitmap.NONE}, "bitmap_chunk_bytes", "not what a bit of a bitmap stands for"),
    ({"bitmap_chunk_bytes": 5000}, "bitmap_chunk_bytes", "not what a bit of a bitmap stands for"),
    ({"failfast": (Ref("d0p4"),)}, "failfast", "not members of the array"),
    ({"write_mostly": (Ref("d0p1"),)}, "write_mostly", "raid5 reads from all its members"),
    ({"layout": "near=2"}, "layout", "not a layout of raid5"),
    ({"level": MdLevel.RAID10}, "layout", "not a layout of raid10"),
    ({"level": MdLevel.RAID10, "layout": "near=4"}, "layout", "not a layout of raid10"),
    ({"chunk_bytes": None}, "chunk_bytes", "raid5 needs a chunk size"),
    ({"chunk_bytes": 6000}, "chunk_bytes", "raid5 needs a chunk size"),
    ({"level": MdLevel.RAID1, "layout": None}, "chunk_bytes", "raid1 has no chunks"),
    ({"data_offsets": (MIB,)}, "data_offsets", "not one for each device"),
    ({"component_bytes": 100 * MIB}, "members", "d0p1 is too small"),
    ({"size_bytes": 180 * MIB + 1}, "size_bytes", "more than the members hold"),
    ({"level": MdLevel.RAID1, "layout": None, "chunk_bytes": None}, "size_bytes", "more than the members hold"),
])
def test_what_no_array_is(changes: Dict[str, Any], key: str, what: str) -> None:
    assert [text for place, text in found(check_arrays(array(**changes))) if place == key and what in text]


def test_two_arrays_have_two_uuids() -> None:
    info = array()
    twin = dataclasses.replace(info.arrays[0], id="md_twin")
    assert ("uuid", "the same uuid as md_data") in found(check_arrays(
        dataclasses.replace(info, arrays=(*info.arrays, twin))))


@pytest.mark.parametrize(("layout", "number"), [
    ("near=2", 2), ("far=3", 3), ("offset=2", 2), ("near=2, far=2", 4), ("left-symmetric", None), (None, None)])
def test_copies_of_a_raid_10(layout: "str | None", number: "int | None") -> None:
    assert copies(layout) == number


def volume(name: str, kind: LvType = LvType.LINEAR, **facts: Any) -> LogicalVolume:
    base = LogicalVolume(id=f"lv_{name}", vg=Ref("vg"), name=name, type=kind, extents=10,
                         uuid=f"{(name + 'x' * 6)[:6]}-22cc-33dd-44ee-55ff-66gg-77hh88")
    return dataclasses.replace(base, **facts)


def hidden(name: str, role: LvRole, **facts: Any) -> LogicalVolume:
    return volume(name, role=role, **facts)


def refs(*names: str) -> Tuple[Ref, ...]:
    return tuple(Ref(f"lv_{name}") for name in names)


def kinds() -> "dict[str, LogicalVolume]":
    """Sound volumes of every sort with their hidden parts, by name."""
    lvs = [
        volume("str", LvType.STRIPED, stripes=2, stripe_bytes=65536, segments=("pv_d0p3:0:5+pv_d1p1:0:5",)),
        volume("r5", LvType.RAID5, stripes=2, stripe_bytes=65536, region_bytes=MIB,
               parts=refs("i0", "i1", "i2", "m0", "m1", "m2")),
        *(hidden(f"i{number}", LvRole.IMAGE, extents=5) for number in range(3)),
        *(hidden(f"m{number}", LvRole.METADATA, extents=1) for number in range(3)),
        volume("mirror", LvType.MIRROR, parts=refs("j0", "j1", "log")),
        hidden("j0", LvRole.IMAGE), hidden("j1", LvRole.IMAGE), hidden("log", LvRole.LOG, extents=1),
        volume("pool", LvType.THIN_POOL, chunk_bytes=65536, parts=refs("tdata", "tmeta")),
        hidden("tdata", LvRole.POOL_DATA), hidden("tmeta", LvRole.POOL_METADATA, extents=1),
        volume("thin", LvType.THIN, extents=900, pool=Ref("lv_pool"), device_number=1),
        volume("state", LvType.THIN, extents=900, pool=Ref("lv_pool"), device_number=2, origin=Ref("lv_thin")),
        volume("cached", LvType.CACHE, chunk_bytes=65536, pool=Ref("lv_cpool"), origin=Ref("lv_corig"),
               cache_mode=CacheMode.WRITEBACK),
        volume("cpool", LvType.CACHE_POOL, role=LvRole.CACHE, chunk_bytes=65536, parts=refs("cdata", "cmeta")),
        hidden("cdata", LvRole.CACHE_DATA), hidden("cmeta", LvRole.POOL_METADATA, extents=1),
        hidden("corig", LvRole.ORIGIN),
        hidden("pmspare", LvRole.SPARE, extents=1),
    ]
    return {lv.name: lv for lv in lvs}


def with_kinds(**changed: Dict[str, Any]) -> SystemInformation:
    lvs = {name: dataclasses.replace(lv, **changed.get(name, {})) for name, lv in kinds().items()}
    return dataclasses.replace(machine(), lvs=tuple(lvs.values()))


def test_sound_volumes_of_every_sort_have_no_problems() -> None:
    assert found(check_kinds(with_kinds())) == []


@pytest.mark.parametrize(("name", "changes", "key", "what"), [
    ("r5", {"segments": ("pv_d0p3:0:10",)}, "segments", "does not lie on physical volumes itself"),
    ("str", {"type": LvType.LINEAR}, "segments", "a linear volume has no stripes"),
    ("str", {"stripes": 3}, "stripes", "not what its segments have"),
    ("str", {"stripe_bytes": None}, "stripe_bytes", "not a stripe size"),
    ("str", {"segments": ("pv_d0p3:0:4+pv_d1p1:0:6",)}, "segments", "stripes of different length"),
    ("thin", {"parts": (Ref("lv_i0"),)}, "parts", "a thin volume has no parts"),
    ("str", {"device_number": 1}, "device_number", "a striped volume has no device_number"),
    ("r5", {"parts": (Ref("lv_i0"), Ref("lv_tdata"))}, "parts", "something that is no part of raid5"),
    ("r5", {"parts": (Ref("lv_i0"), Ref("lv_log"))}, "parts", "something that is no part of raid5"),
    ("mirror", {"parts": (Ref("lv_j0"),)}, "parts", "too few images"),
    ("r5", {"stripes": 3}, "parts", "not the images of 3 stripes"),
    ("r5", {"parts": (Ref("lv_i0"), Ref("lv_i1"), Ref("lv_i2"))}, "parts", "not one metadata volume for each"),
    ("r5", {"extents": 11}, "extents", "more than its image lv_i0 has room for"),
    ("r5", {"stripe_bytes": None}, "stripe_bytes", "not a stripe size"),
    ("pool", {"parts": (Ref("lv_tmeta"), Ref("lv_tdata"))}, "parts", "not the parts of a thin-pool"),
    ("pool", {"extents": 11}, "extents", "not those of lv_tdata"),
    ("pool", {"chunk_bytes": 4096}, "chunk_bytes", "not a chunk size of a thin-pool"),
    ("thin", {"pool": None}, "pool", "a thin volume needs a thin pool"),
    ("thin", {"pool": Ref("lv_str")}, "pool", "a thin volume needs a thin pool"),
    ("thin", {"device_number": 0}, "device_number", "not a number of a thin volume"),
    ("thin", {"device_number": 2}, "device_number", "the same number as"),
    ("cached", {"pool": Ref("lv_pool")}, "pool", "a cached volume needs a cache"),
    ("cached", {"origin": Ref("lv_str")}, "origin", "a cached volume needs the volume that is cached"),
    ("cached", {"extents": 11}, "extents", "not those of lv_corig"),
    ("thin", {"vg": Ref("vg2")}, "pool", "lv_pool is in another volume group"),
    ("mirror", {"parts": (Ref("lv_j0"), Ref("lv_i1"))}, "parts", "lv_i1 is a part of lv_r5 too"),
    ("i1", {"role": LvRole.VOLUME}, "role", "a part of lv_r5 is not a volume of its own"),
    ("pmspare", {"role": LvRole.LOG}, "role", "a hidden part of no volume"),
])
def test_what_no_volume_is(name: str, changes: Dict[str, Any], key: str, what: str) -> None:
    problems = found(check_kinds(with_kinds(**{name: changes})))
    assert [text for place, text in problems if place == key and what in text], problems


def test_the_stripes_of_a_segment_add_up_to_the_volume() -> None:
    striped = kinds()["str"]
    info = dataclasses.replace(machine(), lvs=(striped,))
    assert found(check_volumes(info)) == []
    info = dataclasses.replace(info, lvs=(dataclasses.replace(striped, extents=11),))
    assert found(check_volumes(info)) == [("segments", "the segments do not add up to the volume")]


Change = Callable[[SystemInformation], SystemInformation]


def hybrid(*entries: str) -> Change:
    return lambda info: dataclasses.replace(info, disks=(dataclasses.replace(disk(0), hybrid=entries),))


def on_disk(**changes: Any) -> Change:
    return lambda info: dataclasses.replace(info, disks=(dataclasses.replace(disk(0), **changes),))


def logical(*records: "int | None") -> Change:
    """An MBR with an extended partition at 2048 and logical ones at 4096, 8192, ...; the sectors of their records."""
    def change(info: SystemInformation) -> SystemInformation:
        mbr = dataclasses.replace(disk(0), table=TableType.MBR, table_id="0x1a2b3c4d", gpt_entries=None, first_lba=None)
        box = Partition("d0p1", Ref("d0"), 1, 2048, 100000, "0x05")
        inner = tuple(Partition(f"d0p{5 + n}", Ref("d0"), 5 + n, 4096 * (n + 1), 2048, "0x83", ebr_sector=record)
                      for n, record in enumerate(records))
        return dataclasses.replace(info, disks=(mbr,), partitions=(box, *inner))
    return change


@pytest.mark.parametrize("change", [
    hybrid("1:0xee:1:2047", "2:0x83:2048:131072:active"), on_disk(last_lba=1000000), logical(2048, 8191),
    logical(None, None), on_disk(multipath="3600508b4", paths=("a", "b")),
    on_disk(boot_code="media:boot/d0.mbr", boot_code_sha256="0" * 64)])
def test_sound_tables_have_no_problems(change: Change) -> None:
    assert found(check_tables(change(machine()))) == []


@pytest.mark.parametrize(("change", "key", "what"), [
    (hybrid("5:0xee:1:2047"), "hybrid", "not an entry of a hybrid MBR"),
    (hybrid("1:0x00:1:2047"), "hybrid", "not an entry of a hybrid MBR"),
    (hybrid("1:0xee:1:2047", "1:0x83:2048:10"), "hybrid", "a slot is there twice"),
    (hybrid("1:0x83:2048:10"), "hybrid", "no protective entry"),
    (hybrid("1:0xee:1:2047", "2:0x83:2048:4000000000"), "hybrid", "the entry is not on the disk"),
    (hybrid("1:0xee:1:2047", "2:0x83:2048:10", "3:0x83:2057:10"), "hybrid", "overlaps 2:0x83:2048:10"),
    (on_disk(last_lba=1), "last_lba", "not a sector of the disk behind its table"),
    (on_disk(last_lba=2 ** 40), "last_lba", "not a sector of the disk behind its table"),
    (on_disk(table=TableType.MBR, hybrid=("1:0xee:1:2047",)), "hybrid", "a disk with table mbr has no hybrid"),
    (on_disk(table=TableType.NONE, pmbr_active=True), "pmbr_active", "a disk with table none has no pmbr_active"),
    (on_disk(boot_gap="media:boot/d0.gap", boot_gap_sha256="0" * 64), "boot_gap", "only a disk with an MBR"),
    (on_disk(boot_code="boot/d0.mbr", boot_code_sha256="0" * 64), "boot_code", "not a file of the set"),
    (on_disk(boot_code="media:../d0.mbr", boot_code_sha256="0" * 64), "boot_code", "not a file of the set"),
    (on_disk(boot_code="media:boot/d0.mbr"), "boot_code_sha256", "not a SHA-256"),
    (on_disk(paths=("a",)), "paths", "paths of a disk that is not a multipath one"),
    (logical(2049), "ebr_sector", "the chain begins with the extended partition"),
    (logical(2048, 8192), "ebr_sector", "not in the extended partition and before its partition"),
    (logical(2048, 1), "ebr_sector", "not in the extended partition and before its partition"),
    (logical(2048, 4097), "ebr_sector", "lies in d0p5"),
    (logical(2048, 2048), "ebr_sector", "another partition has the same one"),
])
def test_what_no_table_has(change: Change, key: str, what: str) -> None:
    problems = found(check_tables(change(machine())))
    assert [text for place, text in problems if place == key and what in text], problems


def test_only_logical_partitions_have_records() -> None:
    info = dataclasses.replace(machine(), partitions=(dataclasses.replace(machine().partitions[0], ebr_sector=7),))
    assert found(check_tables(info)) == [
        ("ebr_sector", "only a logical partition of an MBR has a boot record of its own")]
