"""A rebuild that is interrupted anywhere is finished by a second one, which does nothing twice.

Of the matrix a few cuts run by default; ``CUTS=all`` is every action, killed in its middle and after it, and the power
cut after every one.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Tuple

import pytest
from bench import PROJECT, Bench

sys.path.insert(0, str(Path(PROJECT, "tests/machines")))
from record_machines import disks_of  # noqa: E402

LAYOUT = Path(__file__).parent / "layouts/every_layer.sh"
KILLED = "half:vg:vg1 in:fs:root"
CUT = "after:luks:luks_md_crypt after:swap:swap0"
"""A few of the matrix: every layer is kept once, and begun once."""

pytestmark = pytest.mark.storage


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(Path(PROJECT, "build", "storage-bench"))
    made.prepare()
    return made


def ordered(bench: Bench, cuts: str) -> Tuple[str, ...]:
    """The layout and the cuts handed to the guest; returns its blank disks."""
    folder = bench.root / "bench/machine"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(LAYOUT, folder / "layout.sh")
    (folder / "cuts").write_text(cuts, "utf-8")
    return disks_of(bench, LAYOUT.read_text("utf-8"), LAYOUT.stem)


def test_a_killed_rebuild_is_finished_by_the_next(bench: Bench) -> None:
    outcome = bench.start("job_killed", ordered(bench, os.environ.get("CUTS", KILLED)), timeout=6 * 3600)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console


def test_a_rebuild_whose_power_was_cut_is_finished_by_the_next(bench: Bench) -> None:
    """Each cut is what the disks hold at that moment, found by a machine that has just started."""
    chosen = os.environ.get("CUTS", CUT)
    outcome = bench.start("job_power", ordered(bench, chosen), timeout=3600)
    assert outcome.status == 0, outcome.log + outcome.console
    failed = []
    cuts = sorted((bench.out / "cuts").iterdir(), key=lambda folder: folder.stat().st_mtime)
    assert cuts
    for folder in cuts:
        (bench.root / "bench/machine/cut").write_text(folder.name, "utf-8")
        disks = [f"ubd{number}=/bench/out/cuts/{folder.name}/{image.name}"
                 for number, image in enumerate(sorted(folder.glob("*.img")), 1)]
        outcome = bench.start("job_resumed", disks, timeout=1200)
        print(outcome.log)
        if outcome.status != 0:
            failed.append(folder.name + "\n" + outcome.log + (outcome.console if outcome.status is None else ""))
        shutil.rmtree(folder)
    assert not failed, "\n".join(failed)
