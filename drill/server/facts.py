"""What the server consists of: one table for the code that makes it and the code that proves it is back."""

from __future__ import annotations

from enum import Enum
from typing import Tuple

from sif.model import Firmware


class Server(str, Enum):
    """Which server is destroyed: one with partitions and logical volumes; one on mirrors, encryption and btrfs; one
    whose volumes lie on a single disk that is mostly empty."""

    PLAIN = "plain"
    LAYERS = "layers"
    ROOMY = "roomy"


HOSTNAME = "web01.example.org"
SUITE = "trixie"

PACKAGES: Tuple[str, ...] = (
    "acl", "attr", "dbus", "dosfstools", "e2fsprogs", "efibootmgr", "fdisk", "grub-efi-amd64-bin",
    "grub-efi-amd64-signed", "grub-pc-bin", "grub2-common", "initramfs-tools", "kmod", "libcap2-bin",
    "linux-image-amd64", "login", "lvm2", "nginx-light", "openssh-server", "passwd", "python3", "qemu-guest-agent",
    "restic", "shim-signed", "sqlite3", "systemd-sysv", "udev", "util-linux", "xfsprogs", "zstd",
)
LAYERS_PACKAGES: Tuple[str, ...] = ("btrfs-progs", "cryptsetup-bin", "cryptsetup-initramfs", "mdadm")
PASSPHRASE = "drill: horse battery 4711"
"""Of the encrypted root of a server with layers."""
VOLUME_SECRET = "luks-luks_md_crypt"
"""The name under which the rescue system asks for it: that of the section in the set."""

PATH_EXCLUDES: Tuple[str, ...] = (
    "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*",
)

MIB = 1 << 20
SYSTEM_DISK_BYTES = 4096 * MIB
DATA_DISK_BYTES = 1536 * MIB
LAYERS_DISK_BYTES = 4096 * MIB
ROOMY_DISK_BYTES = 8192 * MIB
STORE_DISK_BYTES = 1024 * MIB
STICK_BYTES = 64 * MIB
KEY_STICK_BYTES = 16 * MIB
FOREIGN_DISK_BYTES = 256 * MIB

DISK_NAMES = ("system", "data")

PAGE = "<!doctype html><title>web01</title><p>The lights are on and somebody is home: Größe, naïve, 日本.</p>\n"
DATABASE = "/srv/db/shop.sqlite"
DATABASE_ROWS = 20000
"""Rows of table ``orders``; each row's ``cents`` is its id squared modulo 9973."""


def packages(server: Server) -> Tuple[str, ...]:
    """What is installed on it."""
    return PACKAGES + LAYERS_PACKAGES if server is Server.LAYERS else PACKAGES


def disk_bytes(server: Server) -> Tuple[int, ...]:
    """The sizes of its disks."""
    return {Server.PLAIN: (SYSTEM_DISK_BYTES, DATA_DISK_BYTES), Server.ROOMY: (ROOMY_DISK_BYTES,),
            Server.LAYERS: (LAYERS_DISK_BYTES, LAYERS_DISK_BYTES)}[server]


def disk_names(server: Server) -> Tuple[str, ...]:
    """What its disks are called here, each with the serial number NAME01."""
    return DISK_NAMES[:len(disk_bytes(server))]


def mount_points(server: Server, firmware: Firmware) -> Tuple[str, ...]:
    """Where its own file systems are mounted."""
    more = ("/boot/efi2",) if server is Server.LAYERS else ()
    esps = ("/boot/efi", *more) if firmware is Firmware.UEFI else ()
    return ("/", "/boot", *esps, "/srv", *(("/var/backups",) if server is Server.LAYERS else ()))
