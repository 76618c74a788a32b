"""Detection held to recorded output of lsblk and wipefs, and to real files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rescue.detect import Content, choose_slots, parse_lsblk, parse_wipefs, present_disk, sample, sample_places
from rescue.hardware import Holder, HolderKind

RECORDED = Path(__file__).parent / "recorded"
EMPTY, FULL = Content("e", empty=True), Content("f", empty=False)
MIB = 1 << 20


def recorded(name: str) -> str:
    return (RECORDED / name).read_text("utf-8")


def line(name: str, kind: str = "disk", size: int = 1 << 30) -> str:
    return (f'{{"name":"{name}","kname":"{name}","path":"/dev/{name}","type":"{kind}","size":{size},"log-sec":512,'
            '"phy-sec":512,"model":" QEMU ","serial":null,"wwn":null,"tran":"usb","ro":false,"rm":true,"start":null,'
            '"mountpoints":[null]}')


def test_the_tree_of_a_machine_with_lvm() -> None:
    disks = [node for node in parse_lsblk(recorded("lsblk.json")) if node.is_disk]
    assert [disk.name for disk in disks] == ["ubdb", "ubdc", "ubdd"]
    below = {node.path for node in disks[0].walk()}
    assert {"/dev/ubdb", "/dev/ubdb4", "/dev/mapper/vg0-swap"} <= below


def test_a_used_disk_says_what_it_holds_and_where() -> None:
    disk = parse_lsblk(recorded("lsblk.json"))[0]
    seen = present_disk(disk, parse_wipefs(recorded("wipefs-gpt.json")), FULL, None, "slot-1")
    assert seen.signatures == ("ubdb: gpt", "ubdb: PMBR", "ubdb2: vfat", "ubdb3: ext4", "ubdb4: LVM2_member")
    assert not seen.blank and seen.by_path == "slot-1" and seen.excluded is None
    assert [(p.name, p.start_bytes, p.content) for p in seen.partitions] == [
        ("ubdb1", 34 * 512, ""), ("ubdb2", 2048 * 512, "vfat"), ("ubdb3", 133121 * 512, "ext4"),
        ("ubdb4", 540672 * 512, "LVM2_member")]


@pytest.mark.parametrize(("name", "kind", "size", "is_disk"), [
    ("sda", "disk", 1, True), ("vda", "disk", 1, True), ("nvme0n1", "disk", 1, True), ("mmcblk0", "disk", 1, True),
    ("sdb", "disk", 0, False), ("sr0", "rom", 1, False), ("loop0", "loop", 1, False), ("zram0", "disk", 1, False),
    ("ram0", "disk", 1, False), ("fd0", "disk", 1, False), ("mmcblk0boot0", "disk", 1, False),
    ("nbd0", "disk", 1, False),
])
def test_only_disks_are_disks(name: str, kind: str, size: int, is_disk: bool) -> None:
    (node,) = parse_lsblk('{"blockdevices":[' + line(name, kind, size) + "]}")
    assert node.is_disk is is_disk
    assert node.model == "QEMU" and node.removable and node.bus == "usb" and node.mounts == ()


def test_nothing_found_and_nothing_read_is_blank() -> None:
    (node,) = parse_lsblk('{"blockdevices":[' + line("sda") + "]}")
    assert present_disk(node, parse_wipefs(""), EMPTY, None, None).blank


def test_data_without_a_signature_is_not_blank() -> None:
    (node,) = parse_lsblk('{"blockdevices":[' + line("sda") + "]}")
    assert present_disk(node, (), FULL, None, None).signatures == ("sda: unknown data",)


def test_a_mounted_disk_is_excluded() -> None:
    (node,) = parse_lsblk('{"blockdevices":[' + line("sda").replace("[null]", '["/run/medium"]') + "]}")
    assert present_disk(node, (), EMPTY, None, None).excluded == "in use: sda at /run/medium"
    assert present_disk(node, (), EMPTY, "the medium", None).excluded == "the medium"


def test_the_digest_sees_content_and_signatures() -> None:
    (node,) = parse_lsblk('{"blockdevices":[' + line("sda") + "]}")
    digests = {present_disk(node, signatures, content, None, None).content
               for signatures in ((), (("sda", "ext4"),)) for content in (EMPTY, FULL)}
    assert len(digests) == 4
    assert present_disk(node, (), EMPTY, "the medium", "slot").content in digests


def test_what_begins_to_use_a_disk_that_is_in_use_changes_it() -> None:
    """Nothing is stopped that the plan has not shown."""
    (node,) = parse_lsblk('{"blockdevices":[' + line("sda") + "]}")

    def digest(*holders: Holder, content: Content = FULL) -> str:
        return present_disk(node, (("sda", "ext4"),), content, None, None, holders).content

    swap = Holder("swap:/dev/sda1", HolderKind.SWAP, "/dev/sda1", "/dev/sda1", ("sda1",), 1)
    mounted = Holder("mount:0:9", HolderKind.MOUNT, "/mnt", "/mnt", ("sda2",), 1)
    assert len({digest(), digest(swap), digest(mounted), digest(swap, mounted)}) == 4
    assert digest(swap) == digest(swap, content=EMPTY), "who uses it may write to it"
    assert digest(mounted) == digest(mounted, replace(mounted, key="mount:7:9", pid=7)), "a service that starts"


def test_the_first_slot_name_in_order_is_taken_and_partitions_have_none() -> None:
    links = [("virtio-pci-0000:00:04.0", "vda"), ("pci-0000:00:04.0", "vda"), ("pci-0000:00:04.0-part1", "vda1"),
             ("pci-0000:00:1f.2-ata-1.0", "sda"), ("pci-0000:00:1f.2-ata-1", "sda")]
    assert choose_slots(links) == {"vda": "pci-0000:00:04.0", "sda": "pci-0000:00:1f.2-ata-1"}


@pytest.mark.parametrize("size", [512, MIB, 2 * MIB + 32 * 4096, 2 * MIB + 33 * 4096, 3 * MIB, 1 << 40])
def test_samples_lie_on_the_disk_and_cover_both_ends(size: int) -> None:
    places = sample_places(size)
    assert places[0][0] == 0 and sum(places[-1]) == size
    assert all(one[0] + one[1] <= other[0] for one, other in zip(places, places[1:]))


@pytest.mark.parametrize(("offset", "empty"), [(None, True), (0, False), (MIB - 1, False), (8 * MIB - 1, False)])
def test_a_sample_of_a_disk_notices_what_lies_there(tmp_path: Path, offset: "int | None", empty: bool) -> None:
    disk = tmp_path / "disk"
    content = bytearray(8 * MIB)
    if offset is not None:
        content[offset] = 1
    disk.write_bytes(content)
    assert sample(str(disk), 8 * MIB).empty is empty
