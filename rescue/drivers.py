"""Drivers that udev did not load by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Iterable, Tuple

from sif.model import Device
from sif.run import run

SYSFS = Path("/sys/devices")


def load_missing_drivers(saved: Iterable[Device], sysfs: Path = SYSFS) -> Tuple[str, ...]:
    """Load modules for present devices without a driver that the SIF recorded with one; returns their modaliases."""
    had_driver = {device.modalias for device in saved if device.driver}
    loaded = []
    for alias in unbound(sysfs):
        if alias in had_driver and run(["modprobe", "--quiet", alias], timeout=60, check=False).ok:
            loaded.append(alias)
    if loaded:
        run(["udevadm", "settle", "--timeout=60"], timeout=70, check=False)
    return tuple(loaded)


def unbound(sysfs: Path) -> Tuple[str, ...]:
    """The modaliases of devices that no driver is bound to."""
    found = []
    for path in sorted(sysfs.rglob("modalias")):
        if not (path.parent / "driver").exists():
            try:
                alias = path.read_text(encoding="ascii", errors="replace").strip()
            except OSError:
                continue
            if alias:
                found.append(alias)
    return tuple(dict.fromkeys(found))
