"""What can't be restored is named with the word that leaves it out; what the system needs can't be left out."""

from __future__ import annotations

import pytest

from sif.capture.blocks import BlockDevice
from sif.capture.errors import NotRestorable, Unrestorable, not_restorable
from sif.capture.exclude import needed_places
from sif.capture.foreign import foreign
from sif.capture.leaveout import require_restorable, split_words, without_files
from sif.capture.mountinfo import parse_mountinfo
from sif.capture.signature import Signature
from sif.capture.storage import Storage
from sif.model import Firmware, Luks, Ref, Swap, System, SystemInformation, Version

EMPTY = Storage((), (), (), (), (), (), (), {})
SYSTEM = SystemInformation(Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1),
                           System("s", "s", Firmware.BIOS, "x86_64", Ref("root"), Ref("root")))
WITH_LUKS = SystemInformation(SYSTEM.version, SYSTEM.system, luks=(Luks(
    id="luks_d0p2", device=Ref("d0p2"), version=2, uuid="u", cipher="c", key_bits=512, offset_bytes=1, name="vault"),))


def test_all_of_it_is_named_at_once_each_with_its_word() -> None:
    error = not_restorable([Unrestorable("ZFS pool tank on /dev/sdb1", "tank"), "something", "something"])
    assert error.found == ("\n    ZFS pool tank on /dev/sdb1 (leave it out: --exclude tank)\n    something")


@pytest.mark.parametrize(("signature", "text", "word"), [
    (Signature("zfs_member", label="tank"), "ZFS pool tank on /dev/sdb1", "tank"),
    (Signature("VMFS", label="store1"), "VMFS volume store1 on /dev/sdb1", "store1"),
    (Signature("isw_raid_member", usage="raid"), "Intel firmware RAID (IMSM) member on /dev/sdb1", "sdb1"),
    (Signature("promise_fasttrack_raid_member", usage="raid"), "firmware RAID (promise_fasttrack) member on /dev/sdb1",
     "sdb1"),
    (Signature("drbd", usage="raid"), "DRBD resource on /dev/sdb1", "sdb1"),
    (Signature("ceph_bluestore"), "Ceph OSD on /dev/sdb1", "sdb1"),
    (Signature("stratis"), "Stratis pool on /dev/sdb1", "sdb1"), (Signature("vdo"), "VDO volume on /dev/sdb1", "sdb1"),
    (Signature("nilfs2", label="logs"), "file system nilfs2 logs on /dev/sdb1", "logs"),
    (Signature("reiserfs"), "file system reiserfs on /dev/sdb1", "sdb1"),
    (Signature("BitLocker"), "BitLocker volume on /dev/sdb1", "sdb1"),
    (Signature(clash=True), "signatures that contradict each other on /dev/sdb1", "sdb1"),
])
def test_what_is_foreign_is_called_by_its_name(signature: Signature, text: str, word: str) -> None:
    found = foreign(signature, "/dev/sdb1")
    assert (str(found), found.exclude) == (text, word)


def test_words_are_disks_things_or_files() -> None:
    disks = [BlockDevice("sdb", "/dev/sdb", "disk", 1, 512, 512)]
    assert split_words(["sdb", "tank", "/swapfile", "/dev/vg/lv"], disks) == (
        ("sdb",), ("tank", "vg/lv"), ("/swapfile",))


def test_what_starts_the_system_is_needed() -> None:
    left_out = [("crypt", {"lifeboat-a", "lifeboat-b"})]
    assert needed_places(left_out, [("/dev/lifeboat-b", "/usr"), ("/dev/lifeboat-a", "/srv"), ("/dev/lifeboat-c", "/"),
                                    ("nas:/x", "/var")]) == ("crypt holds /usr",)


def test_a_swap_file_is_left_out_by_its_path() -> None:
    swap = Swap(id="swap1", device=Ref("root"), uuid="u", path="/swapfile", size_bytes=1)
    storage = without_files(Storage((), (), (), (), (), (), (swap,), {}), ["/swapfile"])
    assert storage.swaps == ()
    assert [omitted.what for omitted in storage.omitted] == ["swap file /swapfile"]
    assert without_files(EMPTY, ["/swapfile"]) == EMPTY


def test_what_is_described_but_not_rebuilt_is_refused_or_noted_loudly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sif.features.REBUILT", frozenset())
    with pytest.raises(NotRestorable, match="cannot restore") as caught:
        require_restorable(EMPTY, WITH_LUKS, describe_all=False)
    assert "LUKS encrypted volume: vault (leave it out: --exclude vault)" in str(caught.value)
    assert require_restorable(EMPTY, WITH_LUKS, describe_all=True) == (
        "NOT RESTORABLE by this version: LUKS encrypted volume: vault",)
    assert require_restorable(EMPTY, SYSTEM, describe_all=False) == ()


def test_what_cannot_be_described_is_refused_even_so() -> None:
    storage = Storage((), (), (), (), (), (), (), {}, unsupported=(Unrestorable("x on /dev/sdb", "sdb"),))
    with pytest.raises(NotRestorable, match="cannot restore"):
        require_restorable(storage, SYSTEM, describe_all=True)


MOUNTS = """22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
40 22 0:35 /@home /mnt/tree/home rw,relatime shared:20 master:1 - btrfs /dev/sdb rw,subvol=/@home
41 22 8:3 / /mnt/tree rw - ext4 /dev/sda3 rw
42 41 0:36 / /mnt/tree/a\\040b rw - nfs4 nas:/x rw
nonsense
"""


def test_mounts_are_those_of_the_captured_tree() -> None:
    assert [(mount.source, mount.inside, mount.place) for mount in parse_mountinfo(MOUNTS, "/mnt/tree")] == [
        ("/dev/sdb", "/@home", "/home"), ("/dev/sda3", "/", "/"), ("nas:/x", "/", "/a b")]
    assert [mount.place for mount in parse_mountinfo(MOUNTS)] == ["/", "/mnt/tree/home", "/mnt/tree", "/mnt/tree/a b"]
