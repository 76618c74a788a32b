"""Providers that Python packages bring: the entry point group ``lifeboat.providers``.

The entry point names a function that takes no arguments and answers the request on standard input, for example one that
calls :func:`sif.provider.serve.serve`.
"""

from __future__ import annotations

import importlib.metadata
import sys
from typing import Dict, Tuple

GROUP = "lifeboat.providers"
_CALL = ("import functools, importlib, sys; sys.path.append(sys.argv[3]); sys.exit(functools.reduce("
         "getattr, sys.argv[2].split('.'), importlib.import_module(sys.argv[1]))())")


def entry_points() -> Dict[str, Tuple[str, ...]]:
    """Name → command of each installed one; of two packages that bring the same name, the first on the path."""
    found: Dict[str, Tuple[str, ...]] = {}
    for package in importlib.metadata.distributions():
        for point in package.entry_points:
            module, colon, function = point.value.partition("[")[0].strip().partition(":")
            if point.group == GROUP and colon:
                # where the package lies: the provider's own Python need not look there
                found.setdefault(point.name, (sys.executable, "-c", _CALL, module.strip(), function.strip(),
                                              str(package.locate_file(""))))
    return found
