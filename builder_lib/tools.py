"""Check, before anything is made, that everything a build calls is there."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from builder_lib.architecture import ARCHITECTURES
from builder_lib.config import Config
from sif.errors import ToolMissing
from sif.run import have, run


@dataclass(frozen=True)
class Tool:
    """A program, the Debian package that holds it, and what the build needs it for."""

    name: str
    package: str
    reason: str


TOOLS: Tuple[Tool, ...] = (
    Tool("mmdebstrap", "mmdebstrap", "installs the image's Debian packages"),
    Tool("apt-get", "apt", "downloads packages and knows this host's mirrors"),
    Tool("sudo", "sudo", "diskimage-builder calls it, also as root"),
    Tool("ps", "procps", "diskimage-builder looks for processes left in the image"),
    Tool("lsattr", "e2fsprogs", "diskimage-builder looks at the image's resolv.conf"),
    Tool("fstrim", "util-linux", "diskimage-builder insists on it"),
    Tool("unshare", "util-linux", "keeps what the build mounts away from this machine"),
    Tool("setpriv", "util-linux", "ends diskimage-builder when the build is killed"),
    Tool("mksquashfs", "squashfs-tools", "packs the image"),
    Tool("xorriso", "xorriso", "makes the ISO"),
    Tool("mkfs.vfat", "dosfstools", "makes the ISO's EFI system partition"),
    Tool("mcopy", "mtools", "fills the ISO's EFI system partition"),
)
MODULES = (Tool("depmod", "kmod", "indexes the drivers of the configuration"),
           Tool("modinfo", "kmod", "tells for which kernel a driver is"))
ZSTD = Tool("zstd", "zstd", "unpacks a driver that the initramfs loads")
FOREIGN = Tool("arch-test", "arch-test", "tells whether this machine runs programs of another architecture")
SIGNING = Tool("ssh-keygen", "openssh-client", "signs the release")
STICK = (Tool("lsblk", "util-linux", "tells what a device is, and what uses it"),
         Tool("sfdisk", "fdisk", "moves the end of the partition table to the end of the stick"))
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SPACE_WANTED = 4 << 30


def disk_image_create() -> Optional[Path]:
    """The diskimage-builder command that belongs to the running Python, else the one on the path."""
    beside = Path(sys.executable).with_name("disk-image-create")
    if beside.exists():
        return beside
    found = shutil.which("disk-image-create")
    return Path(found) if found else None


def dib_version() -> str:
    """The version of diskimage-builder, which is an input of the image."""
    try:
        return metadata.version("diskimage-builder")
    except metadata.PackageNotFoundError:
        return "unknown"


def is_foreign(config: Config) -> bool:
    """Whether the image is for another architecture than this machine's: emulation installs its packages."""
    return ARCHITECTURES[config.image.architecture].machine != os.uname().machine


def wanted(config: Config) -> Tuple[Tool, ...]:
    """The tools that a build of this configuration calls."""
    found = TOOLS
    if is_foreign(config):
        found += (FOREIGN,)
    if config.driver:
        found += MODULES
    if any(driver.early and driver.source.suffix == ".zst" for driver in config.driver):
        found += (ZSTD,)
    if config.release.signing_key is not None:
        found += (SIGNING,)
    return found


def missing(tools: Tuple[Tool, ...], present: Callable[[str], bool] = have) -> Tuple[Tool, ...]:
    """Those of the tools that are not there."""
    return tuple(tool for tool in tools if not present(tool.name))


def check_stick(present: Callable[[str], bool] = have) -> None:
    """Raise :class:`ToolMissing` that names everything that writing a stick on this host lacks."""
    lacking = missing(STICK, present)
    if lacking:
        raise ToolMissing("this machine cannot write a stick yet",
                          found="missing: " + "; ".join(f"{tool.name}: {tool.reason}" for tool in lacking),
                          hint="apt-get install " + " ".join(sorted({tool.package for tool in lacking})))


def check_host(cache: Path, config: Config) -> None:
    """Raise :class:`ToolMissing` that names everything a build on this host lacks, all at once."""
    lacking = missing(wanted(config))
    problems: List[str] = [f"{tool.name}: {tool.reason}" for tool in lacking]
    hints: List[str] = []
    packages = sorted({tool.package for tool in lacking})
    if not KEYRING.exists():
        problems.append(f"{KEYRING}: proves that packages are Debian's")
        packages.append("debian-archive-keyring")
    emulation = ""
    if is_foreign(config) and have(FOREIGN.name) and not _runs(config.image.architecture):
        problems.append(f"programs of {config.image.architecture}: do not run here; packages are installed by them")
        packages.append("qemu-user-static")
        emulation = ", then register it with the kernel (binfmt_misc): systemctl restart systemd-binfmt"
    if packages:
        hints.append("apt-get install " + " ".join(packages) + emulation)
    if disk_image_create() is None:
        problems.append("disk-image-create: runs the elements")
        hints.append(f"{sys.executable} -m pip install '.[build]'")
    if os.geteuid() != 0:
        problems.append("root: the image's files belong to root, and packages are installed in a chroot")
        hints.append("run the build as root (sudo)")
    elif (free := _free_space(cache)) < SPACE_WANTED:
        problems.append(f"room for layers in {cache}: {free >> 20} MiB free, {SPACE_WANTED >> 20} MiB wanted")
        hints.append("set LIFEBOAT_CACHE to a directory with more room, or run `builder.py clean`")
    if problems:
        raise ToolMissing("this machine cannot build the image yet", found="missing: " + "; ".join(problems),
                          hint="; ".join(hints))


def _runs(architecture: str) -> bool:
    return run((FOREIGN.name, architecture), timeout=60, check=False).status == 0


def _free_space(path: Path) -> int:
    while not path.exists():
        path = path.parent
    return shutil.disk_usage(path).free
