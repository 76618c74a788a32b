"""Volumes that survived, in the tree of a restored system: there to be read, and not a byte of them changes.

A program that restores the system sets owner, mode and times of the directory that such a volume is mounted on, and may
fail if it cannot. So above the volume, which is mounted read-only, lies a layer in memory that takes what is written.
It is small: who would fill a kept volume runs out of room at once. It is gone with the mount, and said before.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Iterator, Tuple

from sif.errors import CommandFailed
from sif.run import run

COVERED = Path("/run/lifeboat-kept")
"""A directory for each, numbered: the volume, the layer, and where the two are seen."""

LAYER = "size=16m,nr_inodes=4096,mode=700"
_TIMEOUT = 300.0


def mount_covered(kind: str, options: str, device: str, point: Path, below: Path = COVERED) -> None:
    """Mount the volume read-only below a layer in memory at ``point``. ``options`` are those of the volume.

    Where the kernel cannot lay one over this kind (FAT), the volume itself is mounted. Raises CommandFailed.
    """
    base = below / str(sum(1 for _ in below.glob("*/place")))
    volume, layer = base / "volume", base / "layer"
    for folder in (volume, layer):
        folder.mkdir(parents=True, exist_ok=True)
    (base / "place").write_text(str(point), "utf-8")
    run(("mount", "-t", kind, "-o", options, device, str(volume)), timeout=_TIMEOUT)
    run(("mount", "-t", "tmpfs", "-o", LAYER, "lifeboat-kept", str(layer)), timeout=_TIMEOUT)
    upper, work = layer / "upper", layer / "work"
    for folder in (upper, work):
        folder.mkdir()
    seen = volume.stat()
    os.chown(upper, seen.st_uid, seen.st_gid)
    shutil.copystat(volume, upper)  # the directory itself is the layer's
    try:
        run(("mount", "-t", "overlay", "-o", f"lowerdir={volume},upperdir={upper},workdir={work}", "lifeboat-kept",
             str(point)), timeout=_TIMEOUT)
    except CommandFailed:
        run(("mount", "--bind", str(volume), str(point)), timeout=_TIMEOUT)


def discarded(below: Path = COVERED) -> Tuple[str, ...]:
    """What was written to kept volumes, and is in memory only, as paths of the tree: ``/target/srv/new``."""
    return tuple(sorted(path for base in below.glob("*/place") for path in _written(
        base.parent / "layer/upper", Path(base.read_text("utf-8")))))


def _written(upper: Path, point: Path) -> Iterator[str]:
    for folder, _, files in os.walk(upper):
        inside = Path(folder).relative_to(upper)
        yield from (str(point / inside / name) for name in files)
        if inside.parts and not any(Path(folder).iterdir()):
            yield str(point / inside)


def forget(below: Path = COVERED) -> None:
    """Remove the directories, after everything in them was unmounted."""
    for place in below.glob("*/place"):
        place.unlink()
        for name in ("layer", "volume"):
            (place.parent / name).rmdir()
        place.parent.rmdir()
