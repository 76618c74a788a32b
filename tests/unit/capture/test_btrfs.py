"""btrfs as its tools print it (recorded) becomes records, mounted or not."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

import pytest

from sif.capture import btrfs_text as text
from sif.capture.btrfs_mounts import named_subvolume, placed
from sif.capture.btrfs_tree import directory_path, is_nocow
from sif.capture.signature import NotDescribed
from sif.model import Btrfs, BtrfsProfile, Ref, Subvolume

RECORDED = Path(__file__).parent / "recorded"
ALL_RAID1 = {name: BtrfsProfile.RAID1 for name in ("data", "metadata", "system")}


def recorded(name: str) -> str:
    return (RECORDED / f"btrfs-{name}.txt").read_text("utf-8")


def test_the_superblock_says_what_mkfs_needs() -> None:
    found = text.parse_super(recorded("super"))
    assert (found.uuid, found.label, found.node_size, found.sector_size, found.checksum) == (
        "4d63cc45-3b6d-46cc-9e59-3be4a7c397de", "tank", 8192, 4096, "crc32c")
    assert (found.devices, found.device_number, found.device_bytes, found.used_bytes) == (2, 1, 209715200, 131072)
    assert found.features == ("free-space-tree", "extref", "skinny-metadata", "no-holes")


@pytest.mark.parametrize(("old", "new", "what"), [
    ("NO_HOLES )", "NO_HOLES |\n\t\t\t  unknown flag: 0x100000 )", "unknown flag: 0x100000"),
    ("( WRITTEN )", "( WRITTEN | SEEDING )", "seed device"),
])
def test_what_mkfs_cannot_make_is_refused(old: str, new: str, what: str) -> None:
    with pytest.raises(NotDescribed, match=what):
        text.parse_super(recorded("super").replace(old, new))


@pytest.mark.parametrize(("shown", "name"), [
    ("1 (xxhash64)", "xxhash"), ("3 (blake2b)", "blake2"), ("2 (sha256)", "sha256")])
def test_checksums_have_the_names_of_mkfs(shown: str, name: str) -> None:
    assert text.parse_super(recorded("super").replace("0 (crc32c)", shown)).checksum == name


def test_profiles_are_the_same_from_a_mount_and_from_the_tree() -> None:
    assert text.parse_usage(recorded("usage")) == ALL_RAID1
    assert text.parse_chunks(recorded("chunk-tree")) == ALL_RAID1


def test_mixed_and_single_block_groups() -> None:
    assert text.parse_chunks("\t\tlength 1 owner 2 stripe_len 65536 type DATA|METADATA\n") == {
        "data": BtrfsProfile.SINGLE, "metadata": BtrfsProfile.SINGLE}
    assert text.parse_usage("Data+Metadata,DUP: Size:1\n") == {
        "data": BtrfsProfile.DUP, "metadata": BtrfsProfile.DUP}


def test_a_conversion_that_has_not_ended_is_refused() -> None:
    with pytest.raises(NotDescribed, match="data in several profiles"):
        text.parse_usage(recorded("usage") + "Data,single: Size:8388608, Used:0\n")


def test_subvolumes_from_the_root_tree() -> None:
    tree = text.parse_root_tree(recorded("root-tree"))
    assert dict(tree.place) == {256: (5, 256, "@"), 257: (5, 256, "@home"), 258: (256, 256, "var"),
                                260: (5, 257, "snap"), 261: (5, 256, "@vm")}
    assert [number for number, root in tree.trees.items() if root.readonly] == [260]
    assert tree.trees[260].origin == tree.trees[256].uuid
    assert (tree.default, tree.quotas) == (256, True)
    assert 259 not in tree.trees, "a deleted subvolume is none"


LIST = """ID 256 gen 9 parent 5 top level 5 parent_uuid -                                    uuid 3f5e path @
ID 258 gen 9 parent 256 top level 256 parent_uuid -                                    uuid 582c path <FS_TREE>/@/a b
ID 260 gen 9 parent 5 top level 5 parent_uuid 3f5e uuid a50d path d/snap
"""


def test_subvolumes_from_a_mount() -> None:
    found = text.parse_list(LIST, "ID 260 gen 9 top level 5 path d/snap\n")
    assert found == (text.Root(256, "@", False, "3f5e"), text.Root(258, "@/a b", False, "582c"),
                     text.Root(260, "d/snap", True, "a50d", "3f5e"))


def test_limits_are_the_same_from_the_tree_and_from_a_mount() -> None:
    expected = {"0/256": (None, 52428800), "0/257": (104857600, None)}
    assert text.parse_quota_tree(recorded("quota-tree")) == expected
    shown = """Qgroupid    Referenced    Exclusive  Max referenced  Max exclusive   Path
--------    ----------    ---------  --------------  -------------   ----
0/5               8192         8192            none           none   <toplevel>
0/256             8192         8192            none       52428800   @
0/257             8192         8192       104857600           none   @home
"""
    assert text.parse_qgroups(shown) == expected
    assert text.limits_as_words({**expected, "1/100": (5, 6), "0/999": (1, 1)}, {256: "@", 257: "@home"}) == (
        "0/@:none:52428800", "0/@home:104857600:none", "1/100:5:6")


def test_devices_of_file_systems() -> None:
    shown = ("Label: 'a'  uuid: x\n\tTotal devices 2 FS bytes used 1\n\tdevid    1 size 1 used 1 path /dev/a\n"
             "\tdevid    2 size 1 used 1 path /dev/b\n\nLabel: none  uuid: y\n\tdevid    1 size 1 used 1 path /dev/c\n")
    assert text.parse_show(shown) == (("/dev/a", "/dev/b"), ("/dev/c",))


def node(*children: "tuple[int, str, int]") -> str:
    return "node 1 level 1\n" + "".join(f"\tkey ({number} {kind} 0) block {block} gen 9\n"
                                        for number, kind, block in children)


def leaf(*items: str) -> str:
    return "leaf 1\n" + "".join(f"\titem {number} key {item}\n" for number, item in enumerate(items))


def test_a_directory_is_found_without_reading_the_whole_tree() -> None:
    blocks: Dict[int, str] = {
        1: node((256, "INODE_ITEM", 2), (300, "EXTENT_DATA", 3), (400, "DIR_ITEM", 4), (500, "INODE_ITEM", 5)),
        2: leaf("(256 INODE_ITEM 0) itemoff 1\n\t\tflags 0x0(none)", "(300 INODE_ITEM 0) itemoff 1",
                "(300 INODE_REF 256) itemoff 1\n\t\tindex 4 namelen 1 name: d"),
        4: leaf("(400 DIR_ITEM 9) itemoff 1"),
        5: leaf("(500 INODE_REF 300) itemoff 1\n\t\tindex 4 namelen 3 name: e f"),
    }
    read: List[int] = []

    def block(number: int) -> str:
        read.append(number)
        return blocks[number]

    assert directory_path(block, 1, 500) == "d/e f"
    assert 3 not in read
    assert directory_path(block, 1, 256) == ""
    assert directory_path(block, 1, 450) is None


def test_the_recorded_tree_has_directories() -> None:
    def block(number: int) -> str:
        return recorded("fs-tree")
    assert [directory_path(block, 1, number) for number in (257, 258, 259)] == ["d", "d/e", "nc"]
    assert not is_nocow(block, 1)
    assert is_nocow(lambda number: leaf("(256 INODE_ITEM 0) itemoff 1\n\t\tflags 0x1(NODATASUM|NODATACOW)"), 1)


BTRFS = Btrfs(id="b", devices=(Ref("d0"),), uuid="u", default=Ref("sv_root"))
SUBS = (Subvolume(id="sv_root", btrfs=Ref("b"), path="@", number=256), Subvolume(id="sv_home", btrfs=Ref("b"),
        path="@home", number=257), Subvolume(id="sv_in", btrfs=Ref("b"), path="@/in", number=258),
        Subvolume(id="sv_out", btrfs=Ref("b"), path="snap", number=259))


@pytest.mark.parametrize(("options", "ident"), [
    ("subvol=@home,noatime", "sv_home"), ("rw,subvol=/@home", "sv_home"), ("subvolid=257", "sv_home"),
    ("subvolid=5", "b"), ("subvolid=0", "b"), ("subvol=/", "b"), ("defaults", "sv_root"), ("subvol=@gone", None),
    ("subvolid=x", None)])
def test_mount_options_name_a_subvolume(options: str, ident: str) -> None:
    assert named_subvolume(BTRFS, SUBS, options) == ident


def test_what_no_mount_shows_has_no_content() -> None:
    (btrfs,), subs = placed((BTRFS,), SUBS, {"sv_root": ("/", "subvol=@")}, lambda mount, ident: "root")
    assert btrfs.default == "root"
    assert {sub.path: (sub.id, sub.mount, sub.content) for sub in subs} == {
        "@": ("root", "/", "restore"), "@home": ("sv_home", None, "none"), "@/in": ("sv_in", None, "restore"),
        "snap": ("sv_out", None, "none")}
