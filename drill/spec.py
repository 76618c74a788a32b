"""A virtual machine as data, and the QEMU command line that it means. Nothing here starts anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Optional, Tuple

from sif.model import Firmware

OVMF_CODE = Path("/usr/share/OVMF/OVMF_CODE_4M.fd")
OVMF_VARS = Path("/usr/share/OVMF/OVMF_VARS_4M.fd")
"""The variables of a machine that was never started: what a replaced mainboard has."""

AGENT_PORT = "org.qemu.guest_agent.0"
EVENTS_PORT = "org.lifeboat.events"

LINK_SLOT = 0x0f
NET_SLOT = 0x10
DISK_SLOT = 0x11
"""PCI slots. They stay when a stick or a CD comes or goes, as on a mainboard: Linux names network cards by slot."""


class Accel(str, Enum):
    KVM = "kvm"
    TCG = "tcg"


class DiskFormat(str, Enum):
    QCOW2 = "qcow2"
    RAW = "raw"


class Bus(str, Enum):
    """How a disk is attached: as vda, sda or nvme0n1."""

    VIRTIO = "virtio"
    SATA = "sata"
    NVME = "nvme"


@dataclass(frozen=True)
class Disk:
    """A disk. ``snapshot`` keeps every write in a temporary file, so that ``path`` stays as it is.

    The kernel finds disks of one bus in the order in which a machine has them. ``boot``: the firmware tries it.
    """

    name: str
    path: Path
    serial: str
    format: DiskFormat = DiskFormat.QCOW2
    read_only: bool = False
    snapshot: bool = False
    bus: Bus = Bus.VIRTIO
    boot: bool = True


DEVICES = {Bus.VIRTIO: ("virtio-blk-pci", DISK_SLOT), Bus.SATA: ("ide-hd", 0), Bus.NVME: ("nvme", DISK_SLOT)}
"""QEMU's device for each bus, and the PCI slot of its first disk."""


@dataclass(frozen=True)
class Forward:
    """A TCP port of the guest that answers at a port of this host's loopback address."""

    host_port: int
    guest_port: int


@dataclass(frozen=True)
class Link:
    """A second network card, on a segment with that of another machine: one listens at the host's port."""

    port: int
    mac: str
    listens: bool


@dataclass(frozen=True)
class DirectKernel:
    """A kernel that QEMU starts itself, without a boot loader."""

    kernel: Path
    initrd: Path
    cmdline: str


@dataclass(frozen=True)
class MachineSpec:
    """Everything that decides how the virtual machine looks to its guest.

    ``folder`` receives the logs and ``sockets``, a directory with a short name (a socket's path has at most 107
    bytes), the control sockets. ``vars_file`` is the machine's own EFI variable store (UEFI only).
    A CD always comes first in the boot order and the first disk next, as in a rack where the rescue medium
    stays in the drive. Memory in MiB. With ``operator`` somebody can type: the serial console is a socket (what it
    shows goes to ``serial_log`` either way), and a USB keyboard, as a server's remote console has, is at the screen.
    """

    name: str
    firmware: Firmware
    folder: Path
    sockets: Path
    accel: Accel
    disks: Tuple[Disk, ...]
    vars_file: Optional[Path] = None
    cdrom: Optional[Path] = None
    usb_stick: Optional[Path] = None
    key_stick: Optional[Path] = None
    kernel: Optional[DirectKernel] = None
    forwards: Tuple[Forward, ...] = ()
    link: Optional[Link] = None
    memory: int = 1024
    processors: int = 1
    no_reboot: bool = False
    operator: bool = False
    uuid: str = "6c696665-626f-4174-8000-64726c6c3031"

    @property
    def qmp_socket(self) -> Path:
        return self.sockets / "qmp"

    @property
    def agent_socket(self) -> Path:
        return self.sockets / "agent"

    @property
    def events_socket(self) -> Path:
        return self.sockets / "events"

    @property
    def serial_socket(self) -> Path:
        return self.sockets / "serial"

    @property
    def serial_log(self) -> Path:
        return self.folder / f"{self.name}.serial.log"

    @property
    def qemu_log(self) -> Path:
        return self.folder / f"{self.name}.qemu.log"


def qemu_argv(spec: MachineSpec) -> Tuple[str, ...]:
    """The QEMU command line of a machine.

    One processor (unless ``processors`` says otherwise) and the two switched-off string instructions because
    multi-threaded and ``rep movsb`` emulation cost half of the time (and, in QEMU 7.2, a kernel oops now and then). A
    graphics card that nobody looks at because GRUB hangs when SeaBIOS has only its serial screen to offer.
    ``cache=unsafe``: the disks of a drill need not survive a power cut of the host.
    """
    cpu = "host" if spec.accel is Accel.KVM else "max,erms=off,fsrm=off"
    words = ["qemu-system-x86_64", "-name", spec.name, "-nodefaults", "-no-user-config", "-display", "none",
             "-machine", "q35", "-vga", "std", "-accel", spec.accel.value, "-cpu", cpu,
             "-smp", str(spec.processors),
             "-m", str(spec.memory), "-uuid", spec.uuid, "-rtc", "base=utc"]
    words += _firmware(spec)
    if spec.no_reboot:
        words.append("-no-reboot")
    if spec.kernel is not None:
        words += ["-kernel", str(spec.kernel.kernel), "-initrd", str(spec.kernel.initrd),
                  "-append", spec.kernel.cmdline]
    words += ["-object", "rng-random,id=rng,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng"]
    words += ["-device", "pvpanic-pci"]
    words += _ports(spec)
    for index, disk in enumerate(spec.disks):
        words += _disk(disk, index)
    if spec.cdrom is not None:
        first = "" if spec.kernel is not None else ",bootindex=0"  # QEMU's own kernel holds that number
        words += ["-drive", f"if=none,id=cd,file={_quote(spec.cdrom)},format=raw,media=cdrom,readonly=on",
                  "-device", f"ide-cd,bus=ide.0,drive=cd{first}"]
    if spec.usb_stick is not None or spec.key_stick is not None or spec.operator:
        words += ["-device", "qemu-xhci,id=xhci"]
    if spec.operator:
        words += ["-device", "usb-kbd,bus=xhci.0"]
    for name, stick in (("stick", spec.usb_stick), ("key", spec.key_stick)):
        if stick is not None:
            words += ["-drive", f"if=none,id={name},file={_quote(stick)},format=raw,cache=unsafe",
                      "-device", f"usb-storage,bus=xhci.0,drive={name},removable=on,serial=LIFEBOAT{name.upper()}"]
    words += _network(spec)
    return tuple(words)


def _firmware(spec: MachineSpec) -> list[str]:
    if spec.firmware is Firmware.BIOS:
        return []
    return ["-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={_quote(OVMF_CODE)}",
            "-drive", f"if=pflash,unit=1,format=raw,file={_quote(spec.vars_file or Path('missing'))}"]


def _ports(spec: MachineSpec) -> list[str]:
    words = ["-chardev", f"socket,id=qmp,path={_quote(spec.qmp_socket)},server=on,wait=off",
             "-mon", "chardev=qmp,mode=control",
             "-chardev", _console(spec), "-serial", "chardev:console",
             "-device", "virtio-serial-pci,max_ports=3"]
    for ident, path, name in (("agent", spec.agent_socket, AGENT_PORT), ("events", spec.events_socket, EVENTS_PORT)):
        words += ["-chardev", f"socket,id={ident},path={_quote(path)},server=on,wait=off",
                  "-device", f"virtserialport,chardev={ident},name={name}"]
    return words


def _console(spec: MachineSpec) -> str:
    if spec.operator:
        return (f"socket,id=console,path={_quote(spec.serial_socket)},server=on,wait=off,"
                f"logfile={_quote(spec.serial_log)},logappend=on")
    return f"file,id=console,path={_quote(spec.serial_log)},append=on"


def _disk(disk: Disk, index: int) -> list[str]:
    options = [f"if=none,id={disk.name}", f"file={_quote(disk.path)}", f"format={disk.format.value}",
               "cache=unsafe", "discard=unmap", "detect-zeroes=unmap"]
    if disk.read_only:
        options.append("readonly=on")
    if disk.snapshot:
        options.append("snapshot=on")
    device, slot = DEVICES[disk.bus]
    place = f"bus=ide.{index + 1}" if disk.bus is Bus.SATA else f"addr={slot + index:#x}"  # the CD is at ide.0
    # The machine's own first disk is the second choice after a CD; without a boot index UEFI would follow
    # only its variables, and SeaBIOS would try disks in bus order.
    boot = f",bootindex={index + 1}" if disk.boot else ""
    return ["-drive", ",".join(options), "-device", f"{device},drive={disk.name},serial={disk.serial},{place}{boot}"]


def _network(spec: MachineSpec) -> list[str]:
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{f.host_port}-:{f.guest_port}" for f in spec.forwards)
    # restrict=on: the guest gets an address and answers the forwarded ports, and reaches nothing.
    words = ["-netdev", f"user,id=net,restrict=on{forwards}",
             "-device", f"virtio-net-pci,netdev=net,mac=52:54:00:6c:69:66,addr={NET_SLOT:#x},romfile="]
    if spec.link is not None:
        way = "listen" if spec.link.listens else "connect"
        words += ["-netdev", f"socket,id=link,{way}=127.0.0.1:{spec.link.port}",
                  "-device", f"virtio-net-pci,netdev=link,mac={spec.link.mac},addr={LINK_SLOT:#x},romfile="]
    return words


def _quote(path: Path) -> str:
    """A path inside a QEMU option: commas are doubled."""
    return str(path).replace(",", ",,")
