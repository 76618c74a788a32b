"""Guest job: machines on other disks than they were saved with; what is made has to be exactly what was planned."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional

from job_comes_back import hands_off

from rescue.detect import detect_hardware
from rescue.plan import Action, RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.codec import decode, dump_plan, load_plan
from rescue.storage.bringup import bring_up
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.storage.teardown import tear_down
from rescue.verify import planned_part, unexplained, verify
from sif.capture.storage import adopt_names, probe_storage
from sif.diff import diff
from sif.enums import Firmware
from sif.model import SystemInformation

TARGET = Path("/mnt/target")
ALL = ("/dev/ubdb", "/dev/ubdc", "/dev/ubdd")


def secrets(_name: str) -> Optional[bytes]:
    return b"pass"


def plan(saved: SystemInformation, case: Any) -> RestorePlan:
    """The plan for the case's disks; the others are somebody else's."""
    hardware = detect_hardware({path: "another case's" for path in ALL if path not in case["disks"]})
    hardware = replace(hardware, arch="x86_64", firmware=Firmware(case["firmware"]))
    made = plan_restore(saved, hardware, decode(RestorePolicy, case["policy"]))
    return load_plan(dump_plan(made))


def differences(saved: SystemInformation, found: RestorePlan) -> List[str]:
    """What a capture shows that is not planned: no adjustment explains anything away here."""
    target = found.target_of(saved)
    bring_up(target, found, secrets)
    wanted = planned_part(target, found)
    storage = probe_storage({match.saved: match.name for match in found.matches}, isolate=True)
    again = adopt_names(storage, wanted).into(wanted)
    unannounced = replace(found, adjustments=())
    return [*map(str, unexplained(diff(wanted, again, identity_only=True), unannounced)), *storage.unsupported]


def run_case(case: Any) -> List[str]:
    saved = decode(SystemInformation, case["saved"])
    tear_down([path.removeprefix("/dev/") for path in case["disks"]])
    found = plan(saved, case)
    codes = {adjustment.code for adjustment in found.adjustments}
    wrong = [f"no adjustment {code}" for code in case["codes"] if code not in codes]
    began = time.monotonic()

    def report(action: Action, state: str, seconds: float) -> None:
        if state == "failed":
            print(f"failed: {action.title}", flush=True)

    rebuild(found, saved, Path("/nothing"), report, secrets=secrets)
    took = time.monotonic() - began
    verify(saved, found)
    wrong += differences(saved, found)
    mount_tree(saved, found, TARGET, secrets=secrets)
    for fs in found.target_of(saved).filesystems:
        if fs.mount:
            (TARGET / fs.mount.strip("/") / "written").write_text("x", "ascii")
    unmount_tree(TARGET)
    tear_down([path.removeprefix("/dev/") for path in case["disks"]])
    print(f"{case['name']}: {len(found.actions)} actions in {took:.1f} s, {len(wrong)} differences", *wrong,
          sep="\n    ", flush=True)
    return wrong


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    hands_off()  # else mdadm's rule takes members out of new arrays when a partition was away for a moment
    cases = json.loads(Path("/bench/machine/cases.json").read_text("utf-8"))
    return 1 if any([run_case(case) for case in cases]) else 0


if __name__ == "__main__":
    sys.exit(main())
