"""Disks in use are freed and rebuilt; disks outside the plan stay as they are, whatever names and uuids they share."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Sequence

import pytest
from bench import PROJECT, Bench

sys.path.insert(0, str(Path(PROJECT, "tests/machines")))
from machine_capture import MACHINES  # noqa: E402

MIB = 1 << 20


pytestmark = pytest.mark.storage


def run_job(job: str, machine: str, disks: Sequence[int]) -> None:
    """Run a job on that machine's layout and blank disks of those MiB."""
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    folder = bench.root / "bench/machine"
    folder.mkdir(exist_ok=True)
    shutil.copy(MACHINES / machine / "layout.sh", folder)
    outcome = bench.start(job, bench.blank_disks([size * MIB for size in disks]), timeout=900)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console


def test_disks_in_use_are_freed_and_others_are_not_touched() -> None:
    run_job("job_isolation", "lvm-on-luks-on-md", (400, 400, 400, 400, 64, 64, 32))


def test_a_copy_of_a_btrfs_is_neither_mounted_nor_touched() -> None:
    run_job("job_btrfs_copy", "btrfs-raid1", (400, 260, 400, 260))
