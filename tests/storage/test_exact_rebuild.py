"""A server comes back exactly, on a real kernel: tables, ids, extents, superblocks and geometry."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import PROJECT, Bench, Outcome

MIB = 1 << 20
SERVER_DISKS = (1536 * MIB, 1024 * MIB)
FOREIGN_DISK = 64 * MIB


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(Path(PROJECT, "build", "storage-bench"))
    made.prepare()
    return made


def ended_well(outcome: Outcome) -> None:
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console


@pytest.mark.storage
def test_a_server_is_rebuilt_exactly_on_blank_disks(bench: Bench) -> None:
    """The original is made by direct tools; the rebuild is broken off, run again, and run from records alone."""
    ended_well(bench.start("job_capture", bench.blank_disks(SERVER_DISKS), timeout=600))
    ended_well(bench.start("job_rebuild", bench.blank_disks((*SERVER_DISKS, FOREIGN_DISK)), timeout=900))
