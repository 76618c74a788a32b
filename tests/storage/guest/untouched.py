"""What a machine's storage is, down to the last block, and what the kernel says it has written: to be compared."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

from server_layout import tool

State = Dict[str, str]

_VOLATILE_LVM = ("--units", "b", "--noheadings")


def state(disks: Sequence[str], trees: Sequence[str]) -> State:
    """Everything that a look must leave as it is.

    ``disks`` are whole disks (kernel names), ``trees`` mount points whose files' times are compared too. What is dirty
    in memory is written first, so that it shows on the disk.
    """
    os.sync()
    tool("udevadm", "settle")
    # Before our own looking: it must not be the one that writes.
    found: State = {f"written {name}": str(count) for name, count in _written().items()}
    for disk in disks:
        tool("blockdev", "--flushbufs", f"/dev/{disk}")
        found[f"blocks {disk}"] = _digest(f"/dev/{disk}")
    found["mounts"] = Path("/proc/self/mountinfo").read_text("utf-8")
    found["swaps"] = Path("/proc/swaps").read_text("utf-8")
    found["arrays"] = _text("/proc/mdstat")
    found["mapper"] = tool("dmsetup", "table") + tool("dmsetup", "info", "-c", "--noheadings", "-o",
                                                     "name,open,segments,events,attr,uuid")
    found["lvm"] = tool("lvs", "--readonly", "-a", *_VOLATILE_LVM, "-o", "vg_name,lv_name,lv_attr,lv_uuid,vg_seqno")
    found["read-only"] = "".join(f"{disk} {_text(f'/sys/class/block/{disk}/ro')}" for disk in disks)
    found["lvm on /etc"] = "\n".join(sorted(str(path) for path in Path("/etc/lvm").rglob("*")))
    for tree in trees:
        found[f"times {tree}"] = "\n".join(_times(Path(tree)))
    return found


def changed(before: State, after: State) -> List[str]:
    """The names of what is not the same."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def _written() -> Dict[str, int]:
    """Sectors written and discarded per block device. Source: Documentation/admin-guide/iostats.rst.

    Requests are not counted: a flush without data is one, and closing a device causes it.
    """
    found = {}
    for line in Path("/proc/diskstats").read_text("ascii").splitlines():
        fields = line.split()
        found[f"{fields[2]} sectors"] = int(fields[9])
        if len(fields) > 16:
            found[f"{fields[2]} discarded"] = int(fields[16])
    return found


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _text(path: str) -> str:
    return Path(path).read_text("utf-8") if Path(path).exists() else ""


def _times(root: Path) -> Iterator[str]:
    """Times, owner and mode of everything on one file system. Our own listing must not count as an access."""
    device = root.lstat().st_dev
    todo = [root]
    while todo:
        path = todo.pop()
        facts = path.lstat()
        yield f"{path} {facts.st_atime_ns} {facts.st_mtime_ns} {facts.st_ctime_ns} {facts.st_mode} {facts.st_uid}"
        if path.is_dir() and not path.is_symlink() and facts.st_dev == device:
            handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOATIME)
            try:
                todo.extend(path / name for name in sorted(entry.name for entry in os.scandir(handle)))
            finally:
                os.close(handle)


def events_during(act: "object", log: str) -> List[str]:
    """The block device events of udev while ``act`` runs, by ``udevadm monitor``."""
    assert callable(act)
    with Path(log).open("w", encoding="utf-8") as stream:
        monitor = subprocess.Popen(["udevadm", "monitor", "--udev", "--subsystem-match=block"], stdout=stream)
        try:
            while "UDEV" not in Path(log).read_text("utf-8"):
                assert monitor.poll() is None  # its heading says that it listens
                os.sched_yield()
            act()
            tool("udevadm", "settle")
        finally:
            monitor.terminate()
            monitor.wait()
    return [line for line in Path(log).read_text("utf-8").splitlines() if line.startswith("UDEV  [")]
