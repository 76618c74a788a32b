"""A disk that two paths lead to is captured once and rebuilt once, through its map: real SCSI paths, so in QEMU."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from bench import PROJECT, Bench

MIB = 1 << 20
LAYOUT = Path(__file__).parent / "layouts/two_paths.sh"

pytestmark = [pytest.mark.storage, pytest.mark.skipif(
    os.environ.get("KINDS") != "all", reason="minutes in QEMU, which has real paths: KINDS=all; scsi_debug's are in "
    "test_comes_back[multipath]")]


def test_a_disk_with_two_paths_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE", "qemu")
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    folder = bench.root / "bench/machine"
    folder.mkdir()
    shutil.copy(LAYOUT, folder / "layout.sh")
    disk = bench.root / "bench/disks/twice.img"
    with disk.open("wb") as file:
        file.truncate(256 * MIB)
    disks = (*bench.blank_disks((MIB,)), f"twice1=/bench/disks/{disk.name}")
    outcome = bench.start("job_comes_back", disks, timeout=300)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
