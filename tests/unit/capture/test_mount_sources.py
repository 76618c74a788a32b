"""Mounts: fstab in all its forms, systemd's units, and what lies on no disk of the set."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional

import pytest
from worlds import MOUNTED, World

from sif import look
from sif.capture.fstab import FstabLine, device_path, is_kernel_name, parse_fstab, tag_of
from sif.capture.ini import parse_sections
from sif.capture.machine import configured_devices, configured_mounts
from sif.capture.mounts import resolve, with_mounts
from sif.capture.mountunits import parse_mount_unit, read_mount_units
from sif.capture.othermounts import other_mounts
from sif.capture.storage import Storage
from sif.checks.machine import check_elsewhere
from sif.checks.secrets import check_addresses
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    FsType,
    MountSource,
    Partition,
    Ref,
    SystemInformation,
    TableType,
)

pytest_plugins = ("capture_fixtures",)

GUID = "4c7b9d1e-0000-4000-8000-000000000001"
STORAGE = Storage(
    disks=(Disk(id="d0", role=DiskRole.CRITICAL, size_bytes=1 << 30, logical_sector=512, physical_sector=512,
                table=TableType.GPT, table_id="3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e00"),
           Disk(id="d1", role=DiskRole.CRITICAL, size_bytes=1 << 30, logical_sector=512, physical_sector=512,
                table=TableType.MBR, table_id="0x1a2b3c4d")),
    partitions=(Partition(id="d0p1", disk=Ref("d0"), number=1, start_sector=2048, sectors=2048, type="x", uuid=GUID,
                          name="da ta"),
                Partition(id="d1p5", disk=Ref("d1"), number=5, start_sector=2048, sectors=2048, type="0x83")),
    pvs=(), vgs=(), lvs=(), swaps=(),
    filesystems=(FileSystem(id="fs_d0p1", device=Ref("d0p1"), type=FsType.VFAT, uuid="7A3C-91E2", label="my data"),
                 FileSystem(id="fs_d1p5", device=Ref("d1p5"), type=FsType.EXT4,
                            uuid="91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01")),
    paths={"d0p1": "/dev/sda1", "d1p5": "/dev/sdb5"})


@pytest.mark.parametrize(("spec", "device"), [
    ("UUID=7a3c-91e2", "d0p1"), ('UUID="7A3C-91E2"', "d0p1"), ("LABEL=my data", "d0p1"),
    (f"PARTUUID={GUID.upper()}", "d0p1"), ("PARTUUID=1a2b3c4d-05", "d1p5"), ("PARTUUID=1a2b3c4d-06", None),
    ("PARTLABEL=da ta", "d0p1"), ("/dev/disk/by-uuid/7A3C-91E2", "d0p1"), ("/dev/disk/by-label/my\\x20data", "d0p1"),
    (f"/dev/disk/by-partuuid/{GUID}", "d0p1"), ("/dev/disk/by-partlabel/da\\x20ta", "d0p1"),
    ("/dev/sdb5", "d1p5"), ("/dev/disk/by-id/ata-X-part1", "d0p1"), ("ID=ata-X-part1", "d0p1"),
    ("/dev/disk/by-path/pci-0-part5", "d1p5"), ("/dev/sdc1", None), ("tmpfs", None), ("nas:/srv", None),
    ("LABEL=", None)])
def test_every_form_of_a_device(world: World, spec: str, device: Optional[str]) -> None:
    world.put({"/dev/sda1": "", "/dev/sdb5": ""})
    world.link({"/dev/disk/by-id/ata-X-part1": "../../sda1", "/dev/disk/by-path/pci-0-part5": "/dev/sdb5"})
    paths = {look.real(path): ident for ident, path in STORAGE.paths.items()}
    assert resolve(spec, STORAGE, paths) == device


def test_a_kernels_name_in_another_systems_fstab_names_nothing(world: World) -> None:
    world.put({"/dev/sda1": "", "/dev/mapper/vg-x": ""})
    with look.rooted(MOUNTED):
        assert resolve("/dev/sda1", STORAGE, {"/dev/sda1": "d0p1"}) is None
        assert resolve("/dev/mapper/vg-x", STORAGE, {"/dev/mapper/vg-x": "lv"}) == "lv"
    assert [is_kernel_name(name) for name in ("/dev/sda", "/dev/nvme0n1p2", "/dev/mmcblk0p1", "/dev/md0", "/dev/dm-3",
                                              "/dev/disk/by-id/sda")] == [True, True, True, False, True, False]


FSTAB = """\
# <file system> <mount point> <type> <options> <dump> <pass>
UUID=7A3C-91E2\t/srv/my\\040data vfat  noauto,x-systemd.automount,uid=a\\040b 0 2
LABEL=my\\040data /alias none bind
/srv/my\\040data /export none bind,x-systemd.requires=/srv 0 0
tmpfs /tmp tmpfs defaults,size=2g 0 0
nas:/export/home /home nfs4 soft,_netdev
//srv/share\\040x /mnt/share cifs credentials=/etc/c,password=hunter2,uid=0,vers=3.0
/dev/disk/by-uuid/91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01 / ext4
/dev/sdz1 /backup auto nofail # comment
UUID=00000000-0000-4000-8000-000000000000 none swap sw
proc /proc proc
short line
/a#b /with#hash none bind
"""


def test_fstab_line_by_line() -> None:
    lines = parse_fstab(FSTAB)
    assert lines[0] == FstabLine("UUID=7A3C-91E2", "/srv/my data", "vfat", "noauto,x-systemd.automount,uid=a\\040b")
    assert lines[1].spec == "LABEL=my data"
    assert lines[6] == FstabLine("/dev/disk/by-uuid/91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01", "/", "ext4", "defaults")
    assert lines[7] == FstabLine("/dev/sdz1", "/backup", "auto", "nofail")
    assert (lines[-1].spec, lines[-1].mount) == ("/a#b", "/with#hash")
    assert len(lines) == 11


def test_devices_of_the_set_get_their_place_and_the_rest_becomes_mounts(world: World, empty: SystemInformation) -> None:
    lines = parse_fstab(FSTAB)
    storage = with_mounts(STORAGE, lines, {})
    assert [(fs.id, fs.mount, fs.options) for fs in storage.filesystems] == [
        ("srv_my_data", "/srv/my data", "noauto,x-systemd.automount,uid=a\\040b"), ("root", "/", "defaults")]
    found, notes = other_mounts(lines, storage.into(empty), {"/dev/sda1", "/dev/sdb5"})
    assert [(mount.id, mount.what, mount.where, mount.type, mount.options) for mount in found] == [
        ("export", "/srv/my data", "/export", "none", "bind,x-systemd.requires=/srv"),
        ("tmp", "tmpfs", "/tmp", "tmpfs", "defaults,size=2g"),
        ("home", "nas:/export/home", "/home", "nfs4", "soft,_netdev"),
        ("mnt_share", "//srv/share x", "/mnt/share", "cifs", "credentials=/etc/c,uid=0,vers=3.0"),
        ("backup", "/dev/sdz1", "/backup", "auto", "nofail"),
        ("proc", "proc", "/proc", "proc", None),
        ("with_hash", "/a#b", "/with#hash", "none", "bind")]
    assert notes == ("/mnt/share: its mount options hold a password, which is left out",)
    assert [*check_elsewhere(replace(empty, mounts=found))] == []


def test_a_password_in_an_address_is_left_out(world: World, empty: SystemInformation) -> None:
    lines = parse_fstab("https://web01:hunter2@dav.example.org/x /dav davfs _netdev 0 0\n"
                        "ftp://web01@ftp.example.org /ftp fuse _netdev 0 0\nnas:/a:b@c /home nfs4 soft 0 0\n")
    found, notes = other_mounts(lines, empty, ())
    assert [mount.what for mount in found] == [
        "https://web01@dav.example.org/x", "ftp://web01@ftp.example.org", "nas:/a:b@c"]
    assert notes == ("/dav: its address holds a password, which is left out",)
    described = replace(empty, mounts=found)
    assert [*check_addresses(described)] == []
    (problem,) = check_addresses(replace(empty, mounts=(replace(found[0], what=lines[0].spec),)))
    assert "hunter2" not in str(problem) and problem.subject == ("MOUNT", "dav", "what")


UNIT = """\
[Unit]
Description=Data

[Mount]
What=/dev/disk/by-uuid/7A3C-91E2
Where=/srv/data
Type=vfat
Options=noatime, \\
    uid=0

[Install]
WantedBy=multi-user.target
"""


def test_a_mount_unit() -> None:
    assert parse_mount_unit(parse_sections(UNIT)) == FstabLine(
        "/dev/disk/by-uuid/7A3C-91E2", "/srv/data", "vfat", "noatime,uid=0", MountSource.UNIT)


@pytest.mark.parametrize("text", [
    "[Mount]\nWhat=x\n", "[Mount]\nWhere=/x\n", "[Mount]\nWhat=x\nWhere=relative\n", "[Unit]\n",
    "[Mount]\nWhat=debugfs\nWhere=/sys/kernel/debug\n", "[Mount]\nWhat=x\nWhere=/dev/hugepages\n"])
def test_units_that_mount_nothing_of_the_system(text: str) -> None:
    assert parse_mount_unit(parse_sections(text)) is None


def test_only_enabled_units_count_with_their_drop_ins(world: World) -> None:
    etc, lib = "/etc/systemd/system", "/usr/lib/systemd/system"
    mount = "[Mount]\nWhat=tmpfs\nWhere=/{}\nType=tmpfs\n"
    world.put({
        f"{etc}/srv-data.mount": UNIT, f"{etc}/srv-data.mount.d/options.conf": "[Mount]\nOptions=\nOptions=ro\n",
        f"{etc}/not-enabled.mount": mount.format("off"), f"{lib}/tmp.mount": mount.format("tmp"),
        f"{lib}/masked.mount": mount.format("masked"), f"{etc}/auto.mount": mount.format("auto"),
        f"{etc}/auto.automount": "[Automount]\nWhere=/auto\n",
        "/run/systemd/generator/home.mount": mount.format("home")})
    world.link({f"{etc}/multi-user.target.wants/srv-data.mount": f"{etc}/srv-data.mount",
                f"{lib}/local-fs.target.wants/tmp.mount": "../tmp.mount",
                f"{lib}/local-fs.target.requires/masked.mount": "../masked.mount",
                f"{etc}/masked.mount": "/dev/null",
                f"{etc}/multi-user.target.wants/auto.automount": "../auto.automount",
                f"{etc}/multi-user.target.wants/gone.mount": "../gone.mount",
                "/run/systemd/generator/local-fs.target.requires/home.mount": "../home.mount"})
    assert [(line.mount, line.options) for line in read_mount_units()] == [
        ("/auto", "defaults"), ("/srv/data", "ro"), ("/tmp", "defaults")]
    world.put({"/etc/fstab": "/dev/mapper/vg-x / ext4\n", "/dev/mapper/vg-x": ""})
    assert [line.mount for line in configured_mounts()] == ["/", "/auto", "/srv/data", "/tmp"]
    assert configured_devices() == ({"UUID=7A3C-91E2"}, {"vg-x"})


def test_a_place_that_two_sources_configure_is_one_mount(empty: SystemInformation) -> None:
    lines = (FstabLine("tmpfs", "/tmp", "tmpfs", "size=1g"),
             FstabLine("tmpfs", "/tmp", "tmpfs", "ro", MountSource.UNIT),
             FstabLine("a:/x", "/a/b", "nfs", "ro"), FstabLine("a:/y", "/a_b", "nfs,nfs4", "ro"))
    found, _ = other_mounts(lines, empty, ())
    assert [(mount.id, mount.where, mount.type, mount.source) for mount in found] == [
        ("tmp", "/tmp", "tmpfs", MountSource.FSTAB), ("a_b", "/a/b", "nfs", MountSource.FSTAB),
        ("a_b_", "/a_b", "auto", MountSource.FSTAB)]


def test_names_of_devices() -> None:
    assert tag_of("/dev/disk/by-label/Gr\\xc3\\xb6\\xc3\\x9fe") == ("LABEL", "Größe")
    assert (tag_of("LABELX=y"), tag_of("/dev/disk/by-id/x"), tag_of("server:/UUID=x")) == (None, None, None)
    assert (device_path('ID="x"'), device_path("nas:/x")) == ("/dev/disk/by-id/x", None)
