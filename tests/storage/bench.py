"""A small real kernel for storage tests, its root a directory made from Debian packages: Linux in user mode, or, with
``ENGINE=qemu``, Debian's own kernel in QEMU. Both have the same root.

Device mapper, LVM, partition tables, ext, XFS and FAT are real; there is no firmware and no boot loader.
Needs root (a chroot and a mount namespace) and about 700 MB under ``build/``, and as much in the cache.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Sequence, Tuple

import qemu_engine

from builder_lib.apt import read_host_sources, target_sources
from builder_lib.tree import WHEELS
from drill.cache import cached, key_of
from sif.removal import remove_tree
from sif.run import run

ENGINES = ("uml", "qemu")
PROJECT = Path(__file__).resolve().parents[2]
RELEASE = "trixie"
PACKAGES = (
    "bcache-tools", "btrfs-progs", "cryptsetup-bin", "dmsetup", "dosfstools", "e2fsprogs", "f2fs-tools", "fdisk",
    "gdisk", "gir1.2-blockdev-3.0", "kmod", "lvm2", "mdadm", "multipath-tools", "ntfs-3g",
    "parted", "procps", "python3", "python3-blockdev", "python3-bytesize", "python3-dasbus", "python3-gi",
    "python3-packaging", "python3-parted", "python3-pyudev", "python3-selinux", "thin-provisioning-tools", "udev",
    "user-mode-linux", "util-linux", "xfsprogs", "xxd", "zstd", *qemu_engine.PACKAGES,
    *(f"libblockdev-{plugin}3" for plugin in (
        "btrfs", "crypto", "dm", "fs", "loop", "lvm", "mdraid", "mpath", "nvme", "part", "swap")),
)
SLOWER = {"uml": 1, "qemu": 8}
"""How many times as long a case may take."""

EXCLUDES = ("/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/man/*", *qemu_engine.EXCLUDES)

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

    status: Optional[int]
    log: str
    console: str


class Bench:
    """One guest root with its disks."""

    def __init__(self, folder: Path, engine: Optional[str] = None) -> None:
        self.engine = engine or os.environ.get("ENGINE") or "uml"
        if self.engine not in ENGINES:
            raise ValueError(f"ENGINE is {self.engine!r}, not one of {', '.join(ENGINES)}")
        # Each of pytest's workers has a root of its own: a guest writes to it.
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        self.root = (folder.with_name(f"{folder.name}-{worker}") if worker else folder) / "root"
        self.out = self.root / "bench/out"

    def prepare(self) -> None:
        """Make the guest's root unless it is there for these packages, and put our code into it."""
        key = hashlib.sha256(repr((RELEASE, PACKAGES, qemu_engine.SETTINGS, EXCLUDES, WHEELS)).encode()).hexdigest()
        stamp = self.root.parent / "root.key"
        if not stamp.exists() or stamp.read_text("ascii") != key:
            remove_tree(self.root)
            self.root.parent.mkdir(parents=True, exist_ok=True)
            installed = cached("storage-bench", key_of((key,)), lambda folder: self._install(folder / "root"))
            run(("cp", "--archive", "--reflink=auto", str(installed / "root"), str(self.root)), timeout=600)
            stamp.write_text(key, "ascii")
        bench = self.root / "bench"
        remove_tree(bench)
        for name in ("code/sif", "code/rescue", "tests/storage/guest", "tests/machines"):
            source = PROJECT / name.removeprefix("code/")
            copy = qemu_engine.copy_job if self.engine == "qemu" and name.startswith("tests/storage") else shutil.copy2
            shutil.copytree(source, bench / name, ignore=shutil.ignore_patterns("__pycache__"), copy_function=copy)
        shutil.copytree(PROJECT / "elements/lifeboat-storage/static/etc", bench / "etc")
        for name in ("out", "disks"):
            (bench / name).mkdir()

    def _install(self, root: Path) -> None:
        run(("mmdebstrap", "--mode=root", "--variant=minbase", "--skip=output/dev",
             *(f"--dpkgopt=path-exclude={pattern}" for pattern in EXCLUDES), f"--include={','.join(PACKAGES)}",
             f"--essential-hook={qemu_engine.hook()}", RELEASE, str(root),
             *target_sources(read_host_sources(), RELEASE)), timeout=1800)
        wheels = root / "bench-wheels"
        run((sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels), *WHEELS),
            timeout=600)
        for wheel in wheels.glob("*.whl"):
            zipfile.ZipFile(wheel).extractall(root / "usr/lib/python3/dist-packages")
        modules = root / "usr/lib/modules"
        modules.mkdir(exist_ok=True)
        for release in (root / "usr/lib/uml/modules").iterdir():
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
        done = run(self._command(job, disks), timeout=timeout * SLOWER[self.engine], check=False)
        return Outcome(int(status.read_text("ascii")) if status.exists() else None,
                       log.read_text("utf-8", "replace") if log.exists() else "", done.stdout)

    def _command(self, job: str, disks: Sequence[str]) -> Tuple[str, ...]:
        if self.engine == "qemu":
            return qemu_engine.command(self.root, job, disks)
        return ("unshare", "--mount", "--propagation", "private", "sh", "-c", START, "sh", str(self.root),
                "mem=1024M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "rw",
                "init=/bench/tests/storage/guest/init", "quiet", "con=null", "con0=null,fd:1", f"bench.job={job}",
                *disks)
