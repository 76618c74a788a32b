"""What the rebuild tells the tools: sfdisk scripts, LVM metadata, mkfs options, mount options. All pure."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Optional, Tuple

import pytest
from hypothesis import given, strategies as st
from planner_machines import GIB, disk, part, server

from rescue.storage import table
from rescue.storage.errors import RebuildFailed
from rescue.storage.lvm_metadata import dm_name, metadata_text
from rescue.storage.mkfs import command, ext_differences, extra_arguments
from rescue.storage.mounts import mount_options, mount_points
from sif.model import Disk, FileSystem, FsType, Partition, Ref, TableType


@pytest.mark.parametrize(("path", "node"), [
    ("/dev/vda", "/dev/vda3"), ("/dev/nvme0n1", "/dev/nvme0n1p3"), ("/dev/mmcblk0", "/dev/mmcblk0p3")])
def test_partition_nodes(path: str, node: str) -> None:
    assert table.node(path, 3) == node


def test_a_gpt_is_one_script() -> None:
    one = replace(part("d0", 1, 1, 100), name='a"b', attributes=1 << 63 | 1)
    assert table.script(disk("d0"), (one,), "/dev/vda") == (
        "label: gpt\nlabel-id: 0f0e0d0c-0b0a-4908-8706-000000000064\nunit: sectors\nfirst-lba: 2048\n"
        "table-length: 128\n\n/dev/vda1 : start=2048, size=204800, type=0fc63daf-8483-4772-8e79-3d69d8477de4, "
        'uuid=0f0e0d0c-0b0a-4908-8706-000000000001, name="a\\x22b", attrs="RequiredPartition GUID:63"\n')


def mbr() -> Disk:
    return replace(disk("d0"), table=TableType.MBR, table_id="0x1a2b3c4d", gpt_entries=None, first_lba=None)


def test_an_mbr_is_one_script() -> None:
    one = replace(part("d0", 1, 1, 100), type="0x83", active=True)
    assert table.script(mbr(), (one,), "/dev/vda") == (
        "label: dos\nlabel-id: 0x1a2b3c4d\nunit: sectors\n\n"
        "/dev/vda1 : start=2048, size=204800, type=83, bootable\n")


@given(st.integers(0, 2 ** 64 - 1).map(lambda bits: bits & (0xFFFF << 48 | 7)))
def test_attribute_bits_survive_their_words(bits: int) -> None:
    assert table.attribute_bits(table.attribute_words(bits)) == bits


def test_attribute_lists_are_understood() -> None:
    assert table.attribute_bits("RequiredPartition GUID:60,63") == 1 | 1 << 60 | 1 << 63


def shown(**changes: Any) -> str:
    entry: Dict[str, Any] = {"node": "/dev/vda1", "start": 2048, "size": 204800, "name": "root",
                             "type": "0FC63DAF-8483-4772-8E79-3D69D8477DE4",
                             "uuid": "0F0E0D0C-0B0A-4908-8706-000000000001"}
    label = {"label": "gpt", "id": "0F0E0D0C-0B0A-4908-8706-000000000064", "firstlba": 2048}
    label.update({k: v for k, v in changes.items() if k in label})
    entry.update({k: v for k, v in changes.items() if k not in label})
    return json.dumps({"partitiontable": {**label, "partitions": [entry]}})


@pytest.mark.parametrize(("changes", "word"), [
    ({}, None), ({"label": "dos"}, "partition table"), ({"id": "x"}, "table id"), ({"firstlba": 34}, "first usable"),
    ({"start": 2049}, "start"), ({"size": 1}, "size"), ({"type": "x"}, "type"), ({"uuid": "x"}, "uuid"),
    ({"name": "other"}, "name"), ({"attrs": "GUID:60"}, "attributes"), ({"node": "/dev/vda2"}, "missing"),
])
def test_every_deviation_of_a_table_is_seen(changes: Dict[str, Any], word: Optional[str]) -> None:
    one = (replace(part("d0", 1, 1, 100), name="root"),)
    found = table.differences(disk("d0"), one, "/dev/vda", shown(**changes))
    assert (found == ()) if word is None else any(word in text for text in found)


@pytest.mark.parametrize(("vg", "lv", "name"), [("vg0", "root", "vg0-root"), ("vg-a", "b-c", "vg--a-b--c")])
def test_dm_names(vg: str, lv: str, name: str) -> None:
    assert dm_name(vg, lv) == name


def test_lvm_metadata_holds_every_extent() -> None:
    saved = server()
    lv = replace(saved.lvs[0], segments=("pv0:0:900", "pv0:1000:100"), tags=("a b",))
    text = metadata_text(saved.vgs[0], saved.pvs[:1], [lv], {"pv0": 7000 << 20})
    assert "extent_size = 8192" in text and "pe_start = 2048" in text and "pe_count = 1749" in text
    assert "dev_size = 14336000" in text and "segment_count = 2" in text and 'tags = ["a b"]' in text
    assert 'start_extent = 900\nextent_count = 100\n' in text and 'stripes = ["pv0", 1000]' in text
    assert text.count("{") == text.count("}")


EXT = FileSystem("root", Ref("d0p1"), FsType.EXT4, "u", label="l", block_size=1024, inode_size=256, inodes=9000,
                 blocks=204800, reserved_blocks=99, features=("extent", "has_journal", "needs_recovery"))


def test_ext_gets_its_features_and_nothing_of_the_rescue_systems_defaults() -> None:
    assert extra_arguments(EXT) == {"-q": "", "-F": "", "-U": "u", "-L": "l", "-b": "1024", "-I": "256",
                                    "-N": "9000", "-O": "none,extent,has_journal"}


DUMPE2FS = """Filesystem features:      has_journal extent needs_recovery
Inode count:              9000
Block count:              204800
Reserved block count:     99
Block size:               1024
Inode size:\t          256
"""


@pytest.mark.parametrize(("before", "after"), [
    ("", ""), ("extent ", "extent 64bit "), ("9000", "9008"), ("204800", "204799"), (" 99", " 98"), ("1024", "4096"),
    ("256", "128")])
def test_every_deviation_of_an_ext_file_system_is_seen(before: str, after: str) -> None:
    assert bool(ext_differences(EXT, DUMPE2FS.replace(before, after) if before else DUMPE2FS)) is bool(before)


def xfs(*features: str, **facts: Any) -> FileSystem:
    return replace(FileSystem("srv", Ref("d0p1"), FsType.XFS, "u", block_size=4096, sector_size=512, inode_size=512,
                              features=features), **facts)


def test_xfs_gets_every_property_in_the_unit_mkfs_takes() -> None:
    found = extra_arguments(xfs("agcount=4", "agsize=65536", "crc=1", "finobt=1", "sparse=1", "imaxpct=25", "sunit=16",
                                "swidth=32", "naming_version=2", "naming_ascii-ci=0", "naming_ftype=1",
                                "log_blocks=16384", "log_sunit=1", "exchange=0", blocks=262144))
    assert found["-m"] == "uuid=u,crc=1,finobt=1" and found["-i"] == "size=512,sparse=1,maxpct=25"
    assert found["-d"] == "size=262144b,agsize=65536b,sunit=128,swidth=256"
    assert found["-l"] == "size=16384b,sunit=8" and found["-n"] == "version=2,ftype=1"
    assert "--unsupported" not in found


@pytest.mark.parametrize("fs", [xfs(blocks=10000), xfs("log_blocks=2560", blocks=10 ** 6)])
def test_small_xfs_of_older_tools_is_made_all_the_same(fs: FileSystem) -> None:
    assert "--unsupported" in extra_arguments(fs)


def test_an_unknown_property_of_xfs_is_refused() -> None:
    with pytest.raises(RebuildFailed, match="zoned"):
        extra_arguments(xfs("zoned=1"))


def test_vfat() -> None:
    fs = FileSystem("esp", Ref("d0p1"), FsType.VFAT, "7A3C-91E2", block_size=4096, sector_size=512, fat_bits=32)
    assert extra_arguments(fs) == {"-I": "", "-i": "7A3C91E2", "-F": "32", "-S": "512", "-s": "8"}


@pytest.mark.parametrize(("options", "used"), [
    (None, "rw"), ("defaults", "rw"), ("umask=0077,shortname=winnt", "rw,umask=0077,shortname=winnt"),
    ("noauto,nofail,x-systemd.automount,noatime", "rw,noatime"), ("ro,errors=remount-ro", "rw"),
    ("x-systemd.device-timeout=0,acl", "rw,acl"),
])
def test_only_options_that_matter_to_a_restore_are_used(options: Optional[str], used: str) -> None:
    assert mount_options(options, read_only=False) == used
    assert mount_options(options, read_only=True) == "ro" + used[2:]


def test_mount_points_below_the_target_in_their_order(tmp_path: Path) -> None:
    base = tmp_path.resolve()
    points: Tuple[str, ...] = (f"{base}", f"{base}/a\\040b", f"{base}x", "/", f"{base}/a\\040b/c")
    text = "".join(f"1 2 8:1 / {point} rw - ext4 /dev/x rw\n" for point in points)
    assert mount_points(text, tmp_path) == (f"{base}", f"{base}/a b", f"{base}/a b/c")


def test_logical_partitions_are_named_by_number() -> None:
    logical: Partition = replace(part("d0", 5, 200, 10), type="0x83")
    assert "/dev/sda5 : start=409600" in table.script(mbr(), (logical,), "/dev/sda")
    assert disk("d0").size_bytes == 8 * GIB


def test_a_file_system_of_another_size_keeps_its_share_of_inodes() -> None:
    fs = FileSystem("root", Ref("d0p3"), FsType.EXT4, "0f0e0d0c-0b0a-4908-8706-050403020102",
                    parameters=("inode_ratio=16384",))
    assert extra_arguments(fs)["-i"] == "16384"
    assert "-i" not in extra_arguments(replace(fs, inodes=65536))


@pytest.mark.parametrize("kind, begins", [
    (FsType.EXT3, ("mkfs.ext3", "-q", "-F", "-U")), (FsType.XFS, ("mkfs.xfs", "-q", "-f")),
    (FsType.VFAT, ("mkfs.vfat", "--mbr=no", "-I", "-i", "0F0E0D0C")), (FsType.NTFS, ("mkntfs", "--fast", "--force")),
    (FsType.F2FS, ("mkfs.f2fs", "-f", "-q", "-U")),
])
def test_a_file_system_is_made_by_its_own_program(kind: FsType, begins: Tuple[str, ...]) -> None:
    made = command(FileSystem("root", Ref("d0p3"), kind, "0F0E-0D0C"), "/dev/vda3")
    assert made[:len(begins)] == begins
    assert made[-1] == "/dev/vda3"
    assert "" not in made
