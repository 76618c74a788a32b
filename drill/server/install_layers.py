"""Runs inside the installer guest, beside install.py: the server whose volumes lie on several layers.

    python3 install_layers.py STEP bios|uefi HOSTNAME PASSPHRASE

Two equal disks. Each has a boot partition for its firmware. /boot is on a mirror; the root and swap are logical volumes
on an encrypted volume on another mirror; /srv and /var/backups are subvolumes of a btrfs on both disks.
"""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Tuple

install: Any = importlib.import_module("install")  # lies beside this file in the guest
SYSTEM, DATA = install.SYSTEM, install.DATA
BIOS_BOOT, ESP, LINUX = install.BIOS_BOOT, install.ESP, install.LINUX
TARGET: Path = install.TARGET

RAID = "A19D880F-05FC-4D3B-A006-743F0F84911E"
DISKS: Tuple[str, ...] = (SYSTEM, DATA)
BOOT, CRYPT = "/dev/md/boot", "/dev/md/crypt"
OPENED = "/dev/mapper/cryptroot"
SUBVOLUMES = (("@srv", "srv"), ("@backups", "var/backups"))


def call(*argv: str, text: str = "") -> str:
    """Run a program, feed it ``text``, return what it prints."""
    return str(install.call(*argv, text=text))


def inside(*argv: str) -> None:
    """Run a program in the installed system."""
    install.inside(*argv)


def partition(firmware: str, hostname: str, passphrase: str) -> None:
    """Both disks get the same table, with ids of their own."""
    first = (f"size=96MiB, type={ESP}, name=\"EFI system partition\"" if firmware == "uefi"
             else f"size=1MiB, type={BIOS_BOOT}, name=\"BIOS boot\"")
    for disk in DISKS:
        call("sfdisk", "--quiet", disk, text=f"label: gpt\n{first}\n"
             f"size=512MiB, type={RAID}, name=\"boot\"\nsize=2176MiB, type={RAID}, name=\"crypt\"\n"
             f"type={LINUX}, name=\"tank\"\n")
    call("udevadm", "settle")


def volumes(firmware: str, hostname: str, passphrase: str) -> None:
    """Mirrors, the encrypted volume, its group, file systems; everything mounted under /target."""
    for number, name in ((2, "boot"), (3, "crypt")):
        call("mdadm", "--create", f"/dev/md/{name}", f"--name={name}", f"--homehost={hostname.partition('.')[0]}",
             "--level=1", "--raid-devices=2", "--metadata=1.2", "--assume-clean", "--bitmap=none", "--run",
             *(f"{disk}-part{number}" for disk in DISKS))
    call("udevadm", "settle")
    call("cryptsetup", "luksFormat", "--batch-mode", "--type=luks2", "--pbkdf=pbkdf2", "--pbkdf-force-iterations=2000",
         "--key-file=-", CRYPT, text=passphrase)
    call("cryptsetup", "open", "--key-file=-", CRYPT, "cryptroot", text=passphrase)
    call("vgcreate", "-q", "vg0", OPENED)
    call("lvcreate", "-q", "-y", "-W", "n", "-n", "root", "-L", "1792M", "vg0")
    call("lvcreate", "-q", "-y", "-W", "n", "-n", "swap", "-L", "256M", "vg0")
    call("mkfs.ext4", "-q", "-L", "root", "/dev/vg0/root")
    call("mkfs.ext4", "-q", "-L", "boot", BOOT)
    call("mkswap", "-q", "-L", "swap", "/dev/vg0/swap")
    call("mkfs.btrfs", "-q", "-L", "tank", "--data", "raid1", "--metadata", "raid1",
         *(f"{disk}-part4" for disk in DISKS))
    call("udevadm", "settle")
    install._mount("/dev/vg0/root", "")
    install._mount(BOOT, "boot")
    install._mount(f"{SYSTEM}-part4", "mnt")
    for name, place in SUBVOLUMES:
        call("btrfs", "subvolume", "create", str(TARGET / "mnt" / name))
        (TARGET / place).mkdir(parents=True)
    call("umount", str(TARGET / "mnt"))
    for name, place in SUBVOLUMES:
        call("mount", "-o", f"subvol={name}", f"{SYSTEM}-part4", str(TARGET / place))
    if firmware == "uefi":
        for disk, place in zip(DISKS, ("boot/efi", "boot/efi2")):
            call("mkfs.vfat", "-F", "32", "-n", "ESP", f"{disk}-part1")
            install._mount(f"{disk}-part1", place)


def configure(firmware: str, hostname: str, passphrase: str) -> None:
    """What the plain server has, and how its early userspace finds the root."""
    install._fstab = lambda _firmware: _fstab(firmware)
    install.configure(firmware, hostname)
    install._write("etc/crypttab", f"cryptroot UUID={_uuid(CRYPT)} none luks,initramfs\n")
    arrays = "".join(f"{line}\n" for line in call("mdadm", "--detail", "--scan").splitlines())
    install._write("etc/mdadm/mdadm.conf", f"HOMEHOST <system>\nMAILADDR root\n{arrays}")
    # Monitors of arrays tell by mail, which this server has none of.
    call("systemctl", f"--root={TARGET}", "-q", "mask", "mdmonitor.service", "mdmonitor-oneshot.timer",
         "mdcheck_start.timer", "mdcheck_continue.timer")


def _fstab(firmware: str) -> list[str]:
    rows = [("/dev/vg0/root", "/", "ext4", "errors=remount-ro", "0 1"), (BOOT, "/boot", "ext4", "defaults", "0 2")]
    if firmware == "uefi":
        rows += [(f"{disk}-part1", place, "vfat", "umask=0077", "0 1")
                 for disk, place in zip(DISKS, ("/boot/efi", "/boot/efi2"))]
    rows += [(f"{SYSTEM}-part4", f"/{place}", "btrfs", f"subvol={name}", "0 0") for name, place in SUBVOLUMES]
    rows.append(("/dev/vg0/swap", "none", "swap", "sw", "0 0"))
    return [f"UUID={_uuid(device)} {place} {kind} {options} {tail}\n" for device, place, kind, options, tail in rows]


def _uuid(device: str) -> str:
    return call("blkid", "-p", "-s", "UUID", "-o", "value", device).strip()


def boot(firmware: str, hostname: str, passphrase: str) -> None:
    """The boot loader on each disk, and an early userspace that knows arrays and the encrypted volume."""
    for place in ("dev", "proc", "sys", "sys/firmware/efi/efivars", "run"):
        if os.path.ismount(f"/{place}"):
            call("mount", "--bind", f"/{place}", str(TARGET / place))
    install._write("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_DISTRIBUTOR="Debian"\n'
                   'GRUB_CMDLINE_LINUX_DEFAULT="norandmaps"\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0"\n')
    inside("update-initramfs", "-u")
    if firmware == "uefi":
        for place, label in (("/boot/efi2", "debian-2"), ("/boot/efi", "debian")):
            inside("grub-install", "--target=x86_64-efi", "--uefi-secure-boot", f"--efi-directory={place}",
                   f"--bootloader-id={label}", "--recheck")
        # The signed GRUB looks for its file below EFI/debian, whatever the entry is called.
        inside("cp", "-a", "/boot/efi2/EFI/debian-2", "/boot/efi2/EFI/debian")
    else:
        for disk in DISKS:
            inside("grub-install", "--target=i386-pc", disk)
    inside("update-grub")


def finish(firmware: str, hostname: str, passphrase: str) -> None:
    """Everything unmounted and taken down, top first."""
    call("umount", "--recursive", str(TARGET))
    call("vgchange", "-q", "-an", "vg0")
    call("cryptsetup", "close", "cryptroot")
    call("mdadm", "--stop", BOOT, CRYPT)
    os.sync()


STEPS: Dict[str, Callable[[str, str, str], None]] = {
    "partition": partition, "volumes": volumes, "copy": lambda firmware, hostname, _: install.copy(firmware, hostname),
    "configure": configure, "boot": boot, "finish": finish,
}


if __name__ == "__main__":
    STEPS[sys.argv[1]](sys.argv[2], sys.argv[3], sys.argv[4])
