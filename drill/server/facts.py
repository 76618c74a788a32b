"""What the server consists of: one table for the code that makes it and the code that proves it is back."""

from __future__ import annotations

from typing import Tuple

HOSTNAME = "web01.example.org"
SUITE = "trixie"

PACKAGES: Tuple[str, ...] = (
    "acl", "attr", "dbus", "dosfstools", "e2fsprogs", "efibootmgr", "fdisk", "grub-efi-amd64-bin",
    "grub-efi-amd64-signed", "grub-pc-bin", "grub2-common", "initramfs-tools", "kmod", "libcap2-bin",
    "linux-image-amd64", "login", "lvm2", "nginx-light", "openssh-server", "passwd", "python3", "qemu-guest-agent",
    "restic", "shim-signed", "sqlite3", "systemd-sysv", "udev", "util-linux", "xfsprogs", "zstd",
)
PATH_EXCLUDES: Tuple[str, ...] = (
    "/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*",
)

MIB = 1 << 20
SYSTEM_DISK_BYTES = 4096 * MIB
DATA_DISK_BYTES = 1536 * MIB
STORE_DISK_BYTES = 1024 * MIB
STICK_BYTES = 64 * MIB
KEY_STICK_BYTES = 16 * MIB
FOREIGN_DISK_BYTES = 256 * MIB

PAGE = "<!doctype html><title>web01</title><p>The lights are on and somebody is home: Größe, naïve, 日本.</p>\n"
DATABASE = "/srv/db/shop.sqlite"
DATABASE_ROWS = 20000
"""Rows of table ``orders``; each row's ``cents`` is its id squared modulo 9973."""
