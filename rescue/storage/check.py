"""Does what was made have the properties it should have."""

from __future__ import annotations

from typing import Dict, Tuple

from rescue.storage.errors import RebuildFailed
from rescue.storage.signatures import superblock


def require_superblock(path: str, wanted: Dict[str, str]) -> None:
    """Raise :class:`RebuildFailed` unless the device itself (not udev's memory of it) says what it should."""
    found = superblock(path, wanted["TYPE"])
    require("superblock", path, tuple(
        f"{name} is {found.get(name, '')!r}, not {value!r}" for name, value in wanted.items()
        if found.get(name, "").lower() != value.lower()))


def require(what: str, where: str, differences: Tuple[str, ...]) -> None:
    """Raise :class:`RebuildFailed` with the differences, if there are any."""
    if differences:
        raise RebuildFailed(f"the {what} did not come out as saved", where=where, found="; ".join(differences),
                            wanted="what the SIF says", hint="keep the logs and report this; the disk is incomplete")
