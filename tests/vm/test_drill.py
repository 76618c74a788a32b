"""The whole job on virtual machines, as `make drill` does it; two drills side by side.

By default both servers and both firmwares, each once, and one scenario of other hardware, whose server is one of these
two; with ``DRILLS=all`` each server under each firmware. The ISO is $LIFEBOAT_DRILL_ISO, else build/lifeboat-drill.iso
(`make drill-iso`). The evidence stays in $LIFEBOAT_EVIDENCE, else build/evidence, in a folder for each drill.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Mapping

import pytest

from drill.accel import starts
from drill.matrix import Job, run_jobs
from drill.server.facts import Server
from drill.server.tree import server_tree
from drill.spec import Accel
from sif.model import Firmware

pytestmark = pytest.mark.vm
ROOT = Path(__file__).resolve().parents[2]
CHECKS = 15
"""How many checks the proof of one drill has: a drill that skips some has not passed."""
SCENARIO = "foreign-first"
"""A data disk that the kernel finds first, as large as the lost one: the mistake that nothing would make good."""
AT_ONCE = 2
DRILLS = {f"{server.value}-{firmware.value}": (server, firmware) for server, firmware in (
    (Server.LAYERS, Firmware.UEFI), (Server.PLAIN, Firmware.BIOS),
    *(((Server.PLAIN, Firmware.UEFI), (Server.LAYERS, Firmware.BIOS)) if os.environ.get("DRILLS") == "all" else ()))}


@pytest.fixture(scope="module")
def evidence() -> Path:
    """The folder with the evidence of every drill."""
    iso = Path(os.environ.get("LIFEBOAT_DRILL_ISO") or ROOT / "build" / "lifeboat-drill.iso")
    folder = Path(os.environ.get("LIFEBOAT_EVIDENCE") or ROOT / "build" / "evidence")
    folder.mkdir(parents=True, exist_ok=True)
    jobs = [Job(name, (sys.executable, "-m", "drill", "run", "--server", server.value, "--firmware", firmware.value,
                       "--iso", str(iso), "--evidence", str(folder / name)), folder)
            for name, (server, firmware) in DRILLS.items()]
    # The last: its server's life is in the cache by then.
    jobs.append(Job(SCENARIO, (sys.executable, "-m", "drill", "run", "--scenario", SCENARIO, "--iso", str(iso),
                               "--evidence", str(folder / SCENARIO)), folder))
    with (folder / "drills.log").open("wb") as log:
        run_jobs(jobs, AT_ONCE, log)
    return folder


@pytest.mark.parametrize("name", DRILLS)
def test_a_server_comes_back(name: str, evidence: Path) -> None:
    firmware = DRILLS[name][1].value
    report: Mapping[str, Any] = json.loads((evidence / name / "report.json").read_text("utf-8"))
    assert report["verdict"].startswith(f"DRILL PASSED {firmware} "), f"{report['verdict']}: see {evidence / name}"
    assert [check["ok"] for check in report["checks"]] == [True] * CHECKS


def test_a_data_disk_that_is_found_first_is_left_alone(evidence: Path) -> None:
    report: Mapping[str, Any] = json.loads((evidence / SCENARIO / "report.json").read_text("utf-8"))
    assert report["verdict"].startswith(f"DRILL PASSED {SCENARIO} "), f"{report['verdict']}: see {evidence / SCENARIO}"
    passed = {check["name"] for check in report["checks"] if check["ok"]}
    assert {"foreign disk untouched", "foreign2 disk untouched", "starts from its own disks",
            "every file as in the manifest", "captured again, the machine is the same"} <= passed


def test_the_accelerator_probe_sees_a_kernel_that_starts_and_one_that_does_not(tmp_path: Path) -> None:
    assert starts(server_tree().kernel, Accel.TCG, 120.0)
    broken = tmp_path / "vmlinuz"
    broken.write_bytes(server_tree().kernel.read_bytes()[:20000] + bytes(2 << 20))
    assert not starts(broken, Accel.TCG, 5.0)
