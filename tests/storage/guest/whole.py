"""A guest that looks like a server that started from its own disks, so that all of ``sif capture`` runs in it."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, Mapping, Sequence

from server_layout import tool

from sif.cli import main

GRUB = b"GRUB"


def pretend(mounts: Mapping[str, str], boot_disk: str) -> None:
    """Give the guest an fstab with ``{mount point: device}``, a /boot/grub, and boot code on a disk."""
    lines = [f"UUID={tool('blkid', '-p', '-o', 'value', '-s', 'UUID', device).strip()} {point} auto defaults 0 0\n"
             for point, device in mounts.items()]
    Path("/run/fstab").write_text("".join(lines), "utf-8")
    if not Path("/etc/fstab").exists():
        Path("/etc/fstab").touch()
    tool("mount", "--bind", "/run/fstab", "/etc/fstab")
    tool("mount", "-t", "tmpfs", "tmpfs", "/boot")
    Path("/boot/grub").mkdir()
    with Path(boot_disk).open("r+b") as disk:
        disk.seek(100)
        disk.write(GRUB)
    tool("udevadm", "settle")


def sif(*argv: str) -> int:
    """Run the command as an administrator would."""
    return main(argv)


def capture(output: str, *options: str) -> None:
    """``sif capture``; its failure ends the test."""
    status = sif("capture", "--output", output, "--name", "test.example.org", *options)
    if status:
        raise RuntimeError(f"capture {options} -> {status}")


def sectors_written(names: Sequence[str]) -> Dict[str, int]:
    """Sectors that the kernel has written to each block device since the start. Source: Documentation/iostats."""
    found: Dict[str, int] = {}
    for line in Path("/proc/diskstats").read_text("ascii").splitlines():
        fields = line.split()
        if fields[2] in names:
            found[fields[2]] = int(fields[9])
    return found
