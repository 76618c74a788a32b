"""Loads blivet while the agent still looks for the medium: it takes seconds, and is needed only for the rebuild."""

from __future__ import annotations

import contextlib
import importlib
import threading


def preload() -> threading.Thread:
    """Begin to import what the rebuild needs, in a thread that nobody has to wait for.

    Where it fails it will fail again, and be reported, when the rebuild needs it.
    """
    thread = threading.Thread(target=_load, name="preload", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    with contextlib.suppress(Exception):
        importlib.import_module("rescue.storage.rebuild")
