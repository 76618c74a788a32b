"""A system's mounted tree is described by its own files; of the running system only hardware gets in."""

from __future__ import annotations

import json
import struct
from dataclasses import replace
from pathlib import Path

import pytest
from test_boot import esp_id, machine
from test_efi import END, GLOBAL, file, hard_drive, option
from worlds import MOUNTED, World

from sif import look
from sif.capture import Captured, add_catalog
from sif.capture.blocks import BlockDevice
from sif.capture.errors import CaptureFailed
from sif.capture.machine import configured_devices, configured_mounts, with_machine
from sif.capture.system import probe_system
from sif.capture.trees import in_tree, kernel_release, version_key
from sif.check import check
from sif.model import AccessControl, Loader, NetManager, Ref, SystemInformation
from sif.problems import errors_of
from sif.secrets.sets import with_secrets
from sif.writer import write_text

pytest_plugins = ("capture_fixtures",)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{}sEDF+Kc4a3QP7f3M9VZhqBdGoI0W1zDm7OSyyOYHUw root\n"
HARDWARE = {
    "/sys/class/net/eno1/address": "52:54:00:00:00:77\n", "/sys/class/net/eno1/device/modalias": "pci:v1AF4\n",
    "/proc/cpuinfo": "model name\t: Shared CPU\n", "/sys/class/dmi/id/product_name": "Shared Board\n",
    "/sys/bus/pci/devices/0000:00:02.0/modalias": "pci:v0000102B\n",
    "/sys/bus/pci/devices/0000:00:02.0/class": "0x030000\n",
}


def configuration(word: str, number: int) -> "dict[str, str]":
    """A system in which every value has ``word`` or ``number`` in it."""
    return {
        "/etc/hostname": f"{word}-name\n", "/etc/machine-id": f"{number:032x}\n",
        "/etc/os-release": f'PRETTY_NAME="{word} Linux"\n', "/etc/locale.conf": f"LANG={word}_XX.UTF-8\n",
        "/etc/vconsole.conf": f"KEYMAP={word}-keys\n", "/etc/timezone": f"Etc/{word}\n",
        "/etc/selinux/config": f"SELINUX=permissive\nSELINUXTYPE={word}\n", f"/etc/selinux/{word}/policy/x": "",
        "/etc/ssh/ssh_host_ed25519_key.pub": KEY.format("D" if word == "lost" else "E"),
        "/etc/fstab": f"LABEL=x / ext4\n{word}-nas:/srv /{word} nfs defaults\n",
        f"/etc/systemd/system/{word}.mount": f"[Mount]\nWhat={word}-unit\nWhere=/unit-{word}\nType=tmpfs\n",
        f"/etc/systemd/system/x.target.wants/{word}.mount": "",
        "/etc/systemd/network/50-x.network":
            f"[Match]\nName=eno1\n[Network]\nAddress=10.{number}.0.5/24\nGateway=10.{number}.0.1\n",
        "/etc/systemd/resolved.conf": f"[Resolve]\nDNS=10.{number}.0.53\nDomains={word}.example.org\n",
        "/etc/default/grub": f"GRUB_DEFAULT={word}-default\n",
        "/boot/grub/grub.cfg": f"linux /vmlinuz-6.{number}.0-{word} root=/dev/{word}\n",
        f"/boot/vmlinuz-6.{number}.0-{word}": "", f"/lib/modules/6.{number}.0-{word}/modules.dep": "",
        "/efi/EFI/debian/grubx64.efi": "",
    }


@pytest.fixture
def two(world: World) -> World:
    """A running system named ``rescue`` that has the tree of one named ``lost`` mounted."""
    world.put(configuration("rescue", 88))
    world.put(configuration("lost", 77), world.tree)
    world.put(HARDWARE)
    world.link({"/etc/resolv.conf": "/run/systemd/resolve/resolv.conf"}, world.tree)
    routes = json.dumps([{"dst": "default", "gateway": "10.88.0.1", "dev": "eno1", "protocol": "static"}])
    links = json.dumps([{"ifname": "eno1", "addr_info": [
        {"family": "inet", "local": "10.88.0.5", "prefixlen": 24, "scope": "global"}]}])
    world.programs.update({("ip", "-json", "-details", "address", "show"): links, ("ip", "-json"): routes})
    variables = "/sys/firmware/efi/efivars"
    world.put({
        "/proc/cmdline": "root=/dev/rescue rescue.auto\n",
        "/run/systemd/resolve/resolv.conf": "nameserver 10.88.0.53\n",
        "/run/systemd/network/10-x.network": "[Match]\nName=eno1\n[Network]\nAddress=10.88.0.6/24\n",
        "/run/netplan/x.yaml": "network: {ethernets: {eno1: {addresses: [10.88.0.7/24]}}}\n",
        "/run/NetworkManager/system-connections/x.nmconnection":
            "[connection]\ntype=ethernet\ninterface-name=eno1\n[ipv4]\naddress1=10.88.0.8/24\n",
        "/sys/fs/selinux/enforce": "1", "/sys/module/apparmor/parameters/enabled": "Y",
        f"{variables}/BootOrder-{GLOBAL}": b"\x07\0\0\0" + struct.pack("<H", 0),
        f"{variables}/Boot0000-{GLOBAL}": b"\x07\0\0\0" + option(
            "lost entry", hard_drive(esp_id(0)) + file("\\EFI\\debian\\grubx64.efi") + END)})
    return world


def described(info: SystemInformation) -> SystemInformation:
    root = replace(info.filesystems[0], id="root", device=Ref(info.partitions[1].id), mount="/", uuid="0000-0009")
    info = replace(info, filesystems=(info.filesystems[0], root))
    info = replace(info, system=probe_system("root", "root"))
    found, notes = with_machine(info, {}, {"d0": "/dev/sda"})
    assert notes == ()
    return found


def test_nothing_of_the_running_system_gets_into_the_trees_description(two: World, empty: SystemInformation) -> None:
    storage = machine(empty, {"esp": "/efi", "unused": None})
    with look.rooted(MOUNTED):
        info = described(storage)
        assert configured_devices() == ({"LABEL=x"}, set())
    text = write_text(info.records())
    for value in ("rescue", "10.88", "6.88", "88.0", "running", f"{88:032x}", "apparmor", "enforcing"):
        assert value not in text.lower(), value
    system = info.system
    assert (system.hostname, system.os, system.kernel, system.locale, system.keymap, system.time_zone) == (
        "lost-name", "lost Linux", "6.77.0-lost", "lost_XX.UTF-8", "lost-keys", "Etc/lost")
    assert (system.machine_id_value, system.selinux, system.selinux_mode, system.access_control) == (
        f"{77:032x}", "permissive:lost", None, AccessControl.SELINUX)
    assert len(system.ssh_host_keys) == 1
    assert (system.cpu_model, system.dmi_product, system.video) == ("Shared CPU", "Shared Board", ("pci:v0000102B -",))
    assert info.boot is not None
    assert (info.boot.loader, info.boot.cmdline, info.boot.default_entry) == (
        Loader.GRUB_EFI, "root=/dev/lost", "lost-default")
    assert [entry.label for entry in info.efi_entries] == ["lost entry"]
    assert [(mount.where, mount.what) for mount in info.mounts] == [
        ("/lost", "lost-nas:/srv"), ("/unit-lost", "lost-unit")]
    assert [(nic.id, nic.mac, nic.addresses, nic.gateway, nic.manager) for nic in info.nics] == [
        ("eno1", "52:54:00:00:00:77", ("10.77.0.5/24",), "10.77.0.1", NetManager.NETWORKD)]
    assert info.dns is not None
    assert (info.dns.servers, info.dns.search) == (("10.77.0.53",), ("lost.example.org",))


def test_the_running_system_of_the_same_world_is_described_by_its_own_files(
        two: World, empty: SystemInformation) -> None:
    two.programs.clear()
    text = write_text(described(machine(empty, {"esp": "/efi", "unused": None})).records())
    assert "lost-" not in text
    assert "77.0" not in text
    assert "10.88.0.7/24" in text


def test_what_is_described_passes_the_checks_of_the_machine(two: World, empty: SystemInformation) -> None:
    with look.rooted(MOUNTED):
        info = described(machine(empty, {"esp": "/efi", "unused": None}))
    kinds = {"SYSTEM", "BOOT", "EFIENTRY", "MOUNT", "NIC", "ROUTE", "DNS", "DEVICE"}
    assert [p for p in errors_of(check(info)) if p.subject is not None and p.subject[0] in kinds] == []


def test_a_tree_without_a_name_needs_one(world: World) -> None:
    with look.rooted(MOUNTED):
        with pytest.raises(CaptureFailed, match="host name"):
            probe_system("root", "root")
        assert probe_system("root", "root", "given").hostname == "given"


def test_devices_are_mounted_where_the_tree_has_them(world: World) -> None:
    def device(name: str, mountpoint: "str | None") -> BlockDevice:
        return BlockDevice(name, f"/dev/{name}", "part", 1, 512, 512, mountpoint=mountpoint)

    devices = (device("sda1", MOUNTED), device("sda2", f"{MOUNTED}/boot"), device("vda1", "/"), device("vdb", None))
    world.put({"/proc/self/mountinfo": f"1 0 8:1 /@root {MOUNTED} rw - btrfs /dev/sda1 rw\n"
               f"4 1 9:1 /x {MOUNTED}/bind rw - ext4 /dev/vda1 rw\n"
               f"2 1 8:2 / {MOUNTED}/boot rw - ext4 /dev/sda2 rw\n3 0 9:1 / / rw - ext4 /dev/vda1 rw\n"})
    with look.rooted(MOUNTED):
        assert [found.mountpoint for found in in_tree(devices)] == ["/", "/boot", None, None]
    with look.rooted("/mnt/other"), pytest.raises(CaptureFailed, match="no disk's file system"):
        in_tree(devices)


def test_the_newest_kernel_of_a_tree(world: World) -> None:
    with look.rooted(MOUNTED):
        assert kernel_release() is None
        assert configured_mounts() == ()
    names = ["6.1.0-rc7", "6.1.0", "6.1.0-9-amd64", "6.1.0-10-amd64", "6.12.1"]
    assert sorted(reversed(names), key=version_key) == names
    world.put({"/usr/lib/modules/6.9.1/vmlinuz": "", "/boot/vmlinuz-6.10.0": ""}, world.tree)
    with look.rooted(MOUNTED):
        assert kernel_release() == "6.9.1"


def test_the_catalog_and_the_secrets_are_the_trees(tmp_path: Path, empty: SystemInformation) -> None:
    files = {
        "var/lib/dpkg/status": "Package: demo\nStatus: install ok installed\nArchitecture: all\nVersion: 7\n\n",
        "var/lib/dpkg/info/demo.list": "/.\n/usr\n/usr/bin\n/usr/bin/demo\n", "usr/bin/demo": "program\n",
        "etc/sif/secrets.age": "age-encryption.org/v1\n"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    with look.rooted(str(tmp_path)):
        captured = add_catalog(Captured(empty, {}))
        info, content = with_secrets(captured.info, captured.files, None)
    assert info.catalogs[0].entries == 1
    assert content["secrets/web01.age"] == b"age-encryption.org/v1\n"
    assert b"/usr/bin/demo" in content[info.catalogs[0].path.partition(":")[2]]
