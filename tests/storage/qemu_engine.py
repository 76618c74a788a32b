"""The other engine of the storage bench: the same guest root and jobs under QEMU, with Debian's own kernel.

The root is shared by 9p, so nothing is packed; disks are virtio. There is no hardware acceleration: a case takes
several times as long as in user mode.
"""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import List, Sequence, Tuple

PACKAGES = ("initramfs-tools", "linux-image-amd64")
EXCLUDES = tuple(f"/usr/lib/modules/*-amd64/kernel/{folder}/*" for folder in (
    "sound", *(f"drivers/{kind}" for kind in ("gpu", "iio", "infiniband", "media", "net", "staging", "video"))))
"""What no storage needs of the kernel's modules."""

SETTINGS = {
    "etc/initramfs-tools/conf.d/bench": "MODULES=list\n",
    "usr/share/initramfs-tools/modules.d/bench": "9p\n9pnet_virtio\nvirtio_blk\nvirtio_pci\n",
}
"""Files of the root that are there before the kernel is: its initramfs can mount the root, and little more. It is
unpacked at each start."""


def hook() -> str:
    """The script for mmdebstrap that makes these files in the root that it is given."""
    return "; ".join(f'mkdir -p "$1/{Path(name).parent}"; printf {shlex.quote(text)} >"$1/{name}"'
                     for name, text in SETTINGS.items())


def copy_job(source: str, target: str) -> None:
    """Copy a file of the guest's jobs; they name disks as user-mode Linux does, here they are virtio's."""
    text = Path(source).read_text("utf-8")
    Path(target).write_text(re.sub(r"\bubd(?=[b-h]|\{)", "vd", text), "utf-8")
    shutil.copymode(source, target)


def command(root: Path, job: str, disks: Sequence[str]) -> Tuple[str, ...]:
    """The QEMU that runs a job. ``disks`` are what user-mode Linux takes: ``ubd1=/bench/disks/d0.img``."""
    kernel = max((root / "boot").glob("vmlinuz-*"))
    initrd = root / "boot" / kernel.name.replace("vmlinuz", "initrd.img")
    append = ("root=bench rootfstype=9p rootflags=trans=virtio,version=9p2000.L,msize=262144 rw console=ttyS0 quiet "
              "panic=1 "  # a guest that cannot start shall end
              f"init_on_alloc=0 mitigations=off init=/bench/tests/storage/guest/init bench.job={job}")
    argv: List[str] = [
        "qemu-system-x86_64", "-machine", "q35", "-accel", "tcg", "-cpu", "max,erms=off,fsrm=off", "-smp", "1",
        "-m", "1024", "-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio",
        "-fsdev", f"local,id=root,path={root},security_model=none,multidevs=remap",
        "-device", "virtio-9p-pci,fsdev=root,mount_tag=bench", "-kernel", str(kernel), "-initrd", str(initrd),
        "-append", append,
        # For user-mode Linux's first disk, which no job uses, one of no size: the letters are the same then.
        "-blockdev", "driver=null-co,node-name=disk0,size=0,read-only=on",
        "-device", "virtio-blk-pci,drive=disk0" + _slot(0)]
    for disk in disks:
        name, _, path = disk.partition("=")
        if name.startswith("twice"):
            argv += _twice(name[len("twice"):], f"{root}{path}")
            continue
        number, shared = re.fullmatch(r"ubd([0-9]+)(c?)", name).groups()  # type: ignore[union-attr]
        locking = "off" if shared else "auto"
        argv += ["-blockdev", f"driver=raw,node-name=disk{number},file.driver=file,file.locking={locking},"
                 f"file.filename={root}{path}", "-device", f"virtio-blk-pci,drive=disk{number},share-rw="
                 + ("on" if shared else "off") + _slot(int(number))]
    return tuple(argv)


def _twice(number: str, path: str) -> List[str]:
    """One SCSI disk that two adapters lead to: the same WWN and serial number at both."""
    argv: List[str] = []
    for way in ("a", "b"):
        argv += ["-blockdev", f"driver=raw,node-name=twice{number}{way},file.driver=file,file.locking=off,"
                 f"file.filename={path}", "-device", f"virtio-scsi-pci,id=way{number}{way}",
                 "-device", f"scsi-hd,bus=way{number}{way}.0,drive=twice{number}{way},share-rw=on,"
                 f"serial=TWICE{number},wwn={0x5000C50015EA7100 + int(number)},device_id=TWICE{number}"]
    return argv


def _slot(number: int) -> str:
    """Eight disks to a slot of the bus, so that there is room for many, in the order of their numbers."""
    return f",addr={0x10 + number // 8:#x}.{number % 8},multifunction=on"
