"""How much of a rebuild may go on at once."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Dict, Optional, Sequence

from rescue.plan import DiskMatch
from rescue.storage.site import Secrets

_FLASH = 4
"""Writers at once on a disk without moving parts. On others a second one only makes the heads travel."""

_FEWEST = 4
"""Actions at once that also a single processor is given."""

_SYS = Path("/sys/class/block")


def workers_for(matches: Sequence[DiskMatch]) -> int:
    """How many actions run at once: most of the time they wait, for their disk or for udev."""
    return max(1, min(len(matches) * _FLASH, max(_FEWEST, 2 * (os.cpu_count() or 1))))


def room_of(matches: Sequence[DiskMatch], sys: Path = _SYS) -> Dict[str, int]:
    """How many actions may write to each disk at once, by its kernel name."""
    return {match.name: 1 if _rotates(sys / match.name) else _FLASH for match in matches}


def _rotates(folder: Path) -> bool:
    try:
        return (folder / "queue/rotational").read_text("ascii").strip() != "0"
    except OSError:
        return True


def one_by_one(secrets: Secrets) -> Secrets:
    """The same answers, asked for by one thread at a time: a person may be asked."""
    lock = threading.Lock()

    def ask(name: str) -> Optional[bytes]:
        with lock:
            return secrets(name)
    return ask
