"""Reserved partitions on a real kernel: imaged, restored over anything, left alone where they survived."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20


@pytest.mark.storage
def test_reserved_partitions_are_restored_sector_by_sector_and_kept_where_identical() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_raw", bench.blank_disks((256 * MIB, 256 * MIB)), timeout=600)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
