"""A short run of every fuzz target; `make fuzz` runs them for an hour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import List

import pytest

from fuzz import mutate
from fuzz.__main__ import SHORT_SECONDS
from fuzz.seeds import dictionary, seeds, words
from fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]


def fuzz(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the fuzzer as a person would."""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return subprocess.run([sys.executable, "-m", "fuzz", *arguments], cwd=ROOT, capture_output=True, text=True,
                          errors="replace", check=False, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.parametrize("target", TARGETS)
def test_a_short_run_finds_nothing(target: str, tmp_path: Path) -> None:
    ran = fuzz(target, "--seconds", str(SHORT_SECONDS), "--keep", str(tmp_path))
    report = "\n".join(line for line in ran.stderr.splitlines() if "Error" in line or "stat::" in line)
    print(ran.stdout, report)
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "coverage-guided, atheris" in ran.stdout or "blind mutation, not guided by coverage" in ran.stdout
    assert not list((tmp_path / "findings" / target).glob("*"))


@pytest.mark.parametrize("target", TARGETS)
def test_every_seed_and_every_past_finding_holds(target: str) -> None:
    found = seeds(target)
    assert found
    for seed in found:
        TARGETS[target](seed)


def test_without_coverage_the_output_says_so(tmp_path: Path) -> None:
    ran = fuzz("manifest", "--engine", "mutation", "--runs", "300", "--keep", str(tmp_path))
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert "blind mutation, not guided by coverage" in ran.stdout
    assert "Done 300 runs" in ran.stdout


def test_an_input_that_breaks_a_promise_is_kept(tmp_path: Path) -> None:
    def target(data: bytes) -> None:
        if b"[POLICY" in data:
            raise AssertionError("found")

    def run(seed: List[bytes]) -> int:
        return mutate.run(target, seed, [word.encode() for word in words()], seconds=60, runs=50000, limit=10, seed=1,
                          findings=tmp_path)

    with pytest.raises(AssertionError, match="found"):
        run([b"[A]\n"])
    kept = list(tmp_path.iterdir())
    assert len(kept) == 1
    assert b"[POLICY" in kept[0].read_bytes()


def test_the_dictionary_has_every_kind() -> None:
    assert '"\\x0a[DISK "' in dictionary()
    assert all(line.count('"') == 2 for line in dictionary().splitlines())
