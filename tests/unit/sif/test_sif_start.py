"""What a capture loads: Python's start and imports are most of what it takes beside its tools."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import sif

HEAVY = {"dataclasses", "inspect", "uuid", "tempfile", "random", "shutil", "lzma", "bz2", "difflib", "socket",
         "platform", "subprocess", "selectors", "hashlib", "datetime", "base64", "concurrent.futures",
         "importlib.metadata", "logging", "asyncio", "unittest", "ssl"}
"""Modules of the standard library that cost more than a capture's own work, each with a dozen others behind it."""

NOT_ASKED_FOR = {"sif.reader", "sif.diff", "sif.jsonform", "sif.catalog.text", "sif.secrets.age", "sif.raw.image",
                 "sif.provider.client", "sif.drivers.collect", "sif.convert", "sif.edit.sets", "sif.signature"}
"""Ours, for what a plain capture does not do."""


def loaded(statement: str) -> "set[str]":
    """The modules that a fresh interpreter has loaded after a statement; site and its hooks left out."""
    project = str(Path(sif.__file__).parents[1])
    program = f"import sys\nsys.path.insert(0, {project!r})\n{statement}\nprint(*sys.modules)"
    shown = subprocess.run([sys.executable, "-I", "-S", "-c", program], check=True, capture_output=True, text=True)
    return set(shown.stdout.split())


def test_a_capture_does_not_load_what_it_does_not_use() -> None:
    found = loaded("from sif.cli import parser\nparser('capture').parse_args(['capture', '--output', '/x'])")
    assert {"sif.capture", "sif.writer"} <= found  # else this test sees nothing
    assert sorted(HEAVY & found) == []
    assert sorted(NOT_ASKED_FOR & found) == []
