"""Whether a device that no tool recognises holds anything."""

from __future__ import annotations

from pathlib import Path

from sif import look

_EDGE = 1 << 20
_SAMPLES = 64
_SAMPLE = 4096


def holds_data(path: str) -> bool:
    """Whether anything but zeros is found at both ends of a device or at places spread over it. Raises OSError."""
    return look.ask("holds_data", (path,), lambda: _sampled(path))


def _sampled(path: str) -> bool:
    with Path(path).open("rb", buffering=0) as device:
        size = device.seek(0, 2)
        step = max((size - 2 * _EDGE) // _SAMPLES, _SAMPLE)
        between = ((start, _SAMPLE) for start in range(_EDGE, max(size - _EDGE, 0), step))
        for start, length in ((0, _EDGE), (max(size - _EDGE, 0), _EDGE), *between):
            device.seek(start)
            if device.read(length).strip(b"\0"):
                return True
    return False
