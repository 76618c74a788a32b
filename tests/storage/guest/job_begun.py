"""Guest job: a rebuild that is killed is known again by what it left, and by nothing less; a second run finishes it."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

from interruption import killed_at, reporter
from job_comes_back import SET, blank, differences, made, plan, secrets
from job_isolation import as_in_the_image
from job_killed import cuts

from rescue.begun import with_begun
from rescue.detect import detect_hardware
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.consent import unattended_verdict
from rescue.storage import marks
from rescue.storage.rebuild import rebuild
from rescue.storage.teardown import tear_down
from sif.model import Overwrite, SystemInformation

DIGEST = "ab" * 32
OTHER = "cd" * 32
SIGKILL = 9


def run_until(saved: SystemInformation, now: RestorePlan, cut: Optional[str]) -> int:
    """Rebuild with marks in a process of its own, killed at the cut if there is one; how it ended."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    status = 1
    try:
        on_event = killed_at(cut) if cut else lambda action, state: None
        leave = marks.marks_of(now, saved, DIGEST).leave
        rebuild(now, saved, SET, reporter(on_event), secrets=secrets, leave_mark=leave)
        status = 0
    except BaseException:  # noqa: BLE001 - a child must not return into its parent's code
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def planned(saved: SystemInformation, digest: str = DIGEST) -> RestorePlan:
    """The plan that a start of the medium makes now, without the old disks' serial numbers to help it."""
    hardware = replace(detect_hardware({}), arch=saved.system.arch, firmware=saved.system.firmware)
    return plan_restore(saved, with_begun(hardware, saved, digest, marks.look), RestorePolicy(parse_disk_map(
        [f"{disk.id}={disk.device}" for disk in saved.disks])))


def granted(now: RestorePlan) -> bool:
    """Whether an unattended run goes on, under the strictest policy."""
    return unattended_verdict(now, Overwrite.BLANK_ONLY).granted


def clean(saved: SystemInformation) -> None:
    tear_down([disk.device for disk in saved.disks if disk.device])
    blank(saved)


def cut_off(saved: SystemInformation, cut: str) -> List[str]:
    """What is wrong with one cut and the run after it."""
    clean(saved)
    if run_until(saved, planned(saved), cut) != SIGKILL:
        return ["the rebuild was not killed"]
    found = [] if granted(planned(saved)) else ["the next run does not know its disks again"]
    tear_down([disk.device for disk in saved.disks if disk.device])
    if not granted(planned(saved)):
        found.append("nor when nothing is running on them")
    if run_until(saved, planned(saved), None) != 0:
        return [*found, "the second run failed"]
    return [*found, *differences(saved, plan(saved))]


def strangers(saved: SystemInformation) -> List[str]:
    """Disks that are not as the interrupted run left them must ask for a consent. Call it after a whole rebuild."""
    wrong: List[str] = []
    tear_down([disk.device for disk in saved.disks if disk.device])
    now = planned(saved)
    if not granted(now):
        wrong.append("the finished rebuild is not known")
    if granted(planned(saved, OTHER)):
        wrong.append("a run of another set takes it for its own")
    esp = next(part for part in saved.partitions if part.number == 1)
    node = f"{now.path_of(esp.disk)}1"
    with Path(node).open("rb") as stream:
        was = stream.read(1 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", node, "512"], check=True)
    if granted(planned(saved)):
        wrong.append("a foreign file system in a partition is taken for ours")
    subprocess.run(["wipefs", "-qaf", node], check=True)
    with Path(node).open("r+b") as stream:
        stream.write(was)
    if not granted(planned(saved)):
        wrong.append("put back, it is not known")
    marks.take_away([match.path for match in now.matches])
    if granted(planned(saved)):
        wrong.append("without its mark it is taken for ours: a clone would be, too")
    return wrong


def main() -> int:
    as_in_the_image()
    saved = made().info
    wrong = 0
    for cut in (cut for cut in cuts(saved) if not cut.startswith("half:")):
        found = cut_off(saved, cut)
        wrong += bool(found)
        print(f"{cut}: {'; '.join(found) or 'known again and finished'}", flush=True)
    found = strangers(saved)
    wrong += bool(found)
    print(f"strangers: {'; '.join(found) or 'ask for consent'}", flush=True)
    clean(saved)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
