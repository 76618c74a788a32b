"""fstab, EFI entries, addresses, roles: pure decisions of the capture."""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

import pytest

from sif.capture.blocks import BlockDevice
from sif.capture.bootconfig import clean_cmdline
from sif.capture.efi import RawEntry, efi_entries, parse_efibootmgr
from sif.capture.fstab import FstabLine, parse_fstab
from sif.capture.loaders import has_grub_boot_code
from sif.capture.mounts import mount_id
from sif.capture.net.facts import Hop
from sif.capture.net.live import configured_routes, static_addresses, uses_dhcp
from sif.capture.net.resolver import name_servers
from sif.capture.roles import assign_roles, volume_group_disks
from sif.capture.system import parse_os_release
from sif.model import DiskRole

GUID = "4c7b9d1e-0000-4000-8000-111111111111"


def test_fstab_undoes_escapes_and_skips_comments() -> None:
    text = "# comment\nUUID=1 / ext4 errors=remount-ro 0 1\n\n  # more\n/dev/sdb1 /mnt/a\\040b xfs defaults\n"
    assert parse_fstab(text) == (FstabLine("UUID=1", "/", "ext4", "errors=remount-ro"),
                                 FstabLine("/dev/sdb1", "/mnt/a b", "xfs", "defaults"))


@pytest.mark.parametrize(("mount", "ident"), [
    ("/", "root"), ("/boot", "boot"), ("/boot/efi", "esp"), ("/srv/my data", "srv_my_data")])
def test_mount_points_become_telling_ids(mount: str, ident: str) -> None:
    assert mount_id(mount) == ident


@pytest.mark.parametrize("line", [
    f"Boot0003* debian\tHD(1,GPT,{GUID},0x800,0x20000)/\\EFI\\debian\\shimx64.efi",
    f"Boot0003* debian\tHD(1,GPT,{GUID},0x800,0x20000)/File(\\EFI\\debian\\shimx64.efi)",
    f"Boot0003* debian\tHD(1,GPT,{GUID},0x800,0x20000)/File(\\EFI\\debian\\shimx64.efi)..BO",
])
def test_efibootmgr_old_and_new(line: str) -> None:
    order, entries = parse_efibootmgr("BootOrder: 0003,0000\nBoot0000* UiApp\tFvVol(7cb8)/FvFile(462c)\n" + line)
    assert order == ("0003", "0000")
    assert entries == (RawEntry("0003", "debian", GUID, "\\EFI\\debian\\shimx64.efi"),)


def test_only_this_systems_entries_are_kept_in_boot_order() -> None:
    raw = (RawEntry("0001", "other", "ffffffff-0000-4000-8000-111111111111", "\\a"),
           RawEntry("0002", "second", GUID, "\\b"), RawEntry("0003", "first", GUID, "\\c"),
           RawEntry("0004", "Lifeboat recovery", GUID, "\\d"))
    entries = efi_entries(("0004", "0003", "0001", "0002"), raw, {GUID: "esp"})
    assert [(e.id, e.label, e.esp) for e in entries] == [("1", "first", "esp"), ("2", "second", "esp")]


def test_command_line_without_the_loaders_words() -> None:
    assert clean_cmdline("BOOT_IMAGE=/vmlinuz root=/dev/x ro initrd=/i quiet\n") == "root=/dev/x ro quiet"


def test_grub_is_recognised_in_the_boot_code_only() -> None:
    assert has_grub_boot_code(b"\xeb\x63" + b"\0" * 380 + b"GRUB \0" + b"\0" * 100)
    assert not has_grub_boot_code(b"\0" * 450 + b"GRUB ")


def test_leased_addresses_are_not_configuration() -> None:
    info = [{"family": "inet", "local": "192.0.2.5", "prefixlen": 24, "scope": "global", "dynamic": True},
            {"family": "inet", "local": "192.0.2.9", "prefixlen": 24, "scope": "global"},
            {"family": "inet6", "local": "fe80::1", "prefixlen": 64, "scope": "link"}]
    assert static_addresses(info) == ("192.0.2.9/24",)
    assert uses_dhcp(info)
    assert not uses_dhcp(info[1:])


def test_only_routes_that_somebody_set_count() -> None:
    routes: List[Dict[str, Any]] = [
        {"dst": "default", "dev": "eno1", "gateway": "192.0.2.1", "protocol": "static"},
        {"dst": "default", "dev": "eno2", "gateway": "192.0.2.1", "protocol": "dhcp"},
        {"dst": "192.0.2.0/24", "dev": "eno1", "protocol": "kernel"},
        {"dst": "198.51.100.0/24", "dev": "eno1", "gateway": "192.0.2.254", "metric": 50}]
    assert configured_routes(routes, "eno1") == (
        Hop("default", "192.0.2.1"), Hop("198.51.100.0/24", "192.0.2.254", 50))
    assert configured_routes(routes, "eno2") == ()


def test_name_servers_and_os_release() -> None:
    assert name_servers("search x\nnameserver 192.0.2.53\n# nameserver 1\n") == ("192.0.2.53",)
    assert parse_os_release('# c\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nID=debian\nE=\n') == {
        "PRETTY_NAME": "Debian GNU/Linux 13 (trixie)", "ID": "debian", "E": ""}


def device(kname: str, kind: str = "disk", parents: Tuple[str, ...] = (), bus: str = "sata",
           removable: bool = False) -> BlockDevice:
    return BlockDevice(kname=kname, path=f"/dev/{kname}", type=kind, size_bytes=1 << 30, logical_sector=512,
                       physical_sector=512, parents=parents, bus=bus, removable=removable)


def test_roles_follow_what_the_system_uses() -> None:
    disks = (device("sda"), device("sdb"), device("sdc"), device("sdd", bus="usb"))
    devices = (*disks, device("sda1", "part", ("sda",)), device("sdb1", "part", ("sdb",)),
               device("dm-0", "lvm", ("sda1", "sdb1")), device("sdc1", "part", ("sdc",)))
    roles = assign_roles(disks, devices, {"sda1"}, volume_group_disks(devices, disks), ())
    assert roles.names == {"d0": "sda", "d1": "sdb", "d2": "sdc"}
    assert roles.role_of == {"d0": DiskRole.CRITICAL, "d1": DiskRole.CRITICAL, "d2": DiskRole.DATA}


def test_an_excluded_disk_is_never_critical() -> None:
    disks = (device("sda"), device("sdb"))
    roles = assign_roles(disks, disks, {"sda", "sdb"}, [{"sda", "sdb"}], ("sdb",))
    assert dict(roles.critical()) == {"d0": "sda"}
    assert roles.role_of["d1"] is DiskRole.IGNORE
