"""A small real kernel for storage tests: Linux in user mode, its root a directory made from Debian packages.

Device mapper, LVM, partition tables, ext, XFS and FAT are real; there is no firmware and no boot loader.
Needs root (a chroot and a mount namespace) and about 600 MB under ``build/``.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Sequence, Tuple

from builder_lib.apt import read_host_sources, target_sources
from builder_lib.tree import WHEELS
from sif.run import run

PROJECT = Path(__file__).resolve().parents[2]
RELEASE = "trixie"
PACKAGES = (
    "bcache-tools", "btrfs-progs", "cryptsetup-bin", "dmsetup", "dosfstools", "e2fsprogs", "f2fs-tools", "fdisk",
    "gdisk", "gir1.2-blockdev-3.0", "kmod", "libblockdev-plugins-all", "lvm2", "mdadm", "multipath-tools", "ntfs-3g",
    "parted", "procps", "python3", "python3-blockdev", "python3-bytesize", "python3-dasbus", "python3-gi",
    "python3-packaging", "python3-parted", "python3-pyudev", "python3-selinux", "thin-provisioning-tools", "udev",
    "user-mode-linux", "util-linux", "xfsprogs", "xxd", "zstd",
)
EXCLUDES = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*")

START = """set -eu
mount --bind /proc "$1/proc"
mount --rbind /dev "$1/dev"
root=$1
shift
exec chroot "$root" env -i TMPDIR=/dev/shm HOME=/root PATH=/usr/bin:/bin /usr/bin/linux.uml "$@"
"""


@dataclass(frozen=True)
class Outcome:
    """How a guest job ended: the status it wrote itself (None: the guest died) and what it printed."""

    status: "int | None"
    log: str
    console: str


class Bench:
    """One guest root with its disks."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "root"
        self.out = self.root / "bench/out"

    def prepare(self) -> None:
        """Make the guest's root unless it is there for these packages, and put our code into it."""
        key = hashlib.sha256(repr((RELEASE, PACKAGES, EXCLUDES, WHEELS)).encode()).hexdigest()
        stamp = self.root.parent / "root.key"
        if not stamp.exists() or stamp.read_text("ascii") != key:
            shutil.rmtree(self.root, ignore_errors=True)
            self._install()
            stamp.write_text(key, "ascii")
        bench = self.root / "bench"
        shutil.rmtree(bench, ignore_errors=True)
        for name in ("code/sif", "code/rescue", "tests/storage/guest", "tests/machines"):
            source = PROJECT / name.removeprefix("code/")
            shutil.copytree(source, bench / name, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("out", "disks"):
            (bench / name).mkdir()

    def _install(self) -> None:
        self.root.parent.mkdir(parents=True, exist_ok=True)
        run(("mmdebstrap", "--mode=root", "--variant=minbase", "--skip=output/dev",
             *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDES), f"--include={','.join(PACKAGES)}",
             RELEASE, str(self.root), *target_sources(read_host_sources(), RELEASE)), timeout=1800)
        wheels = self.root / "bench-wheels"
        run((sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), *WHEELS),
            timeout=600)
        for wheel in wheels.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(self.root / "usr/lib/python3/dist-packages")
        modules = self.root / "usr/lib/modules"
        modules.mkdir(exist_ok=True)
        for release in (self.root / "usr/lib/uml/modules").iterdir():
            (modules / release.name).symlink_to(f"/usr/lib/uml/modules/{release.name}")

    def blank_disks(self, sizes: Sequence[int]) -> Tuple[str, ...]:
        """New empty disks of those sizes (bytes), as the guest's /dev/ubdb and so on."""
        arguments = []
        for index, size in enumerate(sizes):
            disk = self.root / f"bench/disks/d{index}.img"
            disk.unlink(missing_ok=True)
            with disk.open("wb") as file:
                file.truncate(size)
            arguments.append(f"ubd{index + 1}=/bench/disks/{disk.name}")
        return tuple(arguments)

    def start(self, job: str, disks: Sequence[str], timeout: float) -> Outcome:
        """Run ``guest/<job>.py`` in a fresh guest, up to ``timeout`` seconds."""
        status, log = self.out / f"{job}.status", self.out / f"{job}.log"
        status.unlink(missing_ok=True)
        done = run(("unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh", str(self.root),
                    "mem=1024M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
                    "init=/bench/tests/storage/guest/init", "quiet", "con=null", "con0=null,fd:1", f"bench.job={job}",
                    *disks), timeout=timeout, check=False)
        return Outcome(int(status.read_text("ascii")) if status.exists() else None,
                       log.read_text("utf-8", "replace") if log.exists() else "", done.stdout)
