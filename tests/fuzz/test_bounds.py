"""Reading the largest and worst sets stays within the memory and the processor time that are promised."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.bounds import MEMORY_MB, SETS, TEXT_MEMORY_MB

ROOT = Path(__file__).resolve().parents[2]
ANSWERS = {"numbers": "sound", "strings": "sound", "keys": "sound", "references": "SIF_INVALID",
           "wrong-lines": "SIF_SYNTAX", "wrong-values": "SIF_SYNTAX", "files": "SIF_SET_BROKEN"}


def in_bounds(kind: str, directory: Path) -> "subprocess.CompletedProcess[str]":
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run([sys.executable, "-m", "fuzz.bounds", kind, str(directory)], capture_output=True, text=True,
                          check=False, cwd=ROOT, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.parametrize("kind", SETS)
def test_the_worst_set_of_its_kind_is_read_within_the_memory_that_is_promised(kind: str, tmp_path: Path) -> None:
    for name, data in SETS[kind]().items():
        (tmp_path / name).write_bytes(data)
    ran = in_bounds(kind, tmp_path)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert ran.stdout.splitlines()[0] == ANSWERS[kind], ran.stdout
    peak = re.search(r"peak (\d+) MiB", ran.stdout)
    assert peak
    assert int(peak.group(1)) <= (MEMORY_MB if kind == "files" else TEXT_MEMORY_MB), ran.stdout


def test_no_check_takes_the_square_of_the_number_of_sections(tmp_path: Path) -> None:
    ran = in_bounds("sections", tmp_path)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert "every check came to its end" in ran.stdout
