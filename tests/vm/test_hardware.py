"""Other hardware: two scenarios of the matrix in which a wrong decision would destroy much, side by side.

`make test-hardware` does all of them. `foreign-first` is in test_drill.py, which always runs.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any, Mapping

import pytest

from sif.run import spawn

pytestmark = [pytest.mark.vm, pytest.mark.hardware]
ROOT = Path(__file__).resolve().parents[2]
HOUR = 3600.0
CHOSEN = ("other-system", "same-group")


@pytest.fixture(scope="module")
def evidence() -> Path:
    """The evidence folders of one run of the chosen scenarios."""
    iso = Path(os.environ.get("LIFEBOAT_DRILL_ISO") or ROOT / "build" / "lifeboat-drill.iso")
    folder = Path(os.environ.get("LIFEBOAT_EVIDENCE") or ROOT / "build" / "evidence")
    folder = folder.with_name(f"{folder.name}-hardware")
    folder.mkdir(parents=True, exist_ok=True)
    argv = (sys.executable, "-m", "drill", "matrix", "--scenario", ",".join(CHOSEN), "--iso", str(iso),
            "--evidence", str(folder))
    with (folder / "drills.log").open("wb") as log:
        process = spawn(argv, log=log)
        try:
            assert process.wait(HOUR) is not None, f"the scenarios did not end: see {folder}"
        finally:
            process.stop()
    return folder


@pytest.mark.parametrize(("scenario", "bystanders"), [
    ("same-group", {"bystander disk"}), ("other-system", set())])
def test_a_server_comes_back_on_other_hardware(scenario: str, bystanders: "set[str]", evidence: Path) -> None:
    report: Mapping[str, Any] = json.loads((evidence / scenario / "report.json").read_text("utf-8"))
    assert report["verdict"].startswith(f"DRILL PASSED {scenario} "), f"{report['verdict']}: see {evidence / scenario}"
    passed = {check["name"] for check in report["checks"] if check["ok"]}
    assert {"starts from its own disks", "every file as in the manifest", "captured again, the machine is the same",
            "the plan adapted what it had to, and nothing else"} <= passed
    assert {f"{name} untouched" for name in bystanders} <= passed
    assert ("without consent nothing is written" in passed) == (scenario == "other-system")
