"""The moment before a disk is written: is it still the planned one, is it free, is it ours alone; then clear it."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import contextmanager
from typing import Collection, Iterator, List, Tuple

from rescue import detect
from rescue.hardware import PresentDisk
from rescue.plan import DiskMatch
from rescue.storage.errors import DiskChanged, RebuildFailed
from sif.run import run

_TIMEOUT = 120.0
_LOCK_TRIES = 5


def settle() -> None:
    """Wait until udev has handled everything that happened so far."""
    run(("udevadm", "settle", f"--timeout={int(_TIMEOUT)}"), timeout=_TIMEOUT + 10)


def require_unchanged(match: DiskMatch) -> None:
    """Raise :class:`DiskChanged` unless the disk looks exactly as it did when the plan was made."""
    planned = match.fingerprint
    now = detect.fingerprint(PresentDisk(match.name, match.path, planned.size_bytes, 512, 512))
    if now != planned:
        differ = [name for name in ("size_bytes", "serial", "wwn", "content")
                  if getattr(now, name) != getattr(planned, name)]
        raise DiskChanged("the disk has changed since the plan was made; nothing was written to it", where=match.path,
                          found=", ".join(f"{name} {getattr(now, name)}" for name in differ),
                          wanted=", ".join(f"{name} {getattr(planned, name)}" for name in differ),
                          hint="make a new plan")


def deactivate(path: str) -> None:
    """Take down what an earlier run or the kernel has stacked on the disk: device-mapper volumes, top first.

    Nothing on the disk is changed. Raises :class:`RebuildFailed` for anything else that uses it.
    """
    for node in _stacked(path):
        if node.mounts:
            raise RebuildFailed("the disk is in use", where=node.path, found="mounted at " + ", ".join(node.mounts),
                                hint="unmount it")
        if node.name.startswith("dm-"):
            run(("dmsetup", "remove", "--retry", node.path), timeout=_TIMEOUT)
    settle()


def _stacked(path: str) -> List[detect.Node]:
    """Everything on the disk but its partitions, what lies on top first, each once."""
    (disk,) = detect.list_nodes(path)
    found = {node.path: node for node in disk.walk() if node.type not in ("disk", "part") or node.mounts}
    return list(reversed(list(found.values())))


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the disk as udev and partitioning tools agree on: an exclusive flock on its node.

    While it is held udev looks away, so that nothing is activated halfway. Source: systemd's BLOCK_DEVICE_LOCKING.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        for attempt in range(_LOCK_TRIES):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if attempt == _LOCK_TRIES - 1:
                    raise RebuildFailed("another program has locked the disk", where=path,
                                        hint="end what partitions or formats this disk") from error
                settle()
        yield
    finally:
        os.close(handle)


def require_unused(path: str) -> None:
    """Raise :class:`RebuildFailed` when the kernel says that something uses the disk or one of its partitions."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        busy = error.errno == errno.EBUSY
        raise RebuildFailed("the disk is in use" if busy else "the disk cannot be opened for writing", where=path,
                            found=str(error), hint="see `lsblk` and `dmsetup ls` for what uses it" if busy else
                            "see the kernel's log") from error


def clear(path: str, spare: Collection[Tuple[int, int]] = ()) -> None:
    """Erase every signature on the disk's old partitions, then on the disk itself. Call it with the disk locked.

    ``spare`` are stretches (first byte, bytes) that may hold already what will be there: a partition that is exactly
    one of them is not touched.
    """
    (disk,) = detect.list_nodes(path)
    for part in (child for child in disk.children if child.type == "part"):
        if part.start is not None and (part.start * detect.START_UNIT, part.size) in spare:
            continue
        run(("wipefs", "--all", "--force", part.path), timeout=_TIMEOUT)
    run(("wipefs", "--all", "--force", path), timeout=_TIMEOUT)
