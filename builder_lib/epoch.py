"""The one time stamp that everything built gets (https://reproducible-builds.org/specs/source-date-epoch/)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Mapping

from builder_lib.errors import BuildFailed
from builder_lib.options import BuildOptions

VARIABLE = "SOURCE_DATE_EPOCH"


def epoch(options: BuildOptions, environ: Mapping[str, str] = os.environ) -> int:
    """Seconds since 1970: of the environment, else of the configuration. Raises :class:`BuildFailed`."""
    given = environ.get(VARIABLE)
    if given is None:
        return options.config.image.epoch
    if not given.isdecimal() or int(given) >= 1 << 32:
        raise BuildFailed("this is no time stamp", where=VARIABLE, found=repr(given), wanted="seconds since 1970")
    return int(given)


def reproducible(options: BuildOptions) -> Dict[str, str]:
    """The environment for programs that pack: time stamps, time zone, order of Python's sets."""
    return {VARIABLE: str(epoch(options)), "TZ": "UTC", "PYTHONHASHSEED": "0"}


def clamp(root: Path, seconds: int) -> None:
    """Give everything below ``root``, and itself, one time stamp."""
    for path in (*root.rglob("*"), root):
        os.utime(path, (seconds, seconds), follow_symlinks=False)
