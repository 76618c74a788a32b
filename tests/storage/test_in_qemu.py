"""A rebuild under Debian's own kernel, on virtio disks. With ``ENGINE=qemu`` all cases here run there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20
DISKS = 2


@pytest.mark.storage
def test_disks_are_rebuilt_in_qemu() -> None:
    """Each with four partitions and file systems; a capture proves what was made."""
    bench = Bench(Path(PROJECT, "build", "storage-bench"), engine="qemu")
    bench.prepare()
    (bench.root / "bench/machine").mkdir()
    (bench.root / "bench/machine/options.json").write_text(json.dumps({"disks": DISKS}), "utf-8")
    outcome = bench.start("job_rebuild_scale", bench.blank_disks([64 * MIB] * DISKS), timeout=120)
    assert outcome.status == 0, outcome.log + outcome.console
    found = json.loads((bench.out / "rebuild_scale.json").read_text("utf-8"))
    assert len([action for action in found["actions"] if action.startswith("fs:")]) == 4 * DISKS
    assert found["plan"] < 1.0
