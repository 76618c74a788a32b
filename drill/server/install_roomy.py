"""Runs inside the installer guest, beside install.py: the server with everything on one disk, most of it empty.

    python3 install_roomy.py STEP bios|uefi HOSTNAME

One volume group on a disk of 8 GiB: /, /srv and swap take nearly all of it, and about 1 GiB is in use.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any, Callable, Dict, List

install: Any = importlib.import_module("install")  # lies beside this file in the guest
SYSTEM = install.SYSTEM


def call(*argv: str, text: str = "") -> str:
    """Run a program, feed it ``text``, return what it prints."""
    return str(install.call(*argv, text=text))


def partition(firmware: str, hostname: str) -> None:
    """The disk gets a GPT."""
    first = (f"size=64MiB, type={install.ESP}, name=\"EFI system partition\"" if firmware == "uefi"
             else f"size=1MiB, type={install.BIOS_BOOT}, name=\"BIOS boot\"")
    call("sfdisk", "--quiet", SYSTEM, text=f"label: gpt\n{first}\n"
         f"size=512MiB, type={install.LINUX}, name=\"boot\"\ntype={install.LVM}, name=\"system\"\n")
    call("udevadm", "settle")


def volumes(firmware: str, hostname: str) -> None:
    """The volume group, file systems, swap; everything mounted under /target."""
    call("vgcreate", "-q", "vg0", f"{SYSTEM}-part3")
    for name, size in (("root", "6144M"), ("srv", "768M"), ("swap", "512M")):
        call("lvcreate", "-q", "-y", "-W", "n", "-n", name, "-L", size, "vg0")
    call("mkfs.ext4", "-q", "-L", "root", "/dev/vg0/root")
    call("mkfs.ext4", "-q", "-L", "boot", f"{SYSTEM}-part2")
    call("mkswap", "-q", "-L", "swap", "/dev/vg0/swap")
    call("mkfs.xfs", "-q", "-L", "srv", "/dev/vg0/srv")
    if firmware == "uefi":
        call("mkfs.vfat", "-F", "32", "-n", "ESP", f"{SYSTEM}-part1")
    call("udevadm", "settle")
    install._mount("/dev/vg0/root", "")
    install._mount(f"{SYSTEM}-part2", "boot")
    if firmware == "uefi":
        install._mount(f"{SYSTEM}-part1", "boot/efi")
    install._mount("/dev/vg0/srv", "srv")


def configure(firmware: str, hostname: str) -> None:
    """What the plain server has; /srv lies in the group of the system."""
    install._fstab = _fstab
    install.configure(firmware, hostname)


def _fstab(firmware: str) -> List[str]:
    rows = [("/dev/vg0/root", "/", "ext4", "errors=remount-ro", "0 1"),
            (f"{SYSTEM}-part2", "/boot", "ext4", "defaults", "0 2")]
    if firmware == "uefi":
        rows.append((f"{SYSTEM}-part1", "/boot/efi", "vfat", "umask=0077", "0 1"))
    rows += [("/dev/vg0/srv", "/srv", "xfs", "defaults,nodev", "0 0"), ("/dev/vg0/swap", "none", "swap", "sw", "0 0")]
    return [f"UUID={call('blkid', '-p', '-s', 'UUID', '-o', 'value', device).strip()} {place} {kind} {options} {tail}\n"
            for device, place, kind, options, tail in rows]


def finish(firmware: str, hostname: str) -> None:
    """Everything unmounted and the volume group quiet."""
    call("umount", "--recursive", str(install.TARGET))
    call("vgchange", "-q", "-an", "vg0")
    os.sync()


STEPS: Dict[str, Callable[[str, str], None]] = {
    "partition": partition, "volumes": volumes, "copy": install.copy, "configure": configure, "boot": install.boot,
    "finish": finish,
}


if __name__ == "__main__":
    STEPS[sys.argv[1]](sys.argv[2], sys.argv[3])
