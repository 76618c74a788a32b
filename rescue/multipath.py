"""Disks with several paths: the map that uses all of them, and its partitions, which device mapper makes.

Only what one disk shows twice gets a map, so that a machine without such disks is left as it is. Sources: multipath(8),
kpartx(8), dmsetup(8).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Mapping, Sequence, Tuple

from sif.run import run

MAPPER = "/dev/mapper/"
_TIMEOUT = 120.0


def is_map(path: str) -> bool:
    """Whether a disk's path is that of a map: disks proper have nodes of their own."""
    return path.startswith(MAPPER)


def make_maps(paths: Sequence[str]) -> None:
    """Have disks (paths) that show themselves several times used through one map each. Nothing is written to them."""
    run(("modprobe", "--quiet", "--all", "dm-multipath", "dm-service-time"), timeout=_TIMEOUT, check=False)
    for path in paths:
        run(("multipath", "-v0", "-i", path), timeout=_TIMEOUT, check=False)
    run(("udevadm", "settle", f"--timeout={int(_TIMEOUT)}"), timeout=_TIMEOUT + 10, check=False)


def show_partitions(path: str) -> None:
    """Make device mapper's partitions what the table on a map says; nothing for a disk proper."""
    if is_map(path):
        run(("kpartx", "-u", "-s", "-p", "-part", path), timeout=_TIMEOUT)
        run(("udevadm", "settle", f"--timeout={int(_TIMEOUT)}"), timeout=_TIMEOUT + 10)


def extents() -> Mapping[str, Tuple[int, int]]:
    """Partition of a map (its name) → first sector and sectors, of 512 bytes each."""
    return parse_extents(run(("dmsetup", "table", "--target", "linear"), timeout=_TIMEOUT).stdout)


def parse_extents(text: str) -> Mapping[str, Tuple[int, int]]:
    """The same from ``dmsetup table``: mappings of one line that lie on one stretch of another device."""
    found: Dict[str, Tuple[int, int]] = {}
    for line in text.splitlines():
        match = re.fullmatch(r"(.+): 0 (\d+) linear \S+ (\d+)", line.strip())
        if match:
            found[match.group(1)] = (int(match.group(3)), int(match.group(2)))
    return found


def start_of(name: str) -> Dict[str, int]:
    """Where a partition begins and how long it is, as sysfs has it of a kernel's own and device mapper of a map's.

    ``start`` and ``size`` in 512 bytes; nothing for one that is not there.
    """
    folder = Path("/sys/class/block", name)
    if folder.exists():
        return {key: int((folder / key).read_text("ascii")) for key in ("start", "size") if (folder / key).exists()}
    start, size = extents().get(name, (-1, -1))
    return {"start": start, "size": size} if size >= 0 else {}
