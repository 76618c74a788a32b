"""Which packages an image gets beside those of its elements, and which elements make it. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Tuple

from builder_lib.architecture import Architecture
from builder_lib.config import Config

ELEMENTS = ("lifeboat-nodisk", "lifeboat-root", "lifeboat-storage", "lifeboat-network", "lifeboat-boot",
            "lifeboat-agent")
# Wired network adapters and host bus adapters; what Debian ships for sound, graphics and radio helps no recovery.
FIRMWARE: Mapping[str, Tuple[str, ...]] = {
    "network": ("firmware-bnx2", "firmware-bnx2x", "firmware-cavium", "firmware-intel-misc", "firmware-misc-nonfree",
                "firmware-myricom", "firmware-netronome", "firmware-netxen", "firmware-qlogic", "firmware-realtek"),
    "storage": ("firmware-linux-free", "firmware-misc-nonfree", "firmware-qlogic"),
}


def site_packages(config: Config) -> Tuple[str, ...]:
    """The packages that the configuration adds, sorted."""
    firmware = {name for kind in config.image.firmware for name in FIRMWARE[kind]}
    return tuple(sorted({*config.image.packages, *firmware}))


def components(config: Config) -> str:
    """The parts of Debian's archive that are needed."""
    return "main non-free-firmware" if config.image.firmware else "main"


def listed_packages(elements: Tuple[Path, ...], architecture: Architecture) -> Tuple[str, ...]:
    """The packages that the elements name for that architecture, sorted (the rule of lifeboat-root's root.d)."""
    names = set()
    for element in elements:
        for path in (element / "packages.d").glob("*"):
            if path.suffix in ("", f".{architecture.debian}"):
                names.update(path.read_text().split("\n"))
    return tuple(sorted(name for line in names for name in line.partition("#")[0].split()))
