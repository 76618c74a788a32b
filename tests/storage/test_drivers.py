"""Modules of a set are loaded by a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20


@pytest.mark.storage
def test_modules_are_captured_with_their_closure_and_loaded_from_the_set() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_drivers", bench.blank_disks((64 * MIB,)), timeout=300)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
