"""Guest job: a rebuild over an old system, and copies of the disks at each cut: what a power cut leaves.

What the kernel has not written yet is not in the copy, as the files behind the disks are read, not the disks.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Dict

from interruption import events, in_child
from job_comes_back import SET, TARGET, made, plan
from job_isolation import as_in_the_image
from job_killed import CUTS, use
from records import dump_saved
from server_layout import tool

from rescue.plan import Action
from sif.model import SystemInformation

OUT = Path("/bench/out")
DISKS = Path("/bench/disks")
TRIES = 10


def written() -> Dict[str, int]:
    """When each disk was last written. Actions that run meanwhile come to rest: their reports wait for ours."""
    # The files are read through another file system than the disks write them: forget what it remembers.
    Path("/proc/sys/vm/drop_caches").write_text("3")
    return {image.name: image.stat().st_mtime_ns for image in DISKS.iterdir()}


def copy_disks(where: Path) -> None:
    where.mkdir(parents=True)
    for _ in range(TRIES):
        before = written()
        for image in DISKS.iterdir():
            tool("cp", "--sparse=always", str(image), str(where / image.name))
        if written() == before:
            break  # else one disk was copied later than the other: no power cut leaves that
    (where / "done.json").write_text(json.dumps(events().done))


def main() -> int:
    as_in_the_image()
    saved: SystemInformation = made().info
    shutil.copytree(SET, OUT / "set")
    (OUT / "saved.json").write_text(dump_saved(saved), "utf-8")
    TARGET.mkdir()
    use(saved)
    words = CUTS.read_text("utf-8").split()
    wanted = [action.id for action in plan(saved).actions] if words == ["all"] else [
        word.partition(":")[2] for word in words]

    unknown = set(wanted) - {action.id for action in plan(saved).actions}
    if unknown:
        print("no such actions:", *unknown)
        return 1

    def on_event(action: Action, state: str) -> None:
        if state == "finished" and action.id in wanted:
            copy_disks(OUT / "cuts" / action.id.replace(":", "-"))  # a colon splits the names of disks

    return in_child(saved, SET, on_event)


if __name__ == "__main__":
    sys.exit(main())
