"""The QEMU command line says what the machine's description says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drill.spec import Accel, DirectKernel, Disk, DiskFormat, Forward, Link, MachineSpec, qemu_argv
from sif.model import Firmware

SPEC = MachineSpec(
    name="m", firmware=Firmware.BIOS, folder=Path("/logs"), sockets=Path("/s"), accel=Accel.TCG,
    disks=(Disk("system", Path("/d/system.qcow2"), "SYS1"), Disk("data", Path("/d/data.img"), "DAT1", DiskFormat.RAW)))


def options(argv: tuple[str, ...], name: str) -> list[str]:
    return [value for key, value in zip(argv, argv[1:]) if key == name]


def test_emulation_uses_one_processor_without_the_slow_instructions() -> None:
    argv = qemu_argv(SPEC)
    assert options(argv, "-accel") == ["tcg"]
    assert options(argv, "-cpu") == ["max,erms=off,fsrm=off"]
    assert options(argv, "-smp") == ["1"]


def test_kvm_passes_the_host_processor_on() -> None:
    argv = qemu_argv(replace(SPEC, accel=Accel.KVM))
    assert (options(argv, "-accel"), options(argv, "-cpu")) == (["kvm"], ["host"])


def test_disks_keep_their_order_serials_and_formats() -> None:
    argv = qemu_argv(SPEC)
    devices = [device for device in options(argv, "-device") if device.startswith("virtio-blk-pci")]
    assert devices == ["virtio-blk-pci,drive=system,serial=SYS1,addr=0x11,bootindex=1",
                       "virtio-blk-pci,drive=data,serial=DAT1,addr=0x12,bootindex=2"]
    drives = options(argv, "-drive")
    assert "format=qcow2" in drives[0] and "format=raw" in drives[1]
    assert all("cache=unsafe" in drive for drive in drives)


def test_the_cd_always_comes_first() -> None:
    argv = qemu_argv(replace(SPEC, cdrom=Path("/iso")))
    assert "ide-cd,bus=ide.0,drive=cd,bootindex=0" in options(argv, "-device")
    assert any("media=cdrom,readonly=on" in drive for drive in options(argv, "-drive"))


def test_the_stick_is_a_removable_usb_device_that_is_never_booted() -> None:
    argv = qemu_argv(replace(SPEC, usb_stick=Path("/stick")))
    stick = next(device for device in options(argv, "-device") if device.startswith("usb-storage"))
    assert "removable=on" in stick and "bootindex" not in stick


def test_uefi_has_variables_of_its_own_and_bios_has_none() -> None:
    uefi = options(qemu_argv(replace(SPEC, firmware=Firmware.UEFI, vars_file=Path("/v.fd"))), "-drive")
    assert [drive.endswith(f"file={path}") for drive, path in
            zip(uefi, ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/v.fd"))] == [True, True]
    assert "readonly=on" in uefi[0] and "readonly=on" not in uefi[1]
    assert not any("pflash" in drive for drive in options(qemu_argv(SPEC), "-drive"))


def test_the_guest_reaches_nothing_and_is_reached_on_loopback_only() -> None:
    network = options(qemu_argv(replace(SPEC, forwards=(Forward(4000, 80), Forward(4001, 22)))), "-netdev")
    assert network == ["user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:4000-:80,hostfwd=tcp:127.0.0.1:4001-:22"]


def test_both_ports_and_the_monitor_are_there() -> None:
    argv = qemu_argv(SPEC)
    assert "virtserialport,chardev=agent,name=org.qemu.guest_agent.0" in options(argv, "-device")
    assert "virtserialport,chardev=events,name=org.lifeboat.events" in options(argv, "-device")
    assert "socket,id=qmp,path=/s/qmp,server=on,wait=off" in options(argv, "-chardev")


def test_a_medium_more_does_not_move_the_network_card() -> None:
    full = replace(SPEC, cdrom=Path("/iso"), usb_stick=Path("/stick"))
    cards = [[d for d in options(qemu_argv(spec), "-device") if d.startswith("virtio-net")] for spec in (SPEC, full)]
    assert cards[0] == cards[1] and "addr=0x10" in cards[0][0]


def test_a_direct_kernel_and_no_reboot() -> None:
    argv = qemu_argv(replace(SPEC, no_reboot=True, kernel=DirectKernel(Path("/k"), Path("/i"), "quiet")))
    assert "-no-reboot" in argv
    assert [options(argv, key) for key in ("-kernel", "-initrd", "-append")] == [["/k"], ["/i"], ["quiet"]]


@pytest.mark.parametrize(("read_only", "snapshot", "words"),
                         [(True, False, "readonly=on"), (False, True, "snapshot=on")])
def test_protected_disks(read_only: bool, snapshot: bool, words: str) -> None:
    disk = Disk("d", Path("/a,b"), "S", read_only=read_only, snapshot=snapshot)
    drive = options(qemu_argv(replace(SPEC, disks=(disk,))), "-drive")[0]
    assert words in drive.split(",") and "file=/a,,b" in drive


def test_a_second_card_leads_to_another_machine() -> None:
    ends = [qemu_argv(replace(SPEC, link=Link(4711, f"52:54:00:00:00:0{end}", end == 1))) for end in (1, 2)]
    assert [options(argv, "-netdev")[1] for argv in ends] == [
        "socket,id=link,listen=127.0.0.1:4711", "socket,id=link,connect=127.0.0.1:4711"]
    assert [options(argv, "-device")[-1].split(",")[2] for argv in ends] == [
        "mac=52:54:00:00:00:01", "mac=52:54:00:00:00:02"]
    assert len(options(qemu_argv(SPEC), "-netdev")) == 1


def test_an_operator_has_a_keyboard_and_types_into_a_socket_while_the_log_is_kept() -> None:
    assert options(qemu_argv(SPEC), "-chardev")[1] == "file,id=console,path=/logs/m.serial.log,append=on"
    assert options(qemu_argv(replace(SPEC, operator=True)), "-chardev")[1] == (
        "socket,id=console,path=/s/serial,server=on,wait=off,logfile=/logs/m.serial.log,logappend=on")
    assert options(qemu_argv(replace(SPEC, operator=True)), "-device").count("usb-kbd,bus=xhci.0") == 1


def test_a_cd_comes_first_unless_qemu_starts_a_kernel_itself() -> None:
    with_cd = replace(SPEC, cdrom=Path("/d/lifeboat.iso"))
    assert "ide-cd,bus=ide.0,drive=cd,bootindex=0" in options(qemu_argv(with_cd), "-device")
    kernel = DirectKernel(Path("/k"), Path("/i"), "quiet")
    assert "ide-cd,bus=ide.0,drive=cd" in options(qemu_argv(replace(with_cd, kernel=kernel)), "-device")
