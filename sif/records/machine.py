"""The machine: its system, how it starts, its hardware."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import AccessControl, Firmware, Loader, MachineId
from sif.keys import MOUNTABLE, Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class System:
    KIND: ClassVar[str] = "SYSTEM"

    id: str
    hostname: str = key("the machine's full name; typed by the operator as consent", example='"web01.example.org"')
    firmware: Firmware = key("how the machine starts", example="uefi")
    arch: str = key("machine architecture as in `uname -m`", form=Form.BARE, example="x86_64")
    boot_fs: Ref = key("FS that the boot loader reads (the system volume)", refs=MOUNTABLE, example="boot")
    root_fs: Ref = key("FS that holds the operating system (the boot volume)", refs=MOUNTABLE, example="root")
    os: Optional[str] = key("PRETTY_NAME of os-release", default=None, example='"Debian GNU/Linux 13 (trixie)"')
    kernel: Optional[str] = key("running kernel release", default=None, example='"6.12.38+deb13-amd64"')
    secure_boot: bool = key("whether Secure Boot was on", default=False, example="false")
    machine_id: MachineId = key("what becomes of /etc/machine-id", default=MachineId.RESTORE, example="restore")
    machine_id_value: Optional[str] = key("content of /etc/machine-id", form=Form.QUOTED, default=None,
                                          example='"0f6a3c1f7d115b7f3a0e3f1d4f6e9a59"')
    time_zone: Optional[str] = key("time zone name", default=None, example='"Etc/UTC"')
    locale: Optional[str] = key("LANG of the system", default=None, example='"C.UTF-8"')
    keymap: Optional[str] = key("console keymap", default=None, example='"de-latin1"')
    access_control: AccessControl = key("security module of the running kernel", default=AccessControl.NONE,
                                        example="apparmor")
    selinux: Optional[str] = key("SELinux mode and policy as configured", default=None, example='"enforcing:targeted"')
    selinux_mode: Optional[str] = key("SELinux mode of the running kernel", form=Form.BARE, default=None,
                                      identity=False, example="permissive")
    ssh_host_keys: Tuple[str, ...] = key("fingerprints of the SSH host keys, `type SHA256:...`", default=(),
                                         example='["ssh-ed25519 SHA256:nThbg6kXUpJWGl7E1IGOCspRomTxdCARLviKw6E5SY8"]')
    ram_bytes: Optional[int] = key("memory", unit="bytes", default=None, identity=False, example="34359738368")
    cpu_threads: Optional[int] = key("logical processors", default=None, identity=False, example="16")
    cpu_model: Optional[str] = key("processor model", default=None, identity=False,
                                   example='"Intel(R) Xeon(R) Silver 4310"')
    video: Tuple[str, ...] = key("display adapters: `modalias driver`", default=(), identity=False,
                                 example='["pci:v0000102Bd00000536 mgag200"]')
    dmi_vendor: Optional[str] = key("DMI system vendor", default=None, identity=False, example='"Dell Inc."')
    dmi_product: Optional[str] = key("DMI product name", default=None, identity=False, example='"PowerEdge R450"')
    dmi_serial: Optional[str] = key("DMI product serial", default=None, identity=False, example='"ABC1234"')


@dataclass(frozen=True)
class Boot:
    KIND: ClassVar[str] = "BOOT"
    ID_LESS: ClassVar[bool] = True

    loader: Loader = key("boot loader", example="grub-efi")
    disks: Tuple[Ref, ...] = key("disks whose first sector starts the machine (BIOS)", refs=("DISK",), default=(),
                                 example="[d0]")
    esp: Tuple[Ref, ...] = key("EFI system partitions, the first one in use first", refs=("FS",), default=(),
                               example="[esp]")
    shim: bool = key("whether shim starts the loader", default=False, example="true")
    cmdline: Optional[str] = key("kernel command line without BOOT_IMAGE", default=None,
                                 example='"root=/dev/mapper/vg_web-root ro quiet"')
    grub_prefix: Optional[str] = key("directory of GRUB's files", default=None, example='"/boot/grub"')
    default_entry: Optional[str] = key("entry that is started by default (systemd-boot: file name; GRUB: "
                                       "GRUB_DEFAULT)", default=None, example='"0"')
    boot_order: Tuple[Ref, ...] = key("EFI entries of this system, in BootOrder", refs=("EFIENTRY",), default=(),
                                      example="[1]")


@dataclass(frozen=True)
class EfiEntry:
    KIND: ClassVar[str] = "EFIENTRY"

    id: str
    label: str = key("what the firmware's menu shows", example='"debian"')
    esp: Ref = key("file system the path is on", refs=("FS",), example="esp")
    path: str = key("file, with the firmware's backslashes", example='"\\\\EFI\\\\debian\\\\shimx64.efi"')
    active: bool = key("whether the firmware may start it", default=True, example="true")
    data: Optional[str] = key("optional data of the entry, hexadecimal", form=Form.QUOTED, default=None,
                              example='"2f0072006f006f0074000000"')


@dataclass(frozen=True)
class Device:
    KIND: ClassVar[str] = "DEVICE"

    id: str
    modalias: str = key("modalias of the device", form=Form.QUOTED, identity=False,
                        example='"pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00"')
    driver: Optional[str] = key("kernel driver bound to it", default=None, identity=False, example='"virtio-pci"')
    bus: Optional[str] = key("bus and address", default=None, identity=False, example='"pci 0000:04:00.0"')
    device_class: Optional[str] = key("class of the device, PCI's number", form=Form.BARE, default=None,
                                      identity=False, example="0x020000")
    driver_version: Optional[str] = key("version or source version of the driver's module", default=None,
                                        identity=False, example='"6.12.38+deb13-amd64 3B8E7A1F"')
    firmware: Tuple[str, ...] = key("firmware files that are installed and that the driver's module names, below "
                                    "/lib/firmware", default=(), identity=False, example='["tigon/tg3.bin"]')
