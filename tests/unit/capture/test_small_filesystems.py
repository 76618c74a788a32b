"""FAT, NTFS, F2FS and swap files from their first bytes; ext with everything that mke2fs and tune2fs set."""

from __future__ import annotations

import struct
import uuid
from pathlib import Path
from typing import Tuple

import pytest

from rescue.storage.ext_options import mke2fs_arguments, tune2fs_arguments
from sif.capture.ext import describe_ext, with_encoding_flags
from sif.capture.fat_ntfs_f2fs import describe_f2fs, describe_ntfs, describe_vfat
from sif.capture.signature import NotDescribed, Signature
from sif.capture.swapfiles import describe_swap_file, parse_proc_swaps
from sif.model import FileSystem, FsType, Ref

RECORDED = Path(__file__).parent / "recorded"


def dumpe2fs(*changes: Tuple[str, str]) -> str:
    text = (RECORDED / "dumpe2fs-boot.txt").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return text


def described(text: str) -> FileSystem:
    return describe_ext(text, "d0p2", Signature("ext4", uuid="U"))


def test_ext_parameters_are_what_mke2fs_sets() -> None:
    fs = described(dumpe2fs())
    facts = dict(parameter.split("=", 1) for parameter in fs.parameters)
    assert facts["blocks_per_group"] == "8192"
    assert facts["journal_blocks"] == "8192"
    assert (facts["flex_bg"], facts["desc_bytes"], facts["errors"]) == ("16", "64", "continue")
    assert facts["hash"] == "half_md4"
    assert uuid.UUID(facts["hash_seed"])
    assert not {"max_mounts", "check_seconds", "stride", "os", "revision"} & set(facts), "defaults are left out"


def test_ext_parameters_that_an_administrator_set() -> None:
    fs = described(dumpe2fs(
        ("Errors behavior:          Continue", "Errors behavior:          Remount read-only"),
        ("Maximum mount count:      -1", "Maximum mount count:      33"),
        ("Check interval:           0 (<none>)", "Check interval:           77777 (21:36:17)"),
        ("Flex block group size:", "RAID stride:              8\nRAID stripe width:        32\n"
         "Mount options:            data=journal\nBackup block groups:      1 7 \n"
         "Character encoding:       utf8-12.1\nMMP update interval:      7\nFlex block group size:")))
    assert {"errors=remount-ro", "max_mounts=33", "check_seconds=77777", "stride=8", "stripe_width=32",
            "extended_mount_options=data=journal", "backup_groups=1,7", "encoding=utf8-12.1",
            "mmp_seconds=7"} <= set(fs.parameters)
    assert with_encoding_flags(fs, b"\1\0").parameters[-1] == "encoding_flags=strict"
    assert with_encoding_flags(fs, b"\0\0") == fs


@pytest.mark.parametrize(("size", "blocks"), [("16M", "16384"), ("4096k", "4096")])
def test_the_journal_of_older_tools_is_shown_by_its_size(size: str, blocks: str) -> None:
    text = "\n".join(line for line in dumpe2fs().splitlines() if not line.startswith(("Total journal", "Journal size")))
    assert f"journal_blocks={blocks}" in described(f"{text}\nJournal size:             {size}\n").parameters


def ext(*parameters: str) -> FileSystem:
    return FileSystem(
        id="x", device=Ref("d0p1"), type=FsType.EXT4, uuid="u", block_size=1024, blocks=65536, reserved_blocks=655,
        features=("has_journal", "resize_inode", "fast_commit"), parameters=parameters)


def test_parameters_become_options_of_mke2fs() -> None:
    options = mke2fs_arguments(ext(
        "journal_blocks=9216", "fast_commit_blocks=128", "blocks_per_group=4096", "flex_bg=32", "errors=panic",
        "stride=4", "reserved_gdt_blocks=1", "backup_groups=1,7", "encoding=utf8-12.1"))
    assert options["-J"] == "size=9,fast_commit_size=128"
    assert (options["-g"], options["-G"], options["-e"], options["-C"]) == ("4096", "32", "panic", None)
    # 16 groups of 4096 blocks, 32 descriptors to a block: one block of them, and one reserved
    assert options["-E"] == f"stride=4,encoding=utf8-12.1,num_backup_sb=2,resize={2 * 32 * 4096}"


def test_room_for_growth_is_reckoned_without_clusters_as_mke2fs_does() -> None:
    options = mke2fs_arguments(ext("cluster_bytes=16384", "desc_bytes=64", "reserved_gdt_blocks=31"))
    assert options["-E"] == f"resize={32 * 16 * 8192}"


def test_parameters_become_options_of_tune2fs() -> None:
    assert tune2fs_arguments(ext("mount_options=nobarrier,acl", "extended_mount_options=data=journal", "hash=tea",
                                 "max_mounts=33", "reserved_uid=7")) == (
        "-r", "655", "-o", "^user_xattr,nobarrier,acl", "-E",
        "mount_opts=data=journal,hash_alg=tea,stride=0,stripe_width=0", "-c", "33", "-i", "0s", "-u", "7")


def test_a_set_without_parameters_leaves_everything_to_the_tools() -> None:
    assert set(mke2fs_arguments(ext()).values()) == {None}
    assert tune2fs_arguments(ext()) == ("-r", "655")


def test_fat_keeps_what_a_boot_loader_may_rely_on() -> None:
    fs = describe_vfat((RECORDED / "vfat-boot.bin").read_bytes(), "d0p1", Signature("vfat", version="FAT32"))
    facts = dict(parameter.split("=") for parameter in fs.parameters)
    assert (facts["fats"], facts["reserved_sectors"], facts["media"], facts["backup_sector"]) == ("2", "32", "248", "6")
    assert int(facts["sectors"]) > int(facts["fat_sectors"]) > 0


def ntfs(clusters: int = 16) -> bytes:
    head = bytearray(512)
    head[3:11] = b"NTFS    "
    struct.pack_into("<HB", head, 11, 512, clusters)
    struct.pack_into("<HHI", head, 24, 63, 255, 2048)
    struct.pack_into("<Q", head, 40, 163839)
    struct.pack_into("<b", head, 64, -10)
    struct.pack_into("<b", head, 68, 1)
    struct.pack_into("<Q", head, 72, 0x0123456789ABCDEF)
    return bytes(head)


def test_ntfs_is_described_from_its_boot_sector() -> None:
    fs = describe_ntfs(ntfs(), "d1p2", Signature("ntfs", label="Win dows"))
    assert (fs.type, fs.uuid, fs.label, fs.block_size, fs.sector_size) == (
        FsType.NTFS, "0123456789ABCDEF", "Win dows", 8192, 512)
    assert fs.parameters == ("sectors=163839", "hidden_sectors=2048", "sectors_per_track=63", "heads=255",
                             "mft_record_bytes=1024", "index_record_bytes=8192")


def test_large_ntfs_clusters_are_written_as_a_power() -> None:
    assert describe_ntfs(ntfs(0xF4), "d1p2", Signature("ntfs")).block_size == 512 << 12


def f2fs() -> bytearray:
    head = bytearray(3072)
    struct.pack_into("<I", head, 0, 0xF2F52010)
    struct.pack_into("<6I", head, 8, 9, 3, 12, 9, 2, 1)
    struct.pack_into("<Q", head, 36, 30720)
    head[108:124] = uuid.UUID("968c32d0-cf0f-4bcf-b500-b6bf1afa6e63").bytes
    head[124:134] = "flash".encode("utf-16-le")
    struct.pack_into("<I", head, 1148, 1)
    head[1152:1155] = b"log"
    head[1160:1163] = b"mkv"
    struct.pack_into("<I", head, 2180, 0x2828)
    struct.pack_into("<BHH", head, 2757, 1, 1, 0)
    return head


def test_f2fs_is_described_from_its_superblock() -> None:
    fs = describe_f2fs(bytes(f2fs()), "d1p1", Signature("f2fs"))
    assert (fs.uuid, fs.label, fs.block_size, fs.sector_size, fs.blocks) == (
        "968c32d0-cf0f-4bcf-b500-b6bf1afa6e63", "flash", 4096, 512, 30720)
    assert fs.features == ("extra_attr", "inode_checksum", "sb_checksum", "compression")
    assert fs.parameters == ("segments_per_section=2", "sections_per_zone=1", "cold_extensions=log",
                             "hot_extensions=mkv", "encoding=utf8")


def test_f2fs_over_several_devices_is_refused() -> None:
    head = f2fs()
    head[2201:2210] = b"/dev/sdb1"
    with pytest.raises(NotDescribed, match="several devices"):
        describe_f2fs(bytes(head), "d1p1", Signature("f2fs"))


def test_a_swap_file_is_described_from_its_header() -> None:
    head = bytearray(65536)
    head[4086:4096] = b"SWAPSPACE2"
    head[1036:1052] = uuid.UUID("4d63cc45-3b6d-46cc-9e59-3be4a7c397de").bytes
    head[1052:1054] = b"sw"
    swap = describe_swap_file(bytes(head), "/swap file", 1 << 24, "root", "pri=5", "swap1")
    assert (swap.uuid, swap.label, swap.page_bytes, swap.path, swap.size_bytes, swap.options, swap.device) == (
        "4d63cc45-3b6d-46cc-9e59-3be4a7c397de", "sw", 4096, "/swap file", 1 << 24, "pri=5", "root")


def test_swap_files_in_use() -> None:
    assert parse_proc_swaps("Filename Type Size Used Priority\n/dev/dm-1 partition 1 0 -2\n/a\\040b file 1 0 -3\n") == (
        "/a b",)
