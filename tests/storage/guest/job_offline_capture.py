"""Guest job: a system is captured from outside, its tree mounted, and from inside, running in that tree."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from server_layout import tool

TREE, OUT = Path("/mnt/lost"), Path("/bench/out")
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDsEDF+Kc4a3QP7f3M9VZhqBdGoI0W1zDm7OSyyOYHUw root@lost01\n"
TABLE = """label: gpt
size=1MiB, type=21686148-6449-6E6F-744E-656564454649
size=64MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name="boot"
type=E6D6D379-F507-44C2-A23C-238F2A3DF928
"""


def main() -> int:
    socket.sethostname("rescue-guest")
    Path("/run/machine-id").write_text("88" * 16 + "\n", "ascii")
    tool("mount", "--bind", "/run/machine-id", "/etc/machine-id")
    make_disks()
    populate()
    began = time.monotonic()
    tool(sys.executable, "-m", "sif", "capture", "--root", str(TREE), "--output", str(OUT / "offline"))
    print(f"capture --root: {time.monotonic() - began:.1f} s")
    enter()
    tool("chroot", str(TREE), "env", "PYTHONPATH=/bench/code", "python3", "-m", "sif", "capture", "--output",
         "/bench/out/running")
    differing = subprocess.run([sys.executable, "-m", "sif", "diff", str(OUT / "offline"), str(OUT / "running")],
                               capture_output=True, text=True, check=False).stdout
    print(f"all differences:\n{differing}")
    identity = subprocess.run([sys.executable, "-m", "sif", "diff", "--identity", str(OUT / "offline"),
                               str(OUT / "running")], capture_output=True, text=True, check=False)
    print(f"differences of identity:\n{identity.stdout}{identity.stderr}")
    (OUT / "rescue.json").write_text(json.dumps({
        "hostname": socket.gethostname(), "machine_id": Path("/etc/machine-id").read_text().strip(),
        "os": Path("/etc/os-release").read_text()}), "utf-8")
    return identity.returncode


def make_disks() -> None:
    """The lost system's disks: /boot on a partition, / and /home in a volume group, /srv on a disk with an MBR."""
    tool("sfdisk", "-q", "--wipe", "always", "/dev/ubdb", text=TABLE)
    tool("sfdisk", "-q", "--wipe", "always", "/dev/ubdc", text="label: dos\nstart=2048, type=83\n")
    tool("sfdisk", "-q", "--wipe", "always", "/dev/ubdd", text="label: gpt\ntype=L\n")
    tool("udevadm", "settle")
    tool("mkfs.ext4", "-q", "-L", "lost boot", "/dev/ubdb2")
    tool("mkfs.ext4", "-q", "/dev/ubdc1")
    tool("mkfs.ext4", "-q", "-L", "notours", "/dev/ubdd1")
    tool("pvcreate", "-q", "/dev/ubdb3")
    tool("vgcreate", "-q", "vg_lost", "/dev/ubdb3")
    for name, size in (("root", "160M"), ("home", "32M")):
        tool("lvcreate", "-q", "-y", "-W", "n", "-L", size, "-n", name, "vg_lost")
        tool("mkfs.ext4", "-q", f"/dev/vg_lost/{name}")
    with Path("/dev/ubdb").open("r+b") as disk:
        code = b"\xeb\x63\x90".ljust(128, b"\0") + b"GRUB \0Geom\0"
        disk.write(code)
    tool("udevadm", "settle")
    TREE.mkdir(parents=True)
    tool("mount", "/dev/vg_lost/root", str(TREE))
    for place, device in (("boot", "/dev/ubdb2"), ("home", "/dev/vg_lost/home"), ("srv", "/dev/ubdc1")):
        (TREE / place).mkdir()
        tool("mount", device, str(TREE / place))
    Path("/mnt/other").mkdir()
    tool("mount", "/dev/ubdd1", "/mnt/other")


def populate() -> None:
    """The lost system's own files; every value is one that the rescue system does not have."""
    release = os.uname().release
    uuid = tool("blkid", "-p", "-s", "UUID", "-o", "value", "/dev/ubdc1").strip()
    cmdline = Path("/proc/cmdline").read_text("ascii").strip()
    files = {
        "etc/hostname": "lost01.example.org\n", "etc/machine-id": "77" * 16 + "\n",
        "etc/os-release": 'PRETTY_NAME="Lost Linux 7"\n', "etc/locale.conf": "LANG=de_DE.UTF-8\n",
        "etc/vconsole.conf": "KEYMAP=de-latin1\n", "etc/ssh/ssh_host_ed25519_key.pub": KEY,
        "etc/fstab": "/dev/mapper/vg_lost-root / ext4 defaults\nLABEL=lost\\040boot /boot ext4 noatime\n"
                     "/dev/disk/by-path/none /gone ext4 nofail\nnas:/x /net nfs soft\n",
        "etc/systemd/system/srv.mount": f"[Mount]\nWhat=/dev/disk/by-uuid/{uuid}\nWhere=/srv\nOptions=nodev\n",
        "etc/systemd/network/10-x.network": "[Match]\nName=enp1s0\n[Network]\nAddress=192.0.2.77/24\n",
        "etc/default/grub": "GRUB_DEFAULT=saved\n",
        # what the running kernel was given is what this loader would have given it
        "boot/grub/grub.cfg": f"\tlinux /vmlinuz-{release} {cmdline}\n",
        f"boot/vmlinuz-{release}": "", f"usr/lib/modules/{release}/modules.order": "",
    }
    for name, text in files.items():
        path = TREE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    wants = TREE / "etc/systemd/system/local-fs.target.wants"
    wants.mkdir()
    (wants / "srv.mount").symlink_to("../srv.mount")
    # the programs that are lent to the running tree come with a unit for /tmp
    (wants.parent / "tmp.mount").symlink_to("/dev/null")
    (TREE / "etc/localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    (TREE / "etc/resolv.conf").symlink_to("/run/resolv.conf")
    Path("/run/resolv.conf").write_text("nameserver 203.0.113.99\n", "ascii")


def enter() -> None:
    """Make the tree one that programs run in: the guest's programs and the kernel's places."""
    for place in ("bin", "sbin", "lib", "lib64"):
        (TREE / place).symlink_to(f"usr/{place}")
    for place in ("usr", "proc", "sys", "dev", "run", "bench"):
        (TREE / place).mkdir(exist_ok=True)
        tool("mount", "--bind", f"/{place}", str(TREE / place))
    (TREE / "tmp").mkdir()


if __name__ == "__main__":
    sys.exit(main())
