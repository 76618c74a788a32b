"""What the running kernel has in use: block devices and what they lie on, mounts of all namespaces, swap. Only reads.

Sources: sysfs (Documentation/ABI/stable/sysfs-block: ``holders``, ``slaves``, ``dm``, ``md``, ``bcache``, ``loop``),
proc(5) (``mountinfo``, ``swaps``, ``ns/mnt``).
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional, Set, Tuple


@dataclass(frozen=True)
class KernelDevice:
    """A block device by its kernel name; ``number`` is ``major:minor``.

    ``whole`` is the device that a partition is of. ``mapper`` and ``mapper_uuid`` are device mapper's name and uuid,
    ``container`` the array that holds this one's metadata (external formats), ``backing`` what a loop device shows,
    ``stops`` the files of sysfs that stop a bcache.
    """

    name: str
    number: str
    slaves: Tuple[str, ...] = ()
    whole: Optional[str] = None
    mapper: Optional[str] = None
    mapper_uuid: str = ""
    array: bool = False
    container: Optional[str] = None
    backing: Optional[str] = None
    stops: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo. ``pid`` is a process of the namespace it is in; None is our own."""

    ident: int
    parent: int
    number: str
    point: str
    source: str
    pid: Optional[int] = None


@dataclass(frozen=True)
class KernelView:
    """All of it at one moment. ``btrfs`` are the device names of each btrfs that the kernel has open."""

    devices: Tuple[KernelDevice, ...]
    mounts: Tuple[Mount, ...]
    swaps: Tuple[str, ...]
    btrfs: Tuple[Tuple[str, ...], ...] = ()


def read_kernel(root: Path = Path("/")) -> KernelView:
    """Read the kernel's view. What goes away while it is read is left out. ``root`` is for tests."""
    base = str(root).rstrip("/")
    block = f"{base}/sys/class/block"
    devices = tuple(device for name in _entries(block) if (device := _device(f"{block}/{name}")) is not None)
    return KernelView(devices, tuple(_all_mounts(f"{base}/proc")), parse_swaps(_text(f"{base}/proc/swaps")),
                      tuple(_btrfs(f"{base}/sys/fs/btrfs")))


def disks_below(name: str, root: Path = Path("/")) -> Tuple[str, ...]:
    """The disks (kernel names) that a block device lies on; none if it is not there, itself if it is one."""
    return tuple(sorted(_below(name, str(root / "sys/class/block"))))


def _below(name: str, block: str) -> Set[str]:
    folder = f"{block}/{name}"
    if not os.path.lexists(folder):  # noqa: PTH110 - asked before every write, and a Path takes ten times as long
        return set()
    if os.path.lexists(f"{folder}/partition"):  # noqa: PTH110
        return _below(_whole(folder), block)
    slaves = _slaves(folder)
    return {disk for one in slaves for disk in _below(one, block)} if slaves else {name}


def _slaves(folder: str) -> List[str]:
    """What a device (its folder in sysfs) lies on. A map of several paths is a disk: its paths are no disks."""
    return [] if _text(f"{folder}/dm/uuid").startswith("mpath-") else _entries(f"{folder}/slaves")


def _whole(partition: str) -> str:
    """The device that a partition (its folder in sysfs) is of."""
    return os.path.realpath(partition).rsplit("/", 2)[1]


def parse_mounts(text: str, pid: Optional[int] = None) -> Tuple[Mount, ...]:
    """The mounts of a mountinfo, in its order."""
    found = []
    for line in text.splitlines():
        fields = line.split(" ")
        if "-" not in fields[6:]:
            continue
        source = fields[fields.index("-", 6) + 2]
        found.append(Mount(int(fields[0]), int(fields[1]), fields[2], unescaped(fields[4]), unescaped(source), pid))
    return tuple(found)


def parse_swaps(text: str) -> Tuple[str, ...]:
    """The paths in /proc/swaps; a file that was deleted keeps the word the kernel adds."""
    return tuple(unescaped(line.split()[0]) for line in text.splitlines()[1:] if line.strip())


def unescaped(text: str) -> str:
    """The kernel's octal escapes undone."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found.group(1), 8)), text)


def _device(folder: str) -> Optional[KernelDevice]:
    number = _text(f"{folder}/dev").strip()
    if not number:
        return None
    there = set(_entries(folder))

    def text(group: str, name: str) -> str:
        return _text(f"{folder}/{group}/{name}") if group in there else ""

    container = re.match(r"external:[/-]([^/]+)/", text("md", "metadata_version"))
    bcache = _entries(f"{folder}/bcache") if "bcache" in there else []
    return KernelDevice(
        folder.rsplit("/", 1)[1], number, tuple(_slaves(folder)),
        _whole(folder) if "partition" in there else None, text("dm", "name").strip() or None,
        text("dm", "uuid").strip(), "md" in there, container.group(1) if container else None,
        unescaped(text("loop", "backing_file").rstrip("\n")) or None,
        tuple(f"{folder}/bcache/{stop}" for stop, entry in (("stop", "stop"), ("set/stop", "set")) if entry in bcache))


def _all_mounts(proc: str) -> Iterator[Mount]:
    """The mounts of our namespace first, then of every other one, each through one of its processes."""
    yield from parse_mounts(_text(f"{proc}/self/mountinfo"))
    seen = {_namespace(f"{proc}/self")}
    for pid in sorted(int(name) for name in _entries(proc) if name.isdigit()):
        namespace = _namespace(f"{proc}/{pid}")
        if namespace is not None and namespace not in seen:
            seen.add(namespace)
            yield from parse_mounts(_text(f"{proc}/{pid}/mountinfo"), pid)


def _namespace(process: str) -> Optional[str]:
    try:
        return os.readlink(f"{process}/ns/mnt")  # noqa: PTH115
    except OSError:
        return None  # a kernel thread, or gone


def _btrfs(folder: str) -> Iterator[Tuple[str, ...]]:
    for name in _entries(folder):
        devices = tuple(_entries(f"{folder}/{name}/devices"))
        if devices:
            yield devices


def _entries(folder: str) -> List[str]:
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:  # noqa: PTH123
            return file.read()
    except OSError:
        return ""
