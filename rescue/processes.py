"""Which processes use a device or a file system. Only reads. Source: proc(5), fd and fdinfo."""

from __future__ import annotations

import os
import re
import select
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterator, Tuple


@dataclass(frozen=True)
class User:
    """A process that has a device, or a file on it, open. ``writes``: the device itself is open for writing."""

    pid: int
    name: str
    writes: bool

    def __str__(self) -> str:
        return f"{self.name} (process {self.pid})"


def users_of(numbers: Collection[str], proc: Path = Path("/proc")) -> Tuple[User, ...]:
    """The other processes that use one of the devices (``major:minor``): open nodes, files, directories."""
    found = []
    for pid in sorted(int(name) for name in os.listdir(proc) if name.isdigit()):  # noqa: PTH208 - before every write
        uses = list(_uses(f"{proc}/{pid}", numbers))
        if uses and pid != os.getpid():
            found.append(User(pid, _name(proc / str(pid)), any(uses)))
    return tuple(found)


def wait_for(users: Collection[User], seconds: float) -> None:
    """Wait until those processes have ended, at most so long."""
    end = time.monotonic() + seconds
    for user in users:
        try:
            handle = os.pidfd_open(user.pid)
        except OSError:
            continue
        try:
            select.select([handle], [], [], max(end - time.monotonic(), 0.0))
        finally:
            os.close(handle)


def _uses(folder: str, numbers: Collection[str]) -> Iterator[bool]:
    """Whether it writes, for each use that a process makes of the devices."""
    try:
        handles = [f"fd/{name}" for name in os.listdir(f"{folder}/fd")]  # noqa: PTH208
    except OSError:
        return
    for name in (*handles, "cwd", "root", "exe"):
        try:
            facts = os.stat(f"{folder}/{name}")  # noqa: PTH116
        except OSError:
            continue
        if stat.S_ISBLK(facts.st_mode) and _number(facts.st_rdev) in numbers:
            yield _for_writing(Path(folder, "fdinfo", name.rsplit("/", 1)[-1]))
        elif _number(facts.st_dev) in numbers:
            yield False


def _for_writing(info: Path) -> bool:
    try:
        flags = re.search(r"^flags:\s+([0-7]+)$", info.read_text("ascii"), re.MULTILINE)
    except OSError:
        return False
    return bool(flags and int(flags.group(1), 8) & os.O_ACCMODE)


def _number(device: int) -> str:
    return f"{os.major(device)}:{os.minor(device)}"


def _name(folder: Path) -> str:
    try:
        return (folder / "comm").read_text("utf-8", errors="replace").strip()
    except OSError:
        return "a process"
