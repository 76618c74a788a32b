"""What makes an operating system this one, and the hardware it runs on."""

from __future__ import annotations

from typing import Optional

import pytest
from worlds import MOUNTED, World

from sif import look
from sif.capture.devices import Module, parse_modinfo, probe_hardware
from sif.capture.identity import (
    access_control,
    fingerprint,
    hostname,
    keymap,
    locale,
    selinux_configured,
    selinux_running,
    ssh_host_keys,
    time_zone,
)
from sif.capture.system import cpu_model
from sif.model import AccessControl

pytest_plugins = ("capture_fixtures",)

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDsEDF+Kc4a3QP7f3M9VZhqBdGoI0W1zDm7OSyyOYHUw root@web01\n"
PRINT = "ssh-ed25519 SHA256:WK9gZMWa6veFjDY9sUMX/dll4XyeWtIX/9M2mN591VY"


def test_a_host_keys_fingerprint_is_what_ssh_keygen_says() -> None:
    assert fingerprint(KEY) == PRINT


@pytest.mark.parametrize("text", [
    "", "ssh-ed25519", "ssh-ed25519 not-base64!", KEY.replace("ssh-ed25519", "ssh-rsa"), "ssh-rsa AAAA"])
def test_what_is_no_public_key_has_none(text: str) -> None:
    assert fingerprint(text) is None


def test_host_keys_at_the_usual_place_and_where_sshd_is_told(world: World) -> None:
    world.put({"/etc/ssh/ssh_host_ed25519_key.pub": KEY, "/etc/ssh/ssh_host_ed25519_key": "PRIVATE",
               "/etc/ssh/ssh_host_rsa_key.pub": "broken", "/etc/ssh/sshd_config.d/x.conf": "HostKey /srv/key\n",
               "/srv/key.pub": KEY.replace("AAAAIDsE", "AAAAIDsF")})
    found = ssh_host_keys()
    assert len(found) == 2
    assert PRINT in found


@pytest.mark.parametrize(("files", "wanted"), [
    ({"/etc/vconsole.conf": "KEYMAP=de-latin1\nFONT=x\n", "/etc/default/keyboard": "XKBLAYOUT=us\n"}, "de-latin1"),
    ({"/etc/default/keyboard": 'XKBLAYOUT="de"\nXKBVARIANT="nodeadkeys"\n'}, "de(nodeadkeys)"),
    ({"/etc/default/keyboard": 'XKBLAYOUT="us"\nXKBVARIANT=""\n'}, "us"), ({}, None)])
def test_keymap(world: World, files: "dict[str, str]", wanted: Optional[str]) -> None:
    world.put(files)
    assert keymap() == wanted


def test_locale_and_time_zone(world: World) -> None:
    world.put({"/etc/default/locale": "LANG=de_DE.UTF-8\n", "/etc/timezone": "Etc/UTC\n"})
    assert (locale(), time_zone()) == ("de_DE.UTF-8", "Etc/UTC")
    world.put({"/etc/locale.conf": 'LANG="C.UTF-8"\n'})
    world.link({"/etc/localtime": "../usr/share/zoneinfo/Europe/Berlin"})
    assert (locale(), time_zone()) == ("C.UTF-8", "Europe/Berlin")


def test_the_host_name_file_may_have_comments(world: World) -> None:
    assert hostname() is None
    world.put({"/etc/hostname": "# set by hand\n\nweb01.example.org\n"})
    assert hostname() == "web01.example.org"


def test_selinux_as_configured_and_as_running(world: World) -> None:
    assert (selinux_configured(), selinux_running(), access_control("")) == (None, None, AccessControl.NONE)
    world.put({"/etc/selinux/config": "SELINUX=enforcing\nSELINUXTYPE=targeted\n", "/sys/fs/selinux/enforce": "0"})
    assert (selinux_configured(), selinux_running(), access_control("")) == (
        "enforcing:targeted", "permissive", AccessControl.SELINUX)
    with look.rooted(MOUNTED):
        assert (selinux_configured(), selinux_running(), access_control("")) == (None, None, AccessControl.NONE)


@pytest.mark.parametrize(("files", "cmdline", "wanted"), [
    ({"/usr/sbin/apparmor_parser": ""}, "quiet", AccessControl.APPARMOR),
    ({"/usr/sbin/apparmor_parser": ""}, "apparmor=0", AccessControl.NONE),
    ({"/etc/selinux/config": "SELINUX=permissive\nSELINUXTYPE=mls\n", "/etc/selinux/mls/policy/x": ""}, "",
     AccessControl.SELINUX),
    ({"/etc/selinux/config": "SELINUX=permissive\nSELINUXTYPE=mls\n"}, "", AccessControl.NONE),
    ({"/etc/selinux/config": "SELINUX=disabled\n", "/etc/selinux/targeted/x": ""}, "", AccessControl.NONE)])
def test_the_security_module_of_a_tree_is_the_one_it_is_set_up_for(
        world: World, files: "dict[str, str]", cmdline: str, wanted: AccessControl) -> None:
    world.put({"/sys/module/apparmor/parameters/enabled": "N\n"})
    world.put(files, world.tree)
    with look.rooted(MOUNTED):
        assert access_control(cmdline) is wanted


@pytest.mark.parametrize(("text", "wanted"), [
    ("processor\t: 0\nmodel\t\t: 85\nmodel name\t: Intel(R)  Xeon(R) Silver\n", "Intel(R) Xeon(R) Silver"),
    ("processor : 0\ncpu\t\t: POWER9, altivec supported\n", "POWER9, altivec supported"), ("processor: 0\n", None)])
def test_processors(world: World, text: str, wanted: Optional[str]) -> None:
    assert cpu_model(text) == wanted


MODINFO = """\
filename:       /lib/modules/6.1/kernel/drivers/net/tg3.ko
firmware:       tigon/tg3_tso5.bin
firmware:       tigon/tg3.bin
version:        3.137
srcversion:     3B8E7A1F
name:           tg3
vermagic:       6.1 SMP
parm:           tg3_debug:Tigon3 bitmapped debugging message enable value (int)
name:           (builtin)
filename:       /lib/modules/6.1/kernel/drivers/gpu/mgag200.ko
name:           mgag200
"""


def test_modinfo_of_several_modules() -> None:
    assert parse_modinfo(MODINFO) == {
        "tg3": Module("tg3", "3.137", "3B8E7A1F", ("tigon/tg3.bin", "tigon/tg3_tso5.bin")),
        "mgag200": Module("mgag200")}


def hardware(world: World) -> None:
    pci, base = "/sys/devices/pci0000:00", "/sys/bus"
    for name, modalias, driver, kind in (
            ("0000:00:02.0", "pci:v0000102Bd0536", "mgag200", "0x030000"),
            ("0000:04:00.0", "pci:v14E4", "tg3", "0x020000"),
            ("0000:05:00.0", "pci:v1AF4d1001", "virtio-pci", "0x010000")):
        world.put({f"{pci}/{name}/modalias": modalias + "\n", f"{pci}/{name}/class": kind + "\n",
                   f"/sys/module/{driver}/x": ""})
        world.link({f"{base}/pci/devices/{name}": f"{pci}/{name}", f"{pci}/{name}/subsystem": f"{base}/pci",
                    f"{pci}/{name}/driver": f"{base}/pci/drivers/{driver}"})
        if driver != "virtio-pci":
            world.link({f"{base}/pci/drivers/{driver}/module": f"/sys/module/{driver}"})
    disk = f"{pci}/0000:05:00.0/virtio2"
    world.put({f"{disk}/modalias": "virtio:d2v1\n", f"{disk}/block/vda/size": "1",
               f"{base}/virtio/drivers/virtio_blk/x": ""})
    world.link({f"{base}/virtio/devices/virtio2": disk, "/sys/class/block/vda": f"{disk}/block/vda",
                f"{disk}/subsystem": f"{base}/virtio",
                f"{disk}/driver": f"{base}/virtio/drivers/virtio_blk"})
    world.put({f"{base}/usb/devices/1-1:1.0/modalias": "usb:v1d2\n", f"{base}/usb/devices/usb1/x": "",
               f"{base}/usb/devices/1-0:1.0/modalias": "usb:hub\n"})


def test_hardware_with_its_drivers_and_their_firmware(world: World) -> None:
    hardware(world)
    world.put({"/lib/firmware/tigon/tg3.bin.zst": ""})
    world.programs["modinfo", "mgag200", "tg3"] = MODINFO
    found = probe_hardware()
    assert [(d.id, d.modalias, d.driver, d.bus, d.device_class, d.driver_version, d.firmware)
            for d in found.devices] == [
        ("pci-0000-00-02.0", "pci:v0000102Bd0536", "mgag200", "pci 0000:00:02.0", "0x030000", None, ()),
        ("pci-0000-04-00.0", "pci:v14E4", "tg3", "pci 0000:04:00.0", "0x020000", "3.137 3B8E7A1F", ("tigon/tg3.bin",)),
        ("pci-0000-05-00.0", "pci:v1AF4d1001", "virtio-pci", "pci 0000:05:00.0", "0x010000", None, ()),
        ("usb-1-1-1.0", "usb:v1d2", None, "usb 1-1:1.0", None, None, ()),
        ("virtio-virtio2", "virtio:d2v1", "virtio_blk", "virtio virtio2", None, None, ())]
    assert found.video == ("pci:v0000102Bd0536 mgag200",)
    assert found.notes == ()


def test_a_list_of_firmware_that_no_line_can_hold_is_cut_and_noted(world: World) -> None:
    hardware(world)
    names = [f"amdgpu/{'x' * 80}{number:03}.bin" for number in range(200)]
    world.put({f"/lib/firmware/{name}": "" for name in names})
    firmware = "".join(f"firmware: {name}\n" for name in names)
    world.programs["modinfo", "mgag200", "tg3"] = f"filename: x\n{firmware}name: tg3\n"
    found = probe_hardware()
    listed = next(device for device in found.devices if device.driver == "tg3").firmware
    assert 10 < len(listed) < 200
    assert sum(map(len, listed)) < 8000
    assert found.notes == (f"pci 0000:04:00.0: 200 firmware files of tg3 are installed, {len(listed)} are listed",)


def test_another_trees_modules_are_asked_for_its_own_kernel(world: World) -> None:
    hardware(world)
    world.put({"/boot/vmlinuz-6.1.0-9": "", "/boot/vmlinuz-6.1.0-10": "", "/lib/modules/6.1.0-9/x": "",
               "/lib/modules/6.1.0-10/x": "", "/lib/modules/6.12/no-image": "",
               "/boot/vmlinuz-0-rescue-1": "", "/lib/modules/0-rescue-1/x": ""}, world.tree)
    world.programs["modinfo",] = MODINFO
    with look.rooted(MOUNTED):
        probe_hardware()
    assert world.asked == [("modinfo", "--basedir", MOUNTED, "--set-version", "6.1.0-10", "mgag200", "tg3")]
