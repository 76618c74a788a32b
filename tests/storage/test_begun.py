"""A rebuild that was interrupted goes on without a second consent, and a disk that only looks like one does not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from bench import PROJECT, Bench
from test_interrupted import ordered

CUTS = "after:table:d1 in:luks:luks_md_crypt"

pytestmark = pytest.mark.storage


def test_a_begun_rebuild_is_known_again_and_a_stranger_is_not() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_begun", ordered(bench, os.environ.get("CUTS", CUTS)), timeout=3 * 3600)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
