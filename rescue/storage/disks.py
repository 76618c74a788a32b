"""The moment before a disk is written: is it still the planned one, is it free, is it ours alone; then clear it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Collection, Iterator, Optional, Tuple

from rescue import detect
from rescue.kernel_view import KernelView
from rescue.plan import DiskMatch, RestorePlan
from rescue.storage.errors import DiskBusy, DiskChanged, RebuildFailed
from rescue.storage.signatures import clean, identified
from sif.run import run

_TIMEOUT = 120.0
_LOCK_TRIES = 5
_SYS = Path("/sys/class/block")

NOTHING = KernelView((), (), ())
"""The kernel's view of disks that nobody uses."""


def settle(seconds: float = _TIMEOUT) -> None:
    """Wait until udev has handled everything that happened so far, at most so long."""
    run(("udevadm", "settle", f"--timeout={int(seconds)}"), timeout=seconds + 10)


def look_again(plan: RestorePlan, view: KernelView = NOTHING) -> RestorePlan:
    """The plan with what its disks look like now; ``view`` is what the kernel has in use (nothing, once it is
    stopped)."""
    found = detect.fingerprints([match.path for match in plan.matches], view)
    return replace(plan, matches=tuple(replace(match, fingerprint=now) for match, now in zip(plan.matches, found)))


def require_unchanged(plan: RestorePlan, view: KernelView = NOTHING) -> None:
    """Raise :class:`DiskChanged` unless every disk looks exactly as it did when the plan was made."""
    for match, again in zip(plan.matches, look_again(plan, view).matches):
        planned, now = match.fingerprint, again.fingerprint
        if now != planned:
            differ = [name for name in ("size_bytes", "serial", "wwn", "content")
                      if getattr(now, name) != getattr(planned, name)]
            raise _changed(match, ", ".join(f"{name} {getattr(now, name)}" for name in differ),
                           ", ".join(f"{name} {getattr(planned, name)}" for name in differ))


def glance(path: str, sys: Path = _SYS) -> str:
    """A digest of what the disk looks like, without a program: for the last look before it is written.

    The kernel's number of the disk (another one at this node has another number), its size and its partitions, every
    signature on it and on them, and the sectors that are always looked at.
    """
    folder = sys / Path(path).resolve().name
    size = int((folder / "size").read_text("ascii")) * detect.START_UNIT
    parts = sorted(_partitions(path, sys))
    facts = [_text(folder / "diskseq"), _text(folder / "device/serial"), _text(folder / "device/wwid"), size, parts,
             [identified(node) for node in (path, *(node for _, _, node in parts))], detect.sample(path, size).digest]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def require_same(match: DiskMatch, before: Optional[str]) -> None:
    """Raise :class:`DiskChanged` unless a :func:`glance` at the disk shows what it showed before (None: never)."""
    now = glance(match.path)
    if now != before:
        raise _changed(match, now, before)


def _changed(match: DiskMatch, found: str, wanted: Optional[str]) -> DiskChanged:
    return DiskChanged("the disk has changed since the plan was made; nothing was written to it", where=match.path,
                       found=found, wanted=wanted or "a look at it before", hint="make a new plan")


@contextmanager
def locked(path: str) -> Iterator[None]:
    """Hold the disk as udev and partitioning tools agree on: an exclusive flock on its node.

    While it is held udev looks away, so that nothing is activated halfway. Source: systemd's BLOCK_DEVICE_LOCKING.
    """
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        lock(handle, path)
        yield
    finally:
        os.close(handle)


def lock(handle: int, path: str) -> None:
    """Take that lock on an open disk. Raises :class:`RebuildFailed` when another program keeps it."""
    for attempt in range(_LOCK_TRIES):
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if attempt == _LOCK_TRIES - 1:
                raise RebuildFailed("another program has locked the disk", where=path,
                                    hint="end what partitions or formats this disk") from error
            settle()


def require_unused(path: str, writable: bool = True) -> None:
    """Raise :class:`DiskBusy` when the kernel says that something uses the disk or one of its partitions.

    Call it with the disk locked or with ``writable`` false: udev looks at a disk again that was open for writing, and
    where the system assembles arrays by itself, that is what happens then.
    """
    try:
        os.close(os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_EXCL | os.O_CLOEXEC))
    except OSError as error:
        busy = error.errno == errno.EBUSY
        raise DiskBusy("the disk is in use" if busy else "the disk cannot be opened for writing", where=path,
                            found=str(error), hint="see `lsblk` and `dmsetup ls` for what uses it" if busy else
                            "see the kernel's log") from error


def clear(path: str, spare: Collection[Tuple[int, int]] = ()) -> None:
    """Erase every signature on the disk's old partitions, then on the disk itself. Call it with the disk locked.

    ``spare`` are stretches (first byte, bytes) that may hold already what will be there: a partition that is exactly
    one of them is not touched.
    """
    for start, size, part in _partitions(path, _SYS):
        if (start, size) not in spare:
            clean(part)
    clean(path)


def _partitions(path: str, sys: Path) -> Iterator[Tuple[int, int, str]]:
    """First byte, bytes and node of each partition that the kernel has of the disk."""
    for folder in sorted((sys / Path(path).resolve().name).glob("*/partition")):
        start, size = (int((folder.parent / name).read_text("ascii")) * detect.START_UNIT for name in ("start", "size"))
        yield start, size, str(Path(path).parent / folder.parent.name)


def _text(path: Path) -> str:
    """What a file says; nothing if it is not there (a kernel before 5.15, a disk without a serial number)."""
    return path.read_text("utf-8", "replace").strip() if path.exists() else ""
