"""Keeps udev from reading partition tables again while partitions are in use, without making it wait.

When a disk that was open for writing is closed, udev has the kernel read its table again if it gets an exclusive
lock on the disk, and for that time the partitions are gone. It handles its events under a shared lock. So the table is
written under an exclusive lock, which becomes a shared one that is kept until everything is made: the partitions stay,
and nobody has to wait for udev before the next step. Source: systemd, ``udev-manager.c`` and BLOCK_DEVICE_LOCKING.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import Iterator, List

from rescue.storage import disks


class Holds:
    """The disks whose partitions have to stay."""

    def __init__(self) -> None:
        self._handles: List[int] = []

    @contextmanager
    def writing(self, path: str) -> Iterator[None]:
        """Inside, the disk is ours alone; afterwards its partitions stay until :meth:`release`."""
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            disks.lock(handle, path)
            yield
            # Not in one step: udev may be quicker. Then this waits until the partitions are back.
            fcntl.flock(handle, fcntl.LOCK_SH)
        except BaseException:
            os.close(handle)
            raise
        self._handles.append(handle)

    def release(self) -> None:
        """Let udev and others do with the disks what they like."""
        while self._handles:
            os.close(self._handles.pop())
