"""What a program inside the restored system needs around it: devices and the kernel's file systems."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator

from rescue.durable import keeping_times
from sif.run import run

_BOUND = ("dev", "dev/pts", "proc", "sys", "run")


@contextmanager
def chroot_mounts(target: Path) -> Iterator[None]:
    """Bind the rescue system's /dev, /proc, /sys and /run into a tree, and take them out again.

    A mount point that the tree lacks is made and removed, with the times of its parent kept.
    """
    with ExitStack() as undo:
        for name in _BOUND:
            undo.enter_context(_bound(Path("/") / name, target / name))
        yield


@contextmanager
def _bound(source: Path, where: Path) -> Iterator[None]:
    with ExitStack() as undo:
        if not where.is_dir():
            undo.enter_context(keeping_times(where.parent))
            where.mkdir()
            undo.callback(where.rmdir)
        run(["mount", "--bind", str(source), str(where)], timeout=60)
        try:
            yield
        finally:
            run(["umount", str(where)], timeout=120)
