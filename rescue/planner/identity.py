"""How a present disk is known to be a saved one."""

from __future__ import annotations

from typing import Optional

from rescue.hardware import PresentDisk
from sif.model import Disk


def plain_wwn(wwn: Optional[str]) -> str:
    """A WWN without the prefix that tools differ about."""
    text = (wwn or "").strip().lower()
    for prefix in ("wwn-", "0x", "naa."):
        text = text[len(prefix):] if text.startswith(prefix) else text
    return text


def identity(saved: Disk, present: PresentDisk) -> Optional[str]:
    """How the present disk is known to be the saved one itself, or None."""
    if plain_wwn(saved.wwn) and plain_wwn(saved.wwn) == plain_wwn(present.wwn):
        return f"the recorded disk itself (WWN {saved.wwn})"
    serial = (saved.serial or "").strip()
    if serial and serial == (present.serial or "").strip():
        return f"the recorded disk itself (serial {serial})"
    return None
