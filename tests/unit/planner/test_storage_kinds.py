"""What the tools of a distribution do not write as it was: records of partitions, small file systems, bcache, maps."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from typing import Any, Dict, List, Tuple

import pytest
from planner_machines import GIB, disk, machine, part, present, server

from rescue.detect import Content, _signatures, detect_hardware, parse_lsblk, shown_twice, with_maps
from rescue.multipath import parse_extents
from rescue.plan import ActionKind
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.hybrid import follow_partitions
from rescue.planner.layout import Layout
from rescue.planner.resize import file_system_of
from rescue.planner.sketch import Cause, Sketch
from rescue.storage import bcache_text, mkfs, table
from rescue.storage.boot_records import chain, needs_records, protective, stale
from rescue.storage.bringup import in_order, node
from sif.capture.bcache import parse
from sif.capture.sectors import hybrid_words, logical_records, mbr_entries
from sif.capture.signature import NotDescribed
from sif.checks.bcache import check_bcache
from sif.model import (
    Bcache,
    BcacheMode,
    BcachePolicy,
    CacheSet,
    FileSystem,
    FsType,
    Partition,
    Ref,
    SystemInformation,
    TableType,
)
from sif.run import Result

MIB = 1 << 20
UUID = "0f0e0d0c-0b0a-4908-8706-05040302010"
SET = CacheSet("cs", Ref("d1p1"), UUID + "5", UUID + "6", 4096, 128 << 10, BcachePolicy.FIFO, True, "fast")
BACKING = Bcache("bc", Ref("d0p1"), UUID + "7", 4096, 1 << 20, Ref("cs"), BcacheMode.WRITEBACK, "data")
PROTECTIVE = bytes(446) + struct.pack("<B3sB3sII", 0, b"\0\2\0", 0xEE, b"\xff" * 3, 1, 1000) + bytes(48) + b"\x55\xaa"


# Records of partitions

def test_a_hybrid_mbr_is_read_as_it_was_saved() -> None:
    words = ("1:0xee:1:2047", "2:0x83:2048:40960:active", "4:0x07:43008:122880")
    made = protective(replace(disk("d0"), hybrid=words), b"\x90" * 440 + PROTECTIVE[440:])
    assert hybrid_words(mbr_entries(made)) == words
    assert made[:440] == b"\x90" * 440 and len(made) == 512


def test_the_flag_of_a_protective_mbr_is_set_and_nothing_else() -> None:
    made = protective(replace(disk("d0"), pmbr_active=True), PROTECTIVE)
    assert made == PROTECTIVE[:446] + b"\x80" + PROTECTIVE[447:]
    assert protective(disk("d0"), PROTECTIVE) == PROTECTIVE


def logical(*places: Tuple[int, int, int]) -> Tuple[Partition, ...]:
    """A container from sector 2048 on, and logical partitions (record, start, sectors) in it."""
    box = replace(part("d0", 2, 1, 100), type="0x05", start_sector=2048, sectors=200000, uuid=None)
    return (box, *(replace(part("d0", 5 + n, 1, 1), type="0x83", start_sector=start, sectors=sectors,
                           ebr_sector=record, active=n == 1, uuid=None)
                   for n, (record, start, sectors) in enumerate(places)))


def test_a_chain_leads_to_every_logical_partition_where_its_record_was() -> None:
    places = ((2048, 4096, 8192), (100000, 102048, 4096), (20000, 22048, 100))  # numbered out of order
    parts = logical(*places)
    records = chain(parts)
    (box,) = mbr_entries(bytes(446) + struct.pack("<B3xB3xII", 0, 5, 2048, 200000) + bytes(48) + b"\x55\xaa")

    def read(sector: int, length: int) -> bytes:
        return records.get(sector, bytes(length))
    found = logical_records(box, read)
    assert found == {start: record for record, start, _ in places}
    assert list(found) == [4096, 102048, 22048]  # the order gives the numbers
    assert [mbr_entries(records[record])[0].active for record, _, _ in places] == [False, True, False]
    assert stale({4096: 2048, 102048: 102047, 22048: 22047}, records) == (22047, 102047)


def test_where_a_record_lay_is_not_always_known() -> None:
    parts = logical((2048, 4096, 8192), (20000, 22048, 100))
    moved = (*parts[:2], replace(parts[2], ebr_sector=None))
    assert chain(moved) == {} and chain(parts[:1]) == {}
    mbr = replace(disk("d0"), table=TableType.MBR)
    assert needs_records(mbr, moved) and not needs_records(mbr, parts[:1])
    assert not needs_records(disk("d0"), ())


# File systems

def fs(kind: FsType, *parameters: str, **keys: object) -> FileSystem:
    return replace(FileSystem("x", Ref("d0p1"), kind, "7A3C-91E2"), parameters=parameters, **keys)  # type: ignore[arg-type]


def test_a_fat_gets_all_that_was_saved() -> None:
    made = mkfs.command(fs(FsType.VFAT, "fats=1", "reserved_sectors=8", "root_entries=256", "media=240",
                           "hidden_sectors=63", "sectors_per_track=32", "heads=128", "sectors=81920", "fat_sectors=80",
                           block_size=2048, sector_size=512, fat_bits=16), "/dev/vda3")
    text = " ".join(made)
    for words in ("-f 1", "-R 8", "-r 256", "-M 0xf0", "-h 63", "-g 128/32", "-s 4", "/dev/vda3 40960"):
        assert f" {words}" in text
    assert " -a" not in text


@pytest.mark.parametrize(("reserved", "fat", "word"), [(6190, 1608, False), (6191, 1608, True), (32, 1601, True)])
def test_a_fat_that_was_not_laid_out_to_whole_clusters_comes_back_so(reserved: int, fat: int, word: bool) -> None:
    made = mkfs.command(fs(FsType.VFAT, f"reserved_sectors={reserved}", f"fat_sectors={fat}", "sectors=81921",
                           block_size=1024, sector_size=512, fat_bits=32), "/dev/vda3")
    assert ("-a" in made) is word
    assert made[-1] == "/dev/vda3"  # mkfs.fat counts in KiB, so it cannot be told an odd number


def test_an_ntfs_counts_the_sector_of_its_second_boot_sector() -> None:
    made = mkfs.command(fs(FsType.NTFS, "sectors=163839", "hidden_sectors=2048", "sectors_per_track=63", "heads=255",
                           block_size=8192, sector_size=512), "/dev/vda3")
    assert made[-2:] == ("/dev/vda3", "163840")
    assert "--partition-start 2048 --heads 255 --sectors-per-track 63" in " ".join(made)


def test_an_f2fs_gets_what_its_mkfs_does_not_list_by_itself() -> None:
    made = " ".join(mkfs.command(fs(
        FsType.F2FS, "segments_per_section=2", "sections_per_zone=1", "cold_extensions=mp,wm,log", "hot_extensions=db",
        block_size=4096, sector_size=512, blocks=30720), "/dev/vda3"))
    assert "-s 2 -z 1 -e log" in made and " -E" not in made and made.endswith("/dev/vda3 245760")


def test_an_ext_that_does_not_fill_its_device_comes_back_so() -> None:
    assert mkfs.command(fs(FsType.EXT4, block_size=4096, blocks=6000), "/dev/vda3")[-2:] == ("/dev/vda3", "6000")
    assert mkfs.command(fs(FsType.EXT4, block_size=4096), "/dev/vda3")[-1] == "/dev/vda3"


def test_in_another_size_a_file_system_fills_its_device() -> None:
    fat = file_system_of(fs(FsType.VFAT, "fats=1", "sectors=81920", "fat_sectors=80"), GIB, 2 * GIB)
    assert fat.parameters == ("fats=1",)


# bcache

def superblock(one: "CacheSet | Bcache") -> bytes:
    """What make-bcache leaves, as far as it matters here."""
    block = bytearray(bcache_text.BLOCK)
    backing = isinstance(one, Bcache)
    struct.pack_into("<Q", block, 16, 4 if backing else 0)
    block[40:56] = b"invented by make"
    block[56:72] = bytes.fromhex((SET if backing else one).uuid.replace("-", ""))
    struct.pack_into("<QHHH", block, 184, 2048 if backing else 1000, 8, 0 if backing else 256, 1)
    block[:8] = bcache_text.checksum(block)
    return bytes(block)


@pytest.mark.parametrize("one", [SET, BACKING])
def test_a_superblock_is_read_as_it_was_saved(one: "CacheSet | Bcache") -> None:
    made = bcache_text.named(superblock(one), one)
    found = parse(made, str(one.device))
    wanted = replace(one, id=found.record.id)
    assert found.record == (replace(wanted, cache=None) if isinstance(wanted, Bcache) else wanted)
    assert (found.set_uuid, found.attached) == (SET.uuid, False)
    assert made[:8] == bcache_text.checksum(made)


@pytest.mark.parametrize("size, buckets", [(64 * MIB, 1 + 4), (4 * GIB, 1 + 256), (1 << 40, 1 + 256)])
def test_the_journal_of_the_old_set_goes(size: int, buckets: int) -> None:
    assert bcache_text.stale_bytes(SET, size) == buckets * SET.bucket_bytes


def test_what_is_no_whole_superblock_is_not_written_back() -> None:
    with pytest.raises(ValueError, match="superblock"):
        bcache_text.named(superblock(BACKING)[:150] + b"x" + superblock(BACKING)[151:], BACKING)


def test_what_is_made_is_made_with_what_the_set_says() -> None:
    assert bcache_text.create_command(SET, "/dev/b", None) == (
        "make-bcache", "--block", "4096", "--bucket", "131072", "--cset-uuid", SET.uuid, "--cache", "/dev/b")
    assert bcache_text.create_command(BACKING, "/dev/a", SET)[3:] == (
        "--cset-uuid", SET.uuid, "--data-offset", "2048", "--bdev", "/dev/a")
    assert "--cset-uuid" not in bcache_text.create_command(BACKING, "/dev/a", None)


def test_a_set_of_several_caches_is_not_described() -> None:
    block = bytearray(superblock(SET))
    struct.pack_into("<H", block, 196, 2)
    with pytest.raises(NotDescribed, match="several devices"):
        parse(bytes(block), "d1p1")


def cached() -> SystemInformation:
    """The system on a cached device, its cache on another disk."""
    info = server()
    return replace(info, disks=(disk("d0", 2 * GIB), disk("d1", 2 * GIB)), swaps=(), pvs=(), vgs=(), lvs=(),
                   partitions=(part("d0", 1, 1, 1100), part("d1", 1, 1, 1100)), cachesets=(SET,), bcaches=(BACKING,),
                   filesystems=(FileSystem("root", Ref("bc"), FsType.EXT4, UUID + "1", mount="/"),),
                   system=replace(info.system, boot_fs=Ref("root"), root_fs=Ref("root")))


def test_a_cached_device_lies_on_both_and_comes_after_both() -> None:
    info = cached()
    assert Layout(info).under("bc") == ("d0", "d1")
    plan = plan_restore(info, machine(present("sda", 2 * GIB, serial="SERd0"), present("sdb", 2 * GIB, serial="SERd1")),
                        RestorePolicy())
    assert [action.id for action in plan.actions][-3:] == ["cacheset:cs", "bcache:bc", "fs:root"]
    made = next(action for action in plan.actions if action.id == "bcache:bc")
    assert (made.kind, made.needs) == (ActionKind.CREATE_BCACHE, ("partition:d0p1", "cacheset:cs"))
    assert [layer.id for layer in in_order(info)] == ["cs", "bc"]
    assert node(info, plan, Layout(info), "bc") == f"/dev/bcache/by-uuid/{BACKING.uuid}"


@pytest.mark.parametrize(("changes", "words"), [
    ({}, ()),
    ({"cachesets": (replace(SET, block_bytes=1000),)}, ("not a block size of bcache",)),
    ({"cachesets": (replace(SET, bucket_bytes=2048),)}, ("not a bucket size",)),
    ({"cachesets": (replace(SET, bucket_bytes=4 << 20),)}, ("the device has too few buckets",)),
    ({"bcaches": (replace(BACKING, offset_bytes=4096),)}, ("no room for the superblock before the data",)),
    ({"bcaches": (replace(BACKING, size_bytes=2 * GIB),)}, ("it does not fit on d0p1",)),
    ({"bcaches": (replace(BACKING, label="x" * 33),)}, ("too long",)),
    ({"bcaches": (replace(BACKING, uuid=SET.uuid),)}, ("the same uuid as cs",)),
])
def test_a_bcache_that_cannot_be_is_refused(changes: Dict[str, Any], words: Tuple[str, ...]) -> None:
    assert tuple(problem.what for problem in check_bcache(replace(cached(), **changes))) == words


# A hybrid MBR in a plan

def test_a_hybrid_mbr_follows_its_partitions_and_loses_those_that_are_gone() -> None:
    info = replace(server(), disks=(replace(disk("d0"), hybrid=(
        "1:0xee:1:2047", "2:0x83:2048:204800:active", "3:0x07:5000000:100")),), partitions=(part("d0", 1, 1, 100),))
    sketch = Sketch(info)
    sketch.put(replace(info.partitions[0], start_sector=4096, sectors=409600))
    follow_partitions(sketch)
    assert sketch.disks["d0"].hybrid == ("1:0xee:1:2047", "2:0x83:4096:409600:active")
    sketch.remove("PARTITION", "d0p1", Cause("partition-dropped", "", ""))
    follow_partitions(sketch)
    assert not sketch.disks["d0"].hybrid


# Several paths

def lsblk(*disks: str) -> str:
    return '{"blockdevices": [' + ",".join(disks) + "]}"


def path_to(name: str, wwn: str = '"0x1"', above: str = "") -> str:
    return (f'{{"kname": "{name}", "path": "/dev/{name}", "type": "disk", "size": {64 * MIB}, "log-sec": 512, '
            f'"phy-sec": 512, "model": "LUN", "serial": "S1", "wwn": {wwn}, "tran": "fc", "ro": false, "rm": false, '
            f'"start": null, "mountpoints": [], "children": [{above}]}}')


MAP = (f'{{"kname": "dm-0", "path": "/dev/mapper/36005", "type": "mpath", "size": {64 * MIB}, "log-sec": 512, '
       '"phy-sec": 512, "model": null, "serial": null, "wwn": null, "tran": null, "ro": false, "rm": false, '
       '"start": null, "mountpoints": [], "children": []}')


def test_a_disk_with_a_map_is_one_disk_with_the_identity_of_its_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = parse_lsblk(lsblk(path_to("sdb", above=MAP), path_to("sda", above=MAP)))
    assert shown_twice(nodes) == ()
    monkeypatch.setattr("rescue.detect.extents", lambda: {})
    (disk_,) = with_maps(nodes)
    assert (disk_.name, disk_.path, disk_.model, disk_.serial, disk_.wwn, disk_.is_disk) == (
        "dm-0", "/dev/mapper/36005", "LUN", "S1", "0x1", True)


def test_signatures_of_a_map_are_found_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = json.dumps({"signatures": [{"device": "36005", "type": "gpt"}, {"device": "vda", "type": "dos"}]})
    monkeypatch.setattr("rescue.detect.run", lambda argv, **_: Result(tuple(argv), 0, seen, "", 0.0))
    (one,) = parse_lsblk(lsblk(MAP))
    assert _signatures((one,)) == {"dm-0": (("36005", "gpt"),)}


def test_a_disk_that_is_shown_twice_without_a_map_is_noticed() -> None:
    assert shown_twice(parse_lsblk(lsblk(path_to("sda"), path_to("sdb")))) == ("/dev/sda", "/dev/sdb")
    assert shown_twice(parse_lsblk(lsblk(path_to("sda"), path_to("sdb", '"0x2"'), path_to("sdc", "null"),
                                         path_to("sdd", "null")))) == ()


def test_disks_behind_adapters_that_give_all_the_same_names_are_not_taken_for_one() -> None:
    twins = lsblk(path_to("sda"), path_to("sdb")).replace('"fc"', '"usb"')
    assert shown_twice(parse_lsblk(twins)) == ()


def test_disks_with_different_content_are_not_one_whatever_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = parse_lsblk(lsblk(path_to("sda"), path_to("sdb"), path_to("sdc", '"0x2"'), path_to("sdd", '"0x2"')))
    content = {"/dev/sda": "a", "/dev/sdb": "b", "/dev/sdc": "c", "/dev/sdd": "c"}
    made: List[Tuple[str, ...]] = []
    monkeypatch.setattr("rescue.detect.list_nodes", lambda *_: nodes)
    monkeypatch.setattr("rescue.detect.sample", lambda path, size: Content(content[path], False))
    monkeypatch.setattr("rescue.detect.make_maps", made.append)
    monkeypatch.setattr("rescue.detect._signatures", lambda found: {node.name: () for node in found})
    disks = {disk.name: disk.excluded for disk in detect_hardware({}).disks}
    assert made == [("/dev/sdc", "/dev/sdd")]
    assert all("another path leads to the same disk" in str(disks[name]) for name in ("sda", "sdb", "sdc", "sdd"))


def test_partitions_of_maps_are_where_device_mapper_has_them() -> None:
    assert parse_extents("36005-part1: 0 40960 linear 253:0 2048\nvg-a: 0 10 linear 8:1 5\nvg-a: 10 3 linear 8:2 1\n"
                         "36005: 0 99 multipath 0 0 1\n")["36005-part1"] == (2048, 40960)
    assert table.node("/dev/mapper/36005", 12) == "/dev/mapper/36005-part12"
