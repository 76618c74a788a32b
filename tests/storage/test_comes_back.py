"""Every recorded machine comes back: made, captured, destroyed, rebuilt, captured again, compared; on a real kernel."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Sequence

import pytest
from bench import PROJECT, Bench

sys.path.insert(0, str(Path(PROJECT, "tests/machines")))
from machine_capture import MACHINES, names  # noqa: E402
from record_machines import disks_of  # noqa: E402

CHOSEN = (
    "md1-lvm", "lvm-thin", "lvm-on-luks-on-md", "filesystems", "btrfs-raid1", "windows", "bcache", "multipath",
)
"""The machines that together use every tool; they are rebuilt by default, the others too with ``KINDS=all``."""

OTHERS = (
    "zoo", "gpt-lvm-linear", "gpt-hybrid", "gpt-odd", "gpt-no-backup", "mbr-logical", "mbr_chain", "disk-4kn",
    "lvm-raid", "lvm-cache", "lvm-pools", "lvm-groups", "lvm-snapshot", "md-levels", "md-flags", "md-degraded",
    "md-on-lvm", "md-on-luks", "luks1-data", "luks2-data", "luks2-integrity", "luks-on-lvm", "btrfs-root",
    "btrfs-on-luks",
)

REFUSED = ("foreign", "foreign-refused", "gpt-damaged", "lvm-inactive", "lvm-partial", "lvm-unknown", "md-container",
           "md-partitioned")
"""What ``sif capture`` refuses by name, or takes only without the part it cannot describe; the recordings say why."""

pytestmark = pytest.mark.storage


@pytest.fixture(scope="module")
def bench() -> Bench:
    made = Bench(Path(PROJECT, "build", "storage-bench"))
    made.prepare()
    return made


def wanted() -> Sequence[str]:
    """``MACHINES="name ..."`` for some, ``KINDS=all`` for all."""
    return os.environ.get("MACHINES", "").split() or CHOSEN + (OTHERS if os.environ.get("KINDS") == "all" else ())


def layout_of(name: str) -> Path:
    """A recorded machine's layout, or one that only this bench has."""
    recorded = MACHINES / name / "layout.sh"
    return recorded if recorded.exists() else Path(__file__).parent / "layouts" / f"{name}.sh"


def test_every_recorded_machine_is_rebuilt_or_refused() -> None:
    assert sorted((*CHOSEN, *OTHERS, *REFUSED)) == sorted((*names(), "mbr_chain"))


@pytest.mark.parametrize("name", wanted())
def test_a_machine_comes_back(bench: Bench, name: str) -> None:
    folder = bench.root / "bench/machine"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    shutil.copy(layout_of(name), folder / "layout.sh")
    disks = disks_of(bench, (folder / "layout.sh").read_text("utf-8"), name)
    outcome = bench.start("job_comes_back", disks, timeout=900)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
