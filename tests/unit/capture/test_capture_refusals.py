"""What capture must not pass over in silence."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sif.capture.blocks import BlockDevice
from sif.capture.filesystems import NotDescribed, Signature, describe_ext, describe_swap, describe_xfs
from sif.capture.lvm import describe
from sif.capture.mounts import with_mounts
from sif.capture.providers import read_providers
from sif.capture.roles import volume_group_disks
from sif.capture.storage import Storage
from sif.model import FileSystem, Firmware, FsType, Ref, System, SystemInformation, Version
from sif.problems import SifRejected

RECORDED = Path(__file__).parent / "recorded"


def test_a_journal_on_another_device() -> None:
    text = (RECORDED / "dumpe2fs-boot.txt").read_text(encoding="utf-8")
    with pytest.raises(NotDescribed, match="journal"):
        describe_ext(text + "Journal UUID:  x\n", "d0p2", Signature("ext4"))


def test_a_log_on_another_device() -> None:
    text = (RECORDED / "xfs_info-unmounted.txt").read_text(encoding="utf-8")
    with pytest.raises(NotDescribed, match="log"):
        describe_xfs(text.replace("log      =internal", "log      =/dev/sdb1"), "d0p2", Signature("xfs"))


@pytest.mark.parametrize("page", [4096, 16384, 65536])
def test_the_page_size_of_swap_is_where_its_signature_ends(page: int) -> None:
    head = (b"\0" * (page - 10) + b"SWAPSPACE2").ljust(65536, b"\0")
    assert describe_swap(head, "d0p3", Signature("swap", uuid="AB")).page_bytes == page


def test_swap_without_a_signature() -> None:
    with pytest.raises(NotDescribed):
        describe_swap(b"\0" * 65536, "d0p3", Signature("swap"))


def test_a_volume_group_ties_disks_together_even_when_no_volume_spans_them() -> None:
    def device(name: str, *parents: str) -> BlockDevice:
        return BlockDevice(name, f"/dev/{name}", "part" if parents else "disk", 1, 512, 512, parents)

    disks = (device("sda"), device("sdb"), device("sdc"))
    devices = (*disks, device("sda1", "sda"), device("sdb1", "sdb"))
    assert volume_group_disks(devices, disks, [("/dev/sda1", "/dev/sdb1")]) == [{"sda", "sdb"}]
    assert volume_group_disks(devices, disks) == []


def test_a_volume_on_a_disk_that_is_left_out_is_named_and_does_not_crash() -> None:
    pv = {"pv_uuid": "u", "vg_name": "vg", "pe_start": "1048576", "pv_pe_count": "9"}
    found = describe(
        [{"pv_name": "/dev/sda1", **pv}, {"pv_name": "/dev/sdb1", **pv}],
        [{"vg_name": "vg", "vg_uuid": "u", "vg_extent_size": "4194304", "vg_tags": ""}],
        [{"vg_name": "vg", "lv_name": "a", "lv_uuid": "u", "lv_tags": "", "segtype": "linear", "seg_start_pe": "0",
          "seg_size_pe": "2", "seg_pe_ranges": "/dev/sdb1:0-1", "lv_role": "public"}],
        {"vg": ""}, {"/dev/sda1": "d0p1"})
    assert found.unsupported == (
        "volume group vg: its physical volume /dev/sdb1 is not on a disk that is captured",)
    assert [lv.name for lv in found.lvs] == []


def test_a_file_system_that_is_mounted_nowhere_has_no_content_to_restore() -> None:
    fs = FileSystem(id="fs_d0p1", device=Ref("d0p1"), type=FsType.EXT4, uuid="x")
    storage = Storage((), (), (), (), (), (fs,), (), {"d0p1": "/dev/sda1"})
    assert [fs.content for fs in with_mounts(storage, (), {}).filesystems] == ["none"]
    assert [fs.content for fs in with_mounts(storage, (), {"d0p1": "/srv"}).filesystems] == ["restore"]


def test_all_problems_of_all_fragments_are_reported_with_their_places(tmp_path: Path) -> None:
    store = '[STORE s]\nkind = tar\nlocation = "/x"\n'
    (tmp_path / "a.sif").write_text(store, encoding="utf-8")
    (tmp_path / "b.sif").write_text(store, encoding="utf-8")
    (tmp_path / "c.sif").write_text("[DISK d0]\n", encoding="utf-8")
    (tmp_path / "d.sif").write_bytes(b"\xff")
    with pytest.raises(SifRejected) as caught:
        read_providers(tmp_path)
    assert [(Path(problem.where).name, problem.what) for problem in caught.value.problems] == [
        ("c.sif:1:1", "[DISK] cannot be in a provider's fragment"),
        ("d.sif:1:1", "not UTF-8"),
        ("b.sif:1:1", "[STORE s] is in two files"),
    ]


def test_no_fragments_is_no_problem(tmp_path: Path) -> None:
    found = read_providers(tmp_path / "none")
    assert (found.records, found.files) == ((), {})


def test_drivers_and_files_of_fragments_get_into_the_set_with_their_bytes(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"bytes").hexdigest()
    (tmp_path / "tool").write_bytes(b"bytes")
    section = f'[FILE tool]\npath = "media:tool"\nsha256 = "{digest}"\ntarget = "/opt/tool"\n'
    driver = '[DRIVER nic]\nmodule = nic\nkernel = 6.1\n'
    (tmp_path / "a.sif").write_text(section + driver, encoding="utf-8")
    found = read_providers(tmp_path)
    system = System("p", hostname="x", firmware=Firmware.BIOS, arch="x86_64", boot_fs=Ref("a"), root_fs=Ref("a"))
    info = found.into(SystemInformation(Version("$SIF$", "2.0", "x", 1, 1), system))
    assert ([file.id for file in info.files], [driver.id for driver in info.drivers]) == (["tool"], ["nic"])
    assert found.files == {"tool": b"bytes"}
    (tmp_path / "tool").write_bytes(b"others")
    with pytest.raises(SifRejected, match="not the one of the section"):
        read_providers(tmp_path)
    (tmp_path / "tool").unlink()
    with pytest.raises(SifRejected, match="FILE tool"):
        read_providers(tmp_path)
