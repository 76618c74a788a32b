"""Where the running rescue system's own kernel, initramfs and squashfs are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Optional, Tuple

from rescue.failures import StagingFailed
from sif.run import run

KERNEL = Path("/usr/lib/lifeboat/boot/vmlinuz")
INITRD = Path("/usr/lib/lifeboat/boot/initrd.img")
_USUAL = (Path("/run/initramfs/squashed.img"), Path("/run/initramfs/live/live/filesystem.squashfs"),
          Path("/run/initramfs/live/lifeboat/filesystem.squashfs"))
_MAGIC = b"hsqs"


@dataclass(frozen=True)
class RescueFiles:
    """What staging copies, and how long the squashfs is in bytes."""

    kernel: Path
    initrd: Path
    squashfs: Path

    @property
    def all(self) -> Tuple[Tuple[Path, str], ...]:
        """Each file with its name on the staging file system."""
        return (self.kernel, "vmlinuz"), (self.initrd, "initrd.img"), (self.squashfs, "filesystem.squashfs")

    def needed_bytes(self) -> int:
        """Their size together."""
        return sum(_size(source) for source, _ in self.all)

    def boot_bytes(self) -> int:
        """The size of what GRUB loads."""
        return _size(self.kernel) + _size(self.initrd)


def bytes_of_set(directory: Path) -> int:
    """The size of the set's files, which are staged beside the rescue system: drivers and a catalog count."""
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())


def find_rescue_files(kernel: Path = KERNEL, initrd: Path = INITRD) -> RescueFiles:
    """The files the running rescue system is made of. Raises :class:`StagingFailed` when one is missing."""
    for path in (kernel, initrd):
        if not path.is_file():
            raise StagingFailed("the rescue system does not hold its own kernel", where=str(path),
                                hint="phase 1 has to run in the rescue image")
    backing = loop_files(run(["losetup", "--json", "--list", "--output", "NAME,BACK-FILE"], timeout=30).stdout)
    squashfs = first_squashfs((*backing, *_USUAL))
    if squashfs is None:
        raise StagingFailed("the squashfs of the running rescue system was not found",
                            found=", ".join(map(str, (*backing, *_USUAL))), wanted="one that begins with `hsqs`")
    return RescueFiles(kernel, initrd, squashfs)


def loop_files(losetup_json: str) -> Tuple[Path, ...]:
    """The backing files of the loop devices, then the devices themselves (a backing file may be out of sight)."""
    devices = json.loads(losetup_json or '{"loopdevices": []}').get("loopdevices", [])
    files = [Path(device["back-file"].replace(" (deleted)", "")) for device in devices if device.get("back-file")]
    return tuple(files) + tuple(Path(device["name"]) for device in devices)


def first_squashfs(paths: Iterable[Path]) -> Optional[Path]:
    """The first of the paths that is a squashfs."""
    for path in paths:
        try:
            with path.open("rb") as source:
                if source.read(4) == _MAGIC:
                    return path
        except OSError:
            continue
    return None


def _size(path: Path) -> int:
    """Bytes in a file or in a block device."""
    with path.open("rb") as source:
        return source.seek(0, 2)
