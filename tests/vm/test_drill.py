"""The whole job on virtual machines, with the code people run.

The ISO is $LIFEBOAT_DRILL_ISO, else build/lifeboat-drill.iso (`make drill-iso`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from drill.accel import starts
from drill.evidence import verdict_line
from drill.plan import Order
from drill.progress import Progress
from drill.run import run_drill
from drill.server.tree import server_tree
from drill.spec import Accel
from sif.model import Firmware

pytestmark = pytest.mark.vm
ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("firmware", list(Firmware), ids=lambda firmware: firmware.value)
def test_a_server_comes_back(firmware: Firmware, tmp_path: Path) -> None:
    iso = Path(os.environ.get("LIFEBOAT_DRILL_ISO") or ROOT / "build" / "lifeboat-drill.iso")
    evidence = Path(os.environ.get("LIFEBOAT_EVIDENCE") or tmp_path) / firmware.value
    verdict = run_drill(Order(firmware, iso, evidence), Progress(firmware.value))
    assert verdict.passed, f"{verdict_line(verdict)}: see {evidence}"


def test_the_accelerator_probe_sees_a_kernel_that_starts_and_one_that_does_not(tmp_path: Path) -> None:
    assert starts(server_tree().kernel, Accel.TCG, 120.0)
    broken = tmp_path / "vmlinuz"
    broken.write_bytes(server_tree().kernel.read_bytes()[:20000] + bytes(2 << 20))
    assert not starts(broken, Accel.TCG, 5.0)
