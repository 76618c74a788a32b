"""How disks and sizes are put into words for people."""

from __future__ import annotations

from rescue.hardware import PresentDisk
from sif.model import Disk

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


def human(size: int) -> str:
    """A number of bytes in binary units, with one decimal: ``8.0 GiB``."""
    value = float(size)
    for unit in _UNITS[:-1]:
        if abs(value) < 1024:
            return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_UNITS[-1]}"


def exact(size: int) -> str:
    """A number of bytes for people and for comparison: ``8.0 GiB (8589934592 bytes)``."""
    return f"{human(size)} ({size} bytes)"


def saved_disk(disk: Disk) -> str:
    """What a saved disk was: ``d0 (8.0 GiB, SAMSUNG MZQL2480HCJR, serial S64F)``."""
    facts = [human(disk.size_bytes)]
    if disk.model:
        facts.append(disk.model)
    if disk.serial:
        facts.append(f"serial {disk.serial}")
    elif disk.wwn:
        facts.append(f"WWN {disk.wwn}")
    elif disk.by_path:
        facts.append(f"in slot {disk.by_path}")
    return f"{disk.id} ({', '.join(facts)})"


def present_disk(disk: PresentDisk) -> str:
    """What a present disk is: ``vda (8.0 GiB, blank)``."""
    facts = [human(disk.size_bytes)]
    if disk.model:
        facts.append(disk.model)
    if disk.serial:
        facts.append(f"serial {disk.serial}")
    facts.append("blank" if disk.blank else "holds " + "; ".join(disk.signatures))
    return f"{disk.name} ({', '.join(facts)})"
