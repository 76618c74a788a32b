"""A capture only reads: proved on a real kernel, with nothing mounted and with everything mounted."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20


@pytest.mark.storage
def test_a_capture_with_every_option_writes_nothing_and_causes_no_event() -> None:
    """Blocks, mounts, LVM, times and the kernel's counters are equal; each of seven violations is noticed."""
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_readonly", bench.blank_disks((192 * MIB, 96 * MIB, 32 * MIB)), timeout=900)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
