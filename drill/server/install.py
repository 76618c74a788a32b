"""Runs inside the installer guest: puts the server onto its disks, one step per call (standard library only).

    python3 install.py STEP bios|uefi HOSTNAME

It is the machine's installation, not its recovery: it shares nothing with the code that brings it back.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict

SYSTEM = "/dev/disk/by-id/virtio-SYSTEM01"
DATA = "/dev/disk/by-id/virtio-DATA01"
TREE = "/dev/disk/by-id/virtio-TREE"
TARGET = Path("/target")

BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649"
ESP = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
LINUX = "0FC63DAF-8483-4772-8E79-3D69D8477DE4"
LVM = "E6D6D379-F507-44C2-A23C-238F2A3DF928"

MASKED = (
    "apt-daily.timer", "apt-daily-upgrade.timer",  # the server reaches no archive
    "dpkg-db-backup.timer", "fstrim.timer", "e2scrub_all.timer", "xfs_scrub_all.timer",  # act at a time of their own
)


def call(*argv: str, text: str = "") -> str:
    """Run a program, feed it ``text``, return what it prints; its failure ends this step."""
    done = subprocess.run(argv, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def partition(firmware: str, hostname: str) -> None:
    """Both disks get a GPT."""
    first = (f"size=64MiB, type={ESP}, name=\"EFI system partition\"" if firmware == "uefi"
             else f"size=1MiB, type={BIOS_BOOT}, name=\"BIOS boot\"")
    call("sfdisk", "--quiet", SYSTEM, text=f"label: gpt\n{first}\n"
         f"size=512MiB, type={LINUX}, name=\"boot\"\ntype={LVM}, name=\"system\"\n")
    call("sfdisk", "--quiet", DATA, text=f"label: gpt\ntype={LVM}, name=\"data\"\n")
    call("udevadm", "settle")


def volumes(firmware: str, hostname: str) -> None:
    """Volume groups, file systems, swap; everything mounted under /target."""
    call("vgcreate", "-q", "vg0", f"{SYSTEM}-part3")
    call("lvcreate", "-q", "-y", "-W", "n", "-n", "root", "-L", "1664M", "vg0")
    call("lvcreate", "-q", "-y", "-W", "n", "-n", "swap", "-L", "256M", "vg0")
    call("vgcreate", "-q", "vg_data", f"{DATA}-part1")
    call("lvcreate", "-q", "-y", "-W", "n", "-n", "srv", "-L", "1024M", "vg_data")
    call("mkfs.ext4", "-q", "-L", "root", "/dev/vg0/root")
    call("mkfs.ext4", "-q", "-L", "boot", f"{SYSTEM}-part2")
    call("mkswap", "-q", "-L", "swap", "/dev/vg0/swap")
    call("mkfs.xfs", "-q", "-L", "srv", "/dev/vg_data/srv")
    if firmware == "uefi":
        call("mkfs.vfat", "-F", "32", "-n", "ESP", f"{SYSTEM}-part1")
    call("udevadm", "settle")
    _mount("/dev/vg0/root", "")
    _mount(f"{SYSTEM}-part2", "boot")
    if firmware == "uefi":
        _mount(f"{SYSTEM}-part1", "boot/efi")
    _mount("/dev/vg_data/srv", "srv")


def _mount(device: str, place: str) -> None:
    where = TARGET / place
    where.mkdir(parents=True, exist_ok=True)
    call("mount", device, str(where))


def copy(firmware: str, hostname: str) -> None:
    """The tree, with owners, times, ACLs and capabilities."""
    call("tar", "--extract", f"--file={TREE}", "--acls", "--xattrs", "--xattrs-include=*", "--numeric-owner",
         "--same-permissions", "-C", str(TARGET))


def configure(firmware: str, hostname: str) -> None:
    """Identity, mounts, network, users and what runs."""
    short = hostname.partition(".")[0]
    _write("etc/hostname", f"{hostname}\n")
    _write("etc/hosts", f"127.0.0.1 localhost\n127.0.1.1 {hostname} {short}\n::1 localhost\n")
    _write("etc/fstab", "".join(_fstab(firmware)))
    _write("etc/systemd/network/20-wired.network", "[Match]\nType=ether\n\n[Network]\nDHCP=ipv4\n")
    _write("etc/ssh/sshd_config.d/10-server.conf", "PermitRootLogin no\nPasswordAuthentication yes\n")
    _write("etc/nginx/sites-available/default",
           "server {\n\tlisten 80 default_server;\n\troot /srv/www;\n\tindex index.html;\n\tcharset utf-8;\n}\n")
    call("systemd-machine-id-setup", f"--root={TARGET}")
    call("systemctl", f"--root={TARGET}", "-q", "enable", "systemd-networkd", "nginx", "ssh")
    call("systemctl", f"--root={TARGET}", "-q", "mask", *MASKED)
    for user, shell in (("alice", "/bin/bash"), ("bob", "/bin/sh")):
        call("useradd", "-R", str(TARGET), "-m", "-s", shell, user)
    call("groupadd", "-R", str(TARGET), "-g", "2500", "editors")
    call("chpasswd", "-R", str(TARGET), text="root:lifeboat\nalice:correct horse\nbob:Größe 12\n")


def _fstab(firmware: str) -> list[str]:
    rows = [("/dev/vg0/root", "/", "ext4", "errors=remount-ro", "0 1"),
            (f"{SYSTEM}-part2", "/boot", "ext4", "defaults", "0 2")]
    if firmware == "uefi":
        rows.append((f"{SYSTEM}-part1", "/boot/efi", "vfat", "umask=0077", "0 1"))
    rows += [("/dev/vg_data/srv", "/srv", "xfs", "defaults,nodev", "0 0"),
             ("/dev/vg0/swap", "none", "swap", "sw", "0 0")]
    return [f"UUID={call('blkid', '-p', '-s', 'UUID', '-o', 'value', device).strip()} {place} {kind} {options} {tail}\n"
            for device, place, kind, options, tail in rows]


def boot(firmware: str, hostname: str) -> None:
    """The boot loader and its menu, as an administrator would install them."""
    _write("etc/default/grub", 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_DISTRIBUTOR="Debian"\n'
           'GRUB_CMDLINE_LINUX_DEFAULT="norandmaps"\nGRUB_CMDLINE_LINUX="console=tty0 console=ttyS0"\n')
    for place in ("dev", "proc", "sys", "sys/firmware/efi/efivars", "run"):
        if os.path.ismount(f"/{place}"):
            call("mount", "--bind", f"/{place}", str(TARGET / place))
    if firmware == "uefi":
        inside("grub-install", "--target=x86_64-efi", "--uefi-secure-boot", "--efi-directory=/boot/efi",
               "--bootloader-id=debian", "--recheck")
    else:
        inside("grub-install", "--target=i386-pc", SYSTEM)
    inside("update-grub")


def inside(*argv: str) -> None:
    """Run a program in the installed system."""
    subprocess.run(["chroot", str(TARGET), *argv], stdout=subprocess.DEVNULL, check=True)


def finish(firmware: str, hostname: str) -> None:
    """Everything unmounted and the volume groups quiet."""
    call("umount", "--recursive", str(TARGET))
    call("vgchange", "-q", "-an", "vg0", "vg_data")
    os.sync()


def _write(path: str, text: str) -> None:
    full = TARGET / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(text, encoding="utf-8")


STEPS: Dict[str, Callable[[str, str], None]] = {
    "partition": partition, "volumes": volumes, "copy": copy, "configure": configure, "boot": boot, "finish": finish,
}

if __name__ == "__main__":
    try:
        STEPS[sys.argv[1]](sys.argv[2], sys.argv[3])
    except subprocess.CalledProcessError as error:
        sys.exit(f"{sys.argv[1]}: {' '.join(error.cmd)}: exit status {error.returncode}")
