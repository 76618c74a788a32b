"""A LUKS header from the secrets file opens the volume again, on a real kernel with the real cryptsetup."""

from __future__ import annotations

from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20


@pytest.mark.storage
def test_a_destroyed_header_comes_back_from_the_secret() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    outcome = bench.start("job_luks_header", bench.blank_disks((32 * MIB, 32 * MIB)), timeout=300)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
