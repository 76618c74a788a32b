"""What the tools printed on a real kernel (recorded) becomes the records of the format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sif.capture.blocks import descendants, natural_key, parse_lsblk, whole_disks
from sif.capture.filesystems import Signature, describe_ext, describe_vfat, describe_xfs, parse_blkid
from sif.capture.lvm import describe, identifier, parse_report, pv_order
from sif.capture.tables import attribute_bits, parse_sfdisk, partition_number
from sif.model import FsType, TableType

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / name).read_text(encoding="utf-8")


def test_lsblk_lists_each_device_once_with_all_parents() -> None:
    devices = {d.kname: d for d in parse_lsblk(recorded("lsblk.json"))}
    assert devices["ubdb"].size_bytes == 1 << 30
    spanning = [d for d in devices.values() if len(d.parents) == 2]
    assert [sorted(d.parents) for d in spanning] == [["ubdb3", "ubdc1"]]
    assert {d.kname for d in descendants(tuple(devices.values()), "ubdc")} >= {"ubdc1", "ubdc2", "ubdc5"}


def test_empty_devices_are_no_disks() -> None:
    names = [d.kname for d in whole_disks(parse_lsblk(recorded("lsblk.json")))]
    assert names == ["ubdb", "ubdc", "ubdd"]


def test_disks_are_in_the_order_of_their_slots() -> None:
    assert sorted(["pci-0000:00:10.0", "pci-0000:00:9.0"], key=natural_key) == ["pci-0000:00:9.0", "pci-0000:00:10.0"]


def test_gpt_keeps_names_ids_attributes_and_first_lba() -> None:
    table = parse_sfdisk(recorded("sfdisk-ubdb.json"), "d0")
    assert (table.type, table.id, table.first_lba, table.gpt_entries) == (
        TableType.GPT, "99999999-0000-4000-8000-000000000001", 2048, 128)
    boot = table.partitions[1]
    assert (boot.id, boot.start_sector, boot.sectors, boot.name) == ("d0p2", 133120, 524288, "boot x")
    assert boot.attributes == (1 << 63) | (1 << 2)


def test_mbr_keeps_signature_types_active_flag_and_logical_partitions() -> None:
    table = parse_sfdisk(recorded("sfdisk-ubdc.json"), "d1")
    assert (table.type, table.id) == (TableType.MBR, "0xdeadbeef")
    assert [(p.number, p.type, p.active) for p in table.partitions] == [
        (1, "0x8e", True), (2, "0x05", False), (5, "0x83", False)]


def test_a_table_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="sun"):
        parse_sfdisk(json.dumps({"partitiontable": {"label": "sun", "id": "x"}}), "d0")


@pytest.mark.parametrize(("text", "bits"), [
    ("", 0), ("RequiredPartition", 1), ("LegacyBIOSBootable GUID:48,63", (1 << 2) | (1 << 48) | (1 << 63)),
    ("NoBlockIOProtocol", 2)])
def test_attribute_names_become_bits(text: str, bits: int) -> None:
    assert attribute_bits(text) == bits


@pytest.mark.parametrize(("node", "number"), [("/dev/sda3", 3), ("/dev/nvme0n1p12", 12)])
def test_partition_numbers(node: str, number: int) -> None:
    assert partition_number(node) == number


def test_lvm_segments_name_volume_start_and_length() -> None:
    ids = {"/dev/ubdb3": "d0p3", "/dev/ubdc1": "d1p1"}
    facts = describe(parse_report(recorded("pvs.json"), "pv"), parse_report(recorded("vgs.json"), "vg"),
                     parse_report(recorded("lvs.json"), "seg"), {"vg0": recorded("vg0.vgcfg")}, ids)
    assert {lv.name: (lv.extents, lv.segments) for lv in facts.lvs} == {
        "root": (100, ("pv_d0p3:0:100",)),
        "srv": (125, ("pv_d1p1:0:99", "pv_d0p3:108:26")),
        "swap-1": (8, ("pv_d0p3:100:8",)),
    }
    assert facts.vgs[0].pvs == ("pv_d0p3", "pv_d1p1")
    assert dict(facts.device_of)["lv_vg0_swap-1"] == "/dev/vg0/swap-1"
    assert [name for name, _ in facts.files] == ["lvm/vg0.vgcfg"]
    assert facts.unsupported == ()


def test_a_group_that_reaches_an_uncaptured_disk_is_reported() -> None:
    facts = describe(parse_report(recorded("pvs.json"), "pv"), parse_report(recorded("vgs.json"), "vg"), (),
                     {"vg0": recorded("vg0.vgcfg")}, {"/dev/ubdb3": "d0p3"})
    assert any("/dev/ubdc1" in text for text in facts.unsupported)


def test_other_segment_types_are_reported_and_not_described() -> None:
    rows = tuple({**row, "segtype": "vdo"} for row in parse_report(recorded("lvs.json"), "seg"))
    facts = describe(parse_report(recorded("pvs.json"), "pv"), parse_report(recorded("vgs.json"), "vg"), rows,
                     {"vg0": recorded("vg0.vgcfg")}, {"/dev/ubdb3": "d0p3", "/dev/ubdc1": "d1p1"})
    assert facts.lvs == ()
    assert "logical volume vg0/root: type vdo" in facts.unsupported


def test_physical_volumes_are_in_the_metadatas_order() -> None:
    assert len(pv_order(recorded("vg0.vgcfg"))) == 2


@pytest.mark.parametrize(("text", "ident"), [("vg0", "vg0"), ("a b:c", "a_b_c"), ("_x", "x_x")])
def test_names_become_ids(text: str, ident: str) -> None:
    assert identifier(text) == ident


def test_ext4_is_described_so_that_it_can_be_made_again() -> None:
    fs = describe_ext(recorded("dumpe2fs-boot.txt"), "d0p2", parse_blkid(recorded("blkid-ubdb2.txt")))
    assert (fs.type, fs.block_size, fs.inode_size, fs.inodes, fs.blocks) == (FsType.EXT4, 1024, 256, 65536, 262144)
    assert fs.label == "boot $1"
    assert "metadata_csum" in fs.features


def test_the_state_of_a_file_system_is_no_feature() -> None:
    text = recorded("dumpe2fs-boot.txt").replace(" extent ", " needs_recovery extent ")
    fs = describe_ext(text, "d0p2", Signature(type="ext4", uuid="x"))
    assert "needs_recovery" not in fs.features
    assert "extent" in fs.features


def test_xfs_is_described_so_that_it_can_be_made_again() -> None:
    fs = describe_xfs(recorded("xfs_info-unmounted.txt"), "lv_srv", Signature(type="xfs", uuid="ABC", label="srv"))
    assert (fs.block_size, fs.sector_size, fs.inode_size, fs.blocks) == (4096, 512, 512, 128000)
    assert {"agcount=4", "crc=1", "rmapbt=0", "log_blocks=16384", "naming_ftype=1", "bigtime=1"} <= set(fs.features)


def test_vfat_is_described_from_its_boot_sector() -> None:
    fs = describe_vfat((RECORDED / "vfat-boot.bin").read_bytes(), "d0p1", parse_blkid(recorded("blkid-ubdb1.txt")))
    assert (fs.type, fs.fat_bits, fs.sector_size, fs.block_size, fs.label) == (FsType.VFAT, 32, 512, 512, "EFI SYS")
