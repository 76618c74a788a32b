"""The whole job on virtual machines, with the command people run; both firmwares side by side.

The server with layers is drilled under UEFI only, with ``DRILLS=all`` under both (``make drill SERVER=layers
FIRMWARE=bios,uefi`` is the same without pytest). The ISO is $LIFEBOAT_DRILL_ISO, else build/lifeboat-drill.iso
(`make drill-iso`). The evidence stays in $LIFEBOAT_EVIDENCE, else build/evidence (that of the server with layers
beside it).
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Mapping

import pytest

from drill.accel import starts
from drill.server.facts import Server
from drill.server.tree import server_tree
from drill.spec import Accel
from sif.model import Firmware
from sif.run import spawn

pytestmark = pytest.mark.vm
ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600.0
CHECKS = 15
"""How many checks the proof of one drill has: a drill that skips some has not passed."""


BOTH = tuple(firmware.value for firmware in Firmware)
FIRMWARES = {Server.PLAIN.value: BOTH,
             Server.LAYERS.value: BOTH if os.environ.get("DRILLS") == "all" else (Firmware.UEFI.value,)}


@pytest.fixture(scope="module")
def evidence(request: pytest.FixtureRequest) -> Path:
    """The evidence folder of one run of the drills of a server."""
    iso = Path(os.environ.get("LIFEBOAT_DRILL_ISO") or ROOT / "build" / "lifeboat-drill.iso")
    folder = Path(os.environ.get("LIFEBOAT_EVIDENCE") or ROOT / "build" / "evidence")
    if request.param != Server.PLAIN.value:
        folder = folder.with_name(f"{folder.name}-{request.param}")
    folder.mkdir(parents=True, exist_ok=True)
    argv = (sys.executable, "-m", "drill", "run-all", "--firmware", ",".join(FIRMWARES[request.param]), "--iso",
            str(iso), "--evidence", str(folder), "--server", request.param)
    with (folder / "drills.log").open("wb") as log:
        process = spawn(argv, log=log)
        try:
            assert process.wait(HOUR) is not None, f"the drills did not end: see {folder}"
        finally:
            process.stop()
    return folder


@pytest.mark.parametrize(("evidence", "firmware"), [
    (server, firmware) for server, firmwares in FIRMWARES.items() for firmware in firmwares], indirect=["evidence"])
def test_a_server_comes_back(firmware: str, evidence: Path) -> None:
    report: Mapping[str, Any] = json.loads((evidence / firmware / "report.json").read_text("utf-8"))
    assert report["verdict"].startswith(f"DRILL PASSED {firmware} "), f"{report['verdict']}: see {evidence / firmware}"
    assert [check["ok"] for check in report["checks"]] == [True] * CHECKS


def test_the_accelerator_probe_sees_a_kernel_that_starts_and_one_that_does_not(tmp_path: Path) -> None:
    assert starts(server_tree().kernel, Accel.TCG, 120.0)
    broken = tmp_path / "vmlinuz"
    broken.write_bytes(server_tree().kernel.read_bytes()[:20000] + bytes(2 << 20))
    assert not starts(broken, Accel.TCG, 5.0)
