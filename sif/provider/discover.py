"""Providers that Python packages bring: the entry point group ``lifeboat.providers``.

The entry point names a function that takes no arguments and answers the request on standard input, for example one that
calls :func:`sif.provider.serve.serve`.
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Any, Dict, Tuple

GROUP = "lifeboat.providers"
_CALL = "import importlib, sys; sys.exit(getattr(importlib.import_module(sys.argv[1]), sys.argv[2])())"


def entry_points() -> Dict[str, Tuple[str, ...]]:
    """Name → command of each installed one."""
    found: Any = importlib.metadata.entry_points()
    # Python 3.9 gives a mapping of groups, later ones select.
    group = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, ())
    return {point.name: (sys.executable, "-c", _CALL, *point.value.split(":", 1))
            for point in group if ":" in point.value}
