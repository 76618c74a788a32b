"""Where scheduled captures go: a directory, or a medium that is mounted for the time of the capture."""

from __future__ import annotations

import contextlib
import os
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

from sif import media
from sif.errors import Exit, LifeboatError, UsageError
from sif.reader import DEFAULT_NAME, LoadedSet
from sif.run import run
from sif.units.config import Config
from sif.writer import write_files

MOUNT_POINT = Path("/run/sif/medium")
PREVIOUS = "previous"
"""Directory of a host's earlier sets; the rescue system looks for sets in the medium's root and one level below."""

_SECONDS = 300.0


class MediumAbsent(LifeboatError):
    """The configured medium is not there, or cannot be mounted as it has to be."""

    code = Exit.MEDIUM_NOT_FOUND


@contextmanager
def opened(config: Config, *, writable: bool) -> Iterator[Path]:
    """The directory that holds a directory per host, for the time of the block. Raises :class:`MediumAbsent`."""
    if config.medium is None:
        yield Path(str(config.output))
        return
    with _mounted(config.medium, writable) as root:
        yield root / config.directory if config.directory else root


@contextmanager
def _mounted(spec: str, writable: bool) -> Iterator[Path]:
    """Use the place where the medium is mounted already, else mount it and unmount it afterwards."""
    point = run(["findmnt", "--noheadings", "--first-only", "--output", "TARGET", "--source", spec],
                timeout=_SECONDS, check=False).stdout.strip()
    if point:
        if writable and os.statvfs(point).f_flag & os.ST_RDONLY:
            raise MediumAbsent("the medium is mounted read-only", where=point, found=spec, hint="remount it")
        yield Path(point)
        return
    if not run(["blkid", "--match-token", spec], timeout=_SECONDS, check=False).ok:
        raise MediumAbsent("the medium for captures is not attached", found="no file system with that name",
                           wanted=spec, hint="attach it; the next run writes the set")
    MOUNT_POINT.mkdir(parents=True, exist_ok=True)
    run(["mount", "-o", f"{'rw' if writable else 'ro'},nosuid,nodev,noexec", spec, str(MOUNT_POINT)],
        timeout=_SECONDS)
    try:
        yield MOUNT_POINT
    finally:
        run(["umount", str(MOUNT_POINT)], timeout=_SECONDS)
        with contextlib.suppress(OSError):
            MOUNT_POINT.rmdir()


@contextmanager
def current_set(config: Config) -> Iterator[Path]:
    """The directory of the only host's set there, or of this host's, for reading."""
    with opened(config, writable=False) as base:
        yield host_directory(base)


def host_directory(base: Path) -> Path:
    """The directory of this machine's set. Raises UsageError when there is none, or when several may be it."""
    hosts = sorted(path for path in base.iterdir() if (path / DEFAULT_NAME).is_file()) if base.is_dir() else []
    name = os.uname().nodename
    mine = [path for path in hosts if path.name == name or path.name.split(".")[0] == name.split(".")[0]]
    if len(mine) == 1 or len(hosts) == 1:
        return (mine or hosts)[0]
    raise UsageError("no set of this machine" if not hosts else "several sets, and none is clearly this machine's",
                     where=str(base), found=", ".join(path.name for path in hosts) or "no set at all",
                     hint="name it: sif drift SET")


def keep_copy(loaded: LoadedSet) -> Path:
    """Copy a whole set to its ``previous/`` before it is replaced; complete or not there at all.

    Images are linked where the file system can, else copied. Raises WriteFailed.
    """
    folder = loaded.directory / PREVIOUS
    target = folder / name_of(loaded)
    if target.exists():
        return target
    new = folder / (target.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    content: List[Tuple[str, media.Content]] = list(loaded.files)
    for path, image in loaded.images:
        linked = new / path
        linked.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(image.path, linked)
            content.append((path, media.Spooled(linked, image.size, image.sha256)))
        except OSError:
            content.append((path, image))
    write_files(new, sorted(content, key=lambda pair: (pair[0] == media.MANIFEST, pair[0])))
    new.rename(target)
    return target


def name_of(loaded: LoadedSet) -> str:
    """What an earlier set is called: the time of its capture, which sorts, and the start of its id."""
    created = (loaded.info.version.created or "0000-00-00T00:00:00Z").replace("-", "").replace(":", "")
    return f"{created}-{loaded.info.version.set_id[:8]}"


def prune(directory: Path, keep: int) -> Tuple[str, ...]:
    """Remove the oldest of the earlier sets beyond ``keep``, the current one counted; returns their names."""
    folder = directory / PREVIOUS
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    left = [name for name in names if not name.endswith(".new")]
    gone = (*left[:max(len(left) - (keep - 1), 0)], *(name for name in names if name.endswith(".new")))
    for name in gone:
        shutil.rmtree(folder / name)
    return gone
