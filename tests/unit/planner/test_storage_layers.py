"""Arrays, encrypted volumes, btrfs and hidden LVM volumes: commands and order, without touching a disk."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Tuple

import pytest
from planner_machines import GIB, disk, machine, part, present, server

from rescue.hardware import Hardware
from rescue.planner import NoPlan, RestorePolicy, plan_restore
from rescue.planner.hidden import stale
from rescue.planner.layout import Layout
from rescue.storage import arrays_text, btrfs_text, encrypted_text, lvm_areas
from rescue.storage.bringup import in_order
from rescue.storage.errors import RebuildFailed
from rescue.storage.mounts import places
from sif.features import not_rebuilt
from sif.model import (
    Bitmap,
    Btrfs,
    BtrfsProfile,
    DiskRole,
    FileSystem,
    FsType,
    LogicalVolume,
    Luks,
    LvRole,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    PhysicalVolume,
    Ref,
    Subvolume,
    SystemInformation,
    VolumeGroup,
)
from sif.secrets.age import SecretUnavailable

UUID = "0f0e0d0c-0b0a-4908-8706-050403020102"
MD1 = MdArray("md0", "3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", MdLevel.RAID1, MdMetadata.V1_2, 2,
              (Ref("d0p1"), Ref("d1p1")), GIB, name="sys", homehost="web01", component_bytes=GIB,
              data_offsets=(1 << 20, 2 << 20), bitmap=Bitmap.INTERNAL)
LUKS = Luks("crypt", Ref("md0"), 2, UUID, "aes-xts-plain64", 512, 16 << 20, label="data", sector_bytes=4096,
            keyslots=("1:argon2id:4:65536:2",), flags=("allow-discards",), passphrase="secret:disk")
NODES = {"d0p1": "/dev/sda1", "d1p1": "/dev/sdb1", "d2p1": "/dev/sdc1"}


def stacked() -> SystemInformation:
    """LVM on LUKS on RAID 1 over two disks; the thin volume listed before its pool."""
    info = replace(server(), disks=(disk("d0", 2 * GIB), disk("d1", 2 * GIB)), swaps=(),
                   partitions=(part("d0", 1, 1, 1100), part("d1", 1, 1, 1100)))
    vg = VolumeGroup("vg0", "vg0", "a", 4 << 20, (Ref("pv0"),), metadata="media:lvm/vg0.vgcfg")
    pool = LogicalVolume("lv_pool", Ref("vg0"), "pool", "p", LvType.THIN_POOL, 10, parts=(Ref("tdata"), Ref("tmeta")),
                         chunk_bytes=65536)
    return replace(
        info, arrays=(MD1,), luks=(LUKS,), pvs=(PhysicalVolume("pv0", Ref("crypt"), "u", 1 << 20, 100),), vgs=(vg,),
        lvs=(LogicalVolume("lv_a", Ref("vg0"), "a", "t", LvType.THIN, 5, pool=Ref("lv_pool"), device_number=1), pool,
             LogicalVolume("tdata", Ref("vg0"), "pool_tdata", "d", LvType.LINEAR, 10, ("pv0:1:10",),
                           role=LvRole.POOL_DATA),
             LogicalVolume("tmeta", Ref("vg0"), "pool_tmeta", "m", LvType.LINEAR, 1, ("pv0:0:1",),
                           role=LvRole.POOL_METADATA)),
        filesystems=(FileSystem("root", Ref("lv_a"), FsType.EXT4, UUID, mount="/"),),
        system=replace(info.system, boot_fs=Ref("root"), root_fs=Ref("root")))


def here() -> Hardware:
    return machine(present("sda", 2 * GIB, serial="SERd0"), present("sdb", 2 * GIB, serial="SERd1"))


def test_what_lies_on_what_is_followed_down_to_the_disks() -> None:
    assert Layout(stacked()).under("lv_a") == ("d0", "d1")
    assert Layout(stacked()).under_tree("root") == ("d0", "d1")


def test_layers_come_in_the_order_they_lie() -> None:
    assert [layer.id for layer in in_order(stacked())] == ["md0", "crypt", "vg0"]


def test_what_this_version_does_not_make_again_is_refused_by_name() -> None:
    linear = replace(stacked(), arrays=(replace(MD1, level=MdLevel.LINEAR),))
    with pytest.raises(NoPlan, match="md-linear"):
        plan_restore(linear, here(), RestorePolicy())


def test_a_plan_makes_each_layer_after_what_it_lies_on() -> None:
    plan = plan_restore(stacked(), here(), RestorePolicy())
    assert [action.id for action in plan.actions][-7:] == [
        "md:md0", "luks:crypt", "pv:pv0", "vg:vg0", "lv:lv_pool", "lv:lv_a", "fs:root"]


def test_an_array_over_a_disk_that_is_not_rebuilt_is_refused() -> None:
    info = stacked()
    info = replace(info, disks=(info.disks[0], replace(info.disks[1], role=DiskRole.DATA)))
    with pytest.raises(NoPlan, match="partly on disks that are not rebuilt"):
        plan_restore(info, here(), RestorePolicy())


def test_volumes_that_only_their_metadata_describes_need_it() -> None:
    info = replace(stacked(), vgs=(replace(stacked().vgs[0], metadata=None),))
    with pytest.raises(NoPlan, match="metadata text"):
        plan_restore(info, here(), RestorePolicy())


def test_an_array_is_made_with_everything_that_was_saved() -> None:
    assert arrays_text.create_command(MD1, "/dev/md200", NODES) == (
        "mdadm", "--create", "/dev/md200", "--run", "--force", "--level=raid1", "--raid-devices=2", "--metadata=1.2",
        "--uuid=3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", "--bitmap=internal", "--size=1048576", "--name=sys",
        "--homehost=web01", "--data-offset=variable", "/dev/sda1:1024", "/dev/sdb1:2048")


@pytest.mark.parametrize(("change", "wanted", "absent"), [
    ({"level": MdLevel.RAID5, "layout": "left-symmetric", "chunk_bytes": 65536},
     ("--layout=left-symmetric", "--chunk=64", "--force"), ("--assume-clean", "--write-zeroes")),
    ({"level": MdLevel.RAID6, "devices": 4, "missing": (1,), "members": (Ref("d0p1"), Ref("d1p1"), Ref("d2p1")),
      "data_offsets": ()}, ("--write-zeroes",), ("--assume-clean",)),
    ({"write_mostly": (Ref("d0p1"),), "failfast": (Ref("d1p1"),)}, (), ("--write-mostly", "--failfast")),
    ({"metadata": MdMetadata.V0_90, "data_offsets": ()}, ("--metadata=0.90", "/dev/sdb1"), ("--name=sys",)),
    ({"level": MdLevel.RAID0, "component_bytes": None}, ("--level=raid0",), ("--size=1048576", "--assume-clean")),
    ({"devices": 3, "missing": (0,), "data_offsets": ()}, ("missing", "/dev/sda1", "/dev/sdb1"), ()),
    ({"members": (Ref("d0p1"), Ref("d1p1")), "spares": (Ref("d2p1"),), "data_offsets": ()},
     ("--spare-devices=1", "/dev/sdc1"), ()),
    ({"homehost": None}, ("--homehost=<none>",), ("--homehost=web01",)),
])
def test_each_kind_of_array_has_its_options(change: dict[str, object], wanted: Tuple[str, ...],
                                            absent: Tuple[str, ...]) -> None:
    argv = arrays_text.create_command(replace(MD1, **change), "/dev/md200", NODES)  # type: ignore[arg-type]
    assert set(wanted) <= set(argv)
    assert not set(absent) & set(argv)


def test_members_get_their_flags_one_by_one() -> None:
    array = replace(MD1, write_mostly=(Ref("d0p1"),), failfast=(Ref("d0p1"), Ref("d1p1")))
    assert arrays_text.flagged(array) == (("d0p1", "writemostly"), ("d0p1", "failfast"), ("d1p1", "failfast"))


def test_a_missing_slot_stays_in_its_place() -> None:
    argv = arrays_text.create_command(replace(MD1, devices=3, missing=(0,), data_offsets=()), "/dev/md200", NODES)
    assert argv[-3:] == ("missing", "/dev/sda1", "/dev/sdb1")


def test_a_deviation_of_an_array_is_seen() -> None:
    shown = ("MD_LEVEL=raid1\nMD_DEVICES=2\nMD_METADATA=1.2\nMD_UUID=3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01\n"
             "MD_NAME=web01:sys\n")
    assert arrays_text.differences(MD1, shown) == ()
    assert arrays_text.differences(MD1, shown.replace("web01:sys", "web01:other")) == (
        "MD_NAME is web01:other, not web01:sys",)


def test_a_luks2_header_is_made_with_everything_that_was_saved() -> None:
    argv = encrypted_text.format_command(LUKS, "/dev/md200")
    assert argv[:3] == ("cryptsetup", "luksFormat", "--batch-mode")
    assert argv[-1] == "/dev/md200"
    assert {"--type=luks2", f"--uuid={UUID}", "--cipher=aes-xts-plain64", "--key-size=512", "--sector-size=4096",
            "--offset=32768", "--label=data", "--key-slot=1", "--pbkdf=argon2id", "--pbkdf-force-iterations=4",
            "--pbkdf-memory=65536", "--pbkdf-parallel=2", "--key-file=-"} <= set(argv)


@pytest.mark.parametrize(("mode", "bits"), [("hmac(sha256)", 768), ("hmac(sha512)", 1024), ("aead", 512), (None, 512)])
def test_the_key_of_integrity_tags_is_no_part_of_the_ciphers_key(mode: Optional[str], bits: int) -> None:
    assert "--key-size=512" in encrypted_text.format_command(replace(LUKS, integrity=mode, key_bits=bits), "/dev/x")


def test_a_passphrase_is_asked_for_by_name_and_never_in_a_command() -> None:
    def secrets(name: str) -> bytes:
        assert name == "secret:disk"
        return b"hunter2"
    assert encrypted_text.passphrase_of(LUKS, secrets) == "hunter2"
    commands = encrypted_text.open_command(LUKS, "/dev/x") + encrypted_text.format_command(LUKS, "x")
    assert "hunter2" not in " ".join(commands)
    with pytest.raises(SecretUnavailable, match="nothing opens"):
        encrypted_text.passphrase_of(LUKS, lambda _name: None)


def test_stale_metadata_of_hidden_volumes_is_found_on_the_disk() -> None:
    info = stacked()
    (tmeta,) = stale(info.lvs)
    assert tmeta.id == "tmeta"
    assert lvm_areas.areas(info.vgs[0], tmeta, {"pv0": info.pvs[0]}, {"pv0": "/dev/x"}) == (
        (lvm_areas.Area("/dev/x", 1 << 20, 4 << 20),),)


def test_a_thin_pool_knows_its_volumes_and_no_block() -> None:
    info = stacked()
    xml = lvm_areas.thin_xml(info.lvs[1], [info.lvs[0]], 4 << 20, 7)
    assert 'transaction="7" version="2" data_block_size="128" nr_data_blocks="640"' in xml
    assert '<device dev_id="1" mapped_blocks="0"' in xml
    text = "pool {{\n\tlogical_volumes {{\n{}\t}}\n}}\n".format("".join(
        f"\t\t{name} {{\n\t\t\tsegment1 {{\n\t\t\t\ttransaction_id = {number}\n\t\t\t}}\n\t\t}}\n"
        for name, number in (("other", 3), ("pool", 7))))
    assert lvm_areas.transaction_id(text, "pool") == 7
    with pytest.raises(RebuildFailed):
        lvm_areas.transaction_id("vg0 {\n", "pool")


BTRFS = Btrfs("tank", (Ref("d0p1"), Ref("d1p1")), UUID, label="tank", data=BtrfsProfile.RAID1,
              metadata=BtrfsProfile.RAID1, features=("extref", "no-holes"), mount="/mnt/top")


def test_a_btrfs_is_made_with_everything_that_was_saved() -> None:
    argv = btrfs_text.mkfs_command(BTRFS, ("/dev/a", "/dev/b"), ("extref", "no-holes", "quota"))
    assert {f"--uuid={UUID}", "--data=raid1", "--metadata=raid1", "--label=tank",
            "--features=extref,no-holes,^quota"} <= set(argv)
    assert argv[-2:] == ("/dev/a", "/dev/b")


def test_subvolumes_come_outer_before_inner_and_are_mounted_by_path() -> None:
    info = replace(stacked(), filesystems=(), btrfs=(BTRFS,), subvolumes=(
        Subvolume("b", Ref("tank"), "@/var/lib", 300, mount="/var/lib", options="subvol=@/var/lib,compress=zstd"),
        Subvolume("a", Ref("tank"), "@", 256, mount="/")))
    assert [sub.path for sub in btrfs_text.in_order(info, BTRFS)] == ["@", "@/var/lib"]
    assert [(place.mount, place.extra) for place in places(info, None)] == [
        ("/", "subvol=/@"), ("/mnt/top", "subvolid=5"), ("/var/lib", "subvol=/@/var/lib")]


@pytest.mark.parametrize(("integrity", "header", "refused"), [
    ("hmac(sha256)", "secret:header", True), ("hmac(sha256)", None, False), (None, "secret:header", False)])
def test_a_saved_header_of_a_volume_with_integrity_tags_is_refused(
        integrity: Optional[str], header: Optional[str], refused: bool) -> None:
    """The area of the tags is no part of the header: restored alone, it opens nothing."""
    info = replace(stacked(), luks=(replace(LUKS, integrity=integrity, header=header),))
    assert ("luks-integrity-header" in not_rebuilt(info)) == refused
