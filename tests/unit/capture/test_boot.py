"""Which loader starts a machine, its EFI system partitions, its default entry and command line."""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Dict, Optional

import pytest
from test_efi import END, GLOBAL, file, hard_drive, option
from worlds import World

from sif import look
from sif.capture.boot import probe_boot, tree_firmware
from sif.capture.bootconfig import (
    configured_cmdline,
    grub_cmdline,
    grub_default,
    parse_entry,
    parse_shell,
    systemd_boot_default,
)
from sif.capture.errors import NotRestorable
from sif.capture.loaders import loader_of_path, uefi_loader
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    FsType,
    Loader,
    MdArray,
    MdLevel,
    MdMetadata,
    Partition,
    Ref,
    SystemInformation,
    TableType,
)

pytest_plugins = ("capture_fixtures",)

ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
GRUB_SECTOR = b"\xeb\x63" + b"\0" * 380 + b"GRUB \0" + b"\0" * 124
DISKS = {"d0": "/dev/sda", "d1": "/dev/sdb"}


def esp_id(number: int) -> str:
    return f"4c7b9d1e-0000-4000-8000-00000000000{number}"


def machine(empty: SystemInformation, mounts: Dict[str, Optional[str]]) -> SystemInformation:
    """One ESP per disk: id of the file system → where it is mounted."""
    disks = tuple(Disk(id=f"d{n}", role=DiskRole.CRITICAL, size_bytes=1 << 30, logical_sector=512, physical_sector=512,
                       table=TableType.GPT) for n in range(len(mounts)))
    parts = tuple(Partition(id=f"d{n}p1", disk=Ref(f"d{n}"), number=1, start_sector=2048, sectors=2048, type=ESP_TYPE,
                            uuid=esp_id(n)) for n in range(len(mounts)))
    filesystems = tuple(FileSystem(id=ident, device=Ref(f"d{n}p1"), type=FsType.VFAT, uuid=f"0000-000{n}", mount=mount)
                        for n, (ident, mount) in enumerate(mounts.items()))
    return replace(empty, disks=disks, partitions=parts, filesystems=filesystems)


def entries(world: World, *found: "tuple[str, int, str]", order: Optional[int] = None) -> None:
    """Firmware entries: label, number of the ESP, path; all of them in BootOrder, or the first ``order``."""
    base = "/sys/firmware/efi/efivars"
    count = len(found) if order is None else order
    world.put({f"{base}/BootOrder-{GLOBAL}": b"\x07\0\0\0" + struct.pack(f"<{count}H", *range(count))})
    for number, (label, esp, path) in enumerate(found):
        world.put({f"{base}/Boot{number:04X}-{GLOBAL}":
                   b"\x07\0\0\0" + option(label, hard_drive(esp_id(esp)) + file(path) + END)})


def no_sector(path: str) -> bytes:
    raise AssertionError(path)


def test_grub_with_shim_on_two_partitions(world: World, empty: SystemInformation) -> None:
    world.put({"/proc/cmdline": "BOOT_IMAGE=/vmlinuz root=/dev/x ro\n", "/boot/grub/grub.cfg": "",
               "/etc/default/grub": 'GRUB_DEFAULT="saved"\n', "/boot/efi/EFI/debian/shimx64.efi": "",
               "/boot/efi2/EFI/debian/shimx64.efi": ""})
    entries(world, ("second", 1, "\\EFI\\debian\\shimx64.efi"), ("first", 0, "\\EFI\\debian\\shimx64.efi"),
            ("stale", 0, "\\EFI\\gone\\grubx64.efi"), ("foreign", 7, "\\EFI\\x.efi"),
            ("unordered", 0, "\\EFI\\debian\\shimx64.efi"), order=4)
    facts = probe_boot(machine(empty, {"other": "/boot/efi2", "esp": "/boot/efi"}), DISKS, no_sector)
    assert facts.notes == ("EFI entry stale is left out: there is no \\EFI\\gone\\grubx64.efi on /boot/efi2",)
    boot = facts.boot
    assert (boot.loader, boot.shim, boot.grub_prefix, boot.cmdline, boot.default_entry) == (
        Loader.GRUB_EFI, True, "/boot/grub", "root=/dev/x ro", "saved")
    assert boot.esp == ("esp", "other")
    assert [(entry.label, entry.esp) for entry in facts.entries] == [
        ("second", "esp"), ("first", "other"), ("unordered", "other")]
    assert boot.boot_order == ("1", "2")


def test_an_esp_on_a_mirror_is_named_by_each_member(world: World, empty: SystemInformation) -> None:
    info = machine(empty, {"a": None, "b": None})
    info = replace(
        info, filesystems=(FileSystem(id="esp", device=Ref("md0"), type=FsType.VFAT, uuid="0000-0001", mount="/efi"),),
        arrays=(MdArray(id="md0", name="esp", uuid="0" * 32, level=MdLevel.RAID1, metadata=MdMetadata.V1_0,
                        members=(Ref("d0p1"), Ref("d1p1")), size_bytes=1 << 20, devices=2),))
    world.put({"/proc/cmdline": "", "/boot/grub2/grub.cfg": "", "/efi/EFI/x/grubx64.efi": ""})
    entries(world, ("one", 0, "\\EFI\\x\\grubx64.efi"), ("two", 1, "\\EFI\\x\\grubx64.efi"))
    facts = probe_boot(info, DISKS, no_sector)
    assert (facts.boot.esp, facts.boot.grub_prefix) == (("esp",), "/boot/grub2")
    assert [(entry.label, entry.esp) for entry in facts.entries] == [("one", "esp"), ("two", "esp")]


def test_a_partition_that_is_not_mounted_is_refused_with_what_to_do(world: World, empty: SystemInformation) -> None:
    """Its loader is in no backup, and a set without it would not start the machine."""
    entries(world, ("debian", 0, "\\EFI\\debian\\shimx64.efi"), order=0)
    with pytest.raises(NotRestorable) as caught:
        probe_boot(machine(empty, {"esp": None}), DISKS, no_sector)
    assert "not mounted" in str(caught.value) and "d0p1" in str(caught.value) and "/etc/fstab" in str(caught.value)


@pytest.mark.parametrize("place", ["/boot", "/efi", "/boot/efi"])
def test_systemd_boot(world: World, empty: SystemInformation, place: str) -> None:
    world.put({"/proc/cmdline": "root=x", f"{place}/EFI/systemd/systemd-bootx64.efi": "",
               f"{place}/loader/loader.conf": "timeout 3\ndefault arch-*\n",
               f"{place}/loader/entries/arch-6.9.conf": "options root=x\n",
               f"{place}/loader/entries/arch-6.12.conf": "options root=x\n",
               f"{place}/loader/entries/zz.conf": ""})
    entries(world, ("Linux Boot Manager", 0, "\\EFI\\systemd\\systemd-bootx64.efi"))
    boot = probe_boot(machine(empty, {"esp": place}), DISKS, no_sector).boot
    assert (boot.loader, boot.default_entry, boot.esp, boot.grub_prefix) == (
        Loader.SYSTEMD_BOOT, "arch-6.12.conf", ("esp",), None)


@pytest.mark.parametrize(("files", "path", "named"), [
    ({"/efi/EFI/refind/refind_x64.efi": ""}, "\\EFI\\refind\\refind_x64.efi", "rEFInd"),
    ({"/efi/EFI/Linux/arch.efi": ""}, "\\EFI\\Linux\\arch.efi", "a unified kernel image started by the firmware"),
    ({"/efi/EFI/odd/boot.efi": ""}, "\\EFI\\odd\\boot.efi", "\\EFI\\odd\\boot.efi"),
    ({"/efi/EFI/refind/x": ""}, "\\EFI\\gone\\x.efi", "rEFInd"),
])
def test_another_loader_is_refused_by_name_unless_it_is_excluded(
        world: World, empty: SystemInformation, files: Dict[str, str], path: str, named: str) -> None:
    world.put({"/proc/cmdline": "quiet", **files})
    entries(world, ("x", 0, path))
    info = machine(empty, {"esp": "/efi"})
    with pytest.raises(NotRestorable) as refused:
        probe_boot(info, DISKS, no_sector)
    assert refused.value.found == named
    left_out = probe_boot(info, DISKS, no_sector, ("boot-loader",)).boot
    assert (left_out.loader, left_out.cmdline) == (Loader.NONE, "quiet")


@pytest.mark.parametrize(("files", "sector", "named"), [
    ({"/etc/lilo.conf": ""}, b"\0" * 6 + b"LILO" + b"\0" * 502, "LILO"),
    ({"/boot/extlinux/extlinux.conf": ""}, b"\0" * 512, "EXTLINUX"),
    ({}, b"BOOTMGR is missing", "Windows (BOOTMGR)"),
    ({}, b"\0" * 512, "no directory /boot/grub"),
    ({"/boot/grub/grub.cfg": ""}, b"\0" * 512, "no disk whose first sector holds GRUB's boot code"),
])
def test_another_loader_under_bios(world: World, empty: SystemInformation, files: Dict[str, str], sector: bytes,
                                   named: str) -> None:
    world.put({"/proc/cmdline": "", **files})
    info = replace(empty, system=replace(empty.system, firmware=Firmware.BIOS))
    with pytest.raises(NotRestorable) as refused:
        probe_boot(info, DISKS, lambda path: sector)
    assert refused.value.found == named


def test_grub_under_bios_on_the_second_disk(world: World, empty: SystemInformation) -> None:
    world.put({"/proc/cmdline": "ro", "/boot/grub/grub.cfg": ""})
    info = replace(empty, system=replace(empty.system, firmware=Firmware.BIOS))
    boot = probe_boot(info, DISKS, lambda path: GRUB_SECTOR if path == "/dev/sdb" else b"\0" * 512).boot
    assert (boot.loader, boot.disks, boot.default_entry) == (Loader.GRUB_PC, ("d1",), None)


def test_what_the_firmware_starts_decides_when_both_loaders_are_installed() -> None:
    grub, systemd = "\\EFI\\debian\\grubx64.efi", "\\EFI\\systemd\\systemd-bootx64.efi"
    assert uefi_loader([systemd, grub], True, True) is Loader.SYSTEMD_BOOT
    assert uefi_loader([grub, systemd], True, True) is Loader.GRUB_EFI
    assert uefi_loader(["\\EFI\\Microsoft\\Boot\\bootmgfw.efi", "\\EFI\\BOOT\\BOOTX64.EFI"], False, True) \
        is Loader.SYSTEMD_BOOT
    assert uefi_loader(["\\EFI\\debian\\shimx64.efi"], False, True) is Loader.SYSTEMD_BOOT
    assert uefi_loader([], False, False) == ()
    assert loader_of_path("\\EFI\\fedora\\fwupdx64.efi") is None


MENU = """
menuentry 'Debian' {
	linux	/vmlinuz-6.1.0-9-amd64 root=UUID=1 ro quiet
	initrd	/initrd.img-6.1.0-9-amd64
}
menuentry 'older' {
	linux	/vmlinuz-6.1.0-7-amd64 root=UUID=2 ro single
}
"""


@pytest.mark.parametrize(("release", "wanted"), [
    ("6.1.0-9-amd64", "root=UUID=1 ro quiet"), ("6.1.0-7-amd64", "root=UUID=2 ro single"),
    ("5.0", "root=UUID=1 ro quiet"), ("", "root=UUID=1 ro quiet")])
def test_the_command_line_in_grubs_menu(release: str, wanted: str) -> None:
    assert grub_cmdline(MENU, release) == wanted
    assert grub_cmdline("set timeout=1\n", release) is None


def test_the_command_line_of_a_boot_loader_specification_entry(world: World) -> None:
    world.put({"/boot/loader/entries/a-6.1.conf": "linux /vmlinuz-6.1\noptions $kernelopts $tuned_params\noptions ro\n",
               "/boot/grub2/grubenv": "# GRUB Environment Block\nkernelopts=root=UUID=1 rhgb\nsaved_entry=x\n",
               "/boot/grub2/grub.cfg": "blscfg\n"})
    assert configured_cmdline("/boot/grub2", (), "6.1") == "root=UUID=1 rhgb ro"
    assert configured_cmdline(None, ("/efi",), "9.9") == "ro"


def test_the_command_line_of_unified_images(world: World) -> None:
    world.put({"/etc/kernel/cmdline": "root=UUID=1 rw\n", "/efi/EFI/Linux/a-6.1.efi": ""})
    assert configured_cmdline(None, ("/efi",), "6.1") == "root=UUID=1 rw"
    assert systemd_boot_default(("/efi",)) == "a-6.1.efi"


def test_the_entry_chosen_in_systemd_boots_menu_counts_first(world: World) -> None:
    world.put({"/efi/loader/loader.conf": "default a.conf", "/efi/loader/entries/a.conf": "",
               "/efi/loader/entries/b.conf": "", "/sys/firmware/efi/efivars/LoaderEntryDefault-"
               "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f": b"\x07\0\0\0" + "b.conf\0".encode("utf-16-le")})
    assert systemd_boot_default(("/efi",)) == "b.conf"


def test_shell_fragments_and_entries() -> None:
    assert parse_shell("A=1\nexport B=2\nC='x y' # c\nD=\"unclosed\nE=$(date)\n") == {
        "A": "1", "C": "x y", "E": "$(date)"}
    assert parse_entry("# c\ntitle  A b\noptions x\noptions y\n") == {"title": "A b", "options": "x y"}


def test_grub_default(world: World) -> None:
    assert grub_default() is None
    world.put({"/etc/default/grub": "GRUB_TIMEOUT=1\n"})
    assert grub_default() == "0"
    world.put({"/etc/default/grub.d/50-x.cfg": "GRUB_DEFAULT=2\n"})
    assert grub_default() == "2"


@pytest.mark.parametrize(("started", "mount", "sector", "wanted"), [
    (Firmware.UEFI, "/efi", GRUB_SECTOR, Firmware.UEFI), (Firmware.UEFI, None, GRUB_SECTOR, Firmware.BIOS),
    (Firmware.BIOS, "/efi", b"", Firmware.UEFI), (Firmware.BIOS, "/efi", GRUB_SECTOR, Firmware.BIOS),
    (Firmware.BIOS, None, b"", Firmware.BIOS)])
def test_a_tree_is_started_as_its_disks_say(world: World, empty: SystemInformation, started: Firmware,
                                            mount: Optional[str], sector: bytes, wanted: Firmware) -> None:
    if started is Firmware.UEFI:
        world.put({"/sys/firmware/efi/fw_platform_size": "64"})
    info = machine(empty, {"esp": mount})
    with look.rooted("/mnt/lost"):
        assert tree_firmware(info, DISKS, lambda path: sector) is wanted
