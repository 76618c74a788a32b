"""How far a restore program is, from the lines it prints. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Optional

from sif.model import Progress

_PERCENT = re.compile(r"(?<![\d.])(\d{1,3}(?:\.\d+)?) ?%")
_CHECKPOINT = re.compile(r"tar: (?:Read|Write) checkpoint (\d+)")
_RECORD_BYTES = 10240


@dataclass(frozen=True)
class Reading:
    """``fraction`` lies in 0..1 and is None when a line tells only what is done; ``text`` is for people."""

    fraction: Optional[float]
    text: str


def read_progress(line: str, kind: Progress, total_bytes: int = 0) -> Optional[Reading]:
    """What a line says about progress, or None. ``total_bytes`` scales tar's checkpoints."""
    if kind is Progress.JSON_LINES:
        return _json_line(line)
    if kind is Progress.LINES:
        return _checkpoint(line, total_bytes) or _percent(line)
    return None


def _json_line(line: str) -> Optional[Reading]:
    """restic's `restore --json` status lines (percent_done is a fraction); other programs may use the same keys."""
    if not line.startswith("{"):
        return None
    try:
        data = json.loads(line)
    except ValueError:
        return None
    fraction = data.get("percent_done")
    if not isinstance(fraction, (int, float)) or isinstance(fraction, bool):
        return None
    parts = []
    if isinstance(data.get("bytes_restored"), int) and isinstance(data.get("total_bytes"), int):
        parts.append(f"{data['bytes_restored'] / 1048576:.0f} of {data['total_bytes'] / 1048576:.0f} MiB")
    if isinstance(data.get("files_restored"), int) and isinstance(data.get("total_files"), int):
        parts.append(f"{data['files_restored']} of {data['total_files']} files")
    return Reading(min(max(float(fraction), 0.0), 1.0), ", ".join(parts))


def _checkpoint(line: str, total_bytes: int) -> Optional[Reading]:
    """GNU tar's `--checkpoint` lines; a checkpoint counts records of 10 KiB."""
    match = _CHECKPOINT.search(line)
    if match is None:
        return None
    done = int(match.group(1)) * _RECORD_BYTES
    return Reading(min(done / total_bytes, 1.0) if total_bytes > 0 else None, f"{done / 1048576:.0f} MiB read")


def _percent(line: str) -> Optional[Reading]:
    match = _PERCENT.search(line)
    return Reading(min(float(match.group(1)) / 100, 1.0), "") if match else None
