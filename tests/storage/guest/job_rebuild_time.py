"""Guest job: how long a rebuild takes, against a hand-written script of direct tools for the same layout.

The layout in /bench/machine is made and captured; then, in turn, the disks are cleared and the script or the rebuild
makes them again, each checked by a capture. What is measured goes to /bench/out/rebuild_time.json.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List

import job_comes_back as machine
from records import dump_saved

from rescue.storage.teardown import tear_down
from sif.model import SystemInformation

SAVED = Path("/tmp/saved.json")
RESULT = Path("/bench/out/rebuild_time.json")
OPTIONS = json.loads(Path("/bench/machine/options.json").read_text("utf-8"))


def clear(saved: SystemInformation) -> None:
    """Take down what is there and make the disks blank."""
    tear_down([str(disk.device) for disk in saved.disks])
    for disk in saved.disks:
        subprocess.run(["blkdiscard", "-f", "-z", f"/dev/{disk.device}"], check=True)
        subprocess.run(["partx", "-d", f"/dev/{disk.device}"], check=False, stderr=subprocess.DEVNULL)
    machine.sh("udevadm settle")


def cost() -> Dict[str, float]:
    """Processor seconds of finished programs, and how much udev has been told by now."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {"cpu": used.ru_utime + used.ru_stime, "events": float(Path("/sys/kernel/uevent_seqnum").read_text("ascii"))}


def direct() -> Dict[str, Any]:
    before, began = cost(), time.monotonic()
    machine.sh(f"SET={machine.SET}; . /bench/machine/direct.sh; again")
    took, after = time.monotonic() - began, cost()
    return {"direct": took, **{f"direct {name}": after[name] - before[name] for name in after}}


def ours(*options: str) -> Dict[str, Any]:
    before, began = cost(), time.monotonic()
    done = subprocess.run([sys.executable, "/bench/tests/storage/guest/rebuild_once.py", str(SAVED), str(machine.SET),
                           *options], stdout=subprocess.PIPE, text=True, check=True)
    took, after = time.monotonic() - began, cost()
    return {**json.loads(done.stdout.splitlines()[-1]), "process": took,
            **{f"process {name}": after[name] - before[name] for name in after}}


def main() -> int:
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # the image has its bytecode
    machine.hands_off()
    began = time.monotonic()
    saved = machine.made().info
    SAVED.write_text(dump_saved(saved), "utf-8")
    print(f"made and captured in {time.monotonic() - began:.1f} s", flush=True)
    rounds: List[Dict[str, Any]] = []
    wrong: List[str] = []
    for number in range(OPTIONS["rounds"] + 1):
        one: Dict[str, Any] = {}
        for way in (direct, lambda: ours(*OPTIONS["once"])):
            clear(saved)
            one.update(way())
            if number == 0:  # the first round fills the caches, and says that both make the same
                found = machine.plan(saved)
                differ = machine.differences(saved, found)
                print(f"{way.__name__}: {len(differ)} differences", *differ, sep="\n    ", flush=True)
                wrong += differ
        print(json.dumps(one), flush=True)
        rounds.append(one)
    RESULT.write_text(json.dumps({"cpus": os.cpu_count(), "rounds": rounds[1:] or rounds}), "utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
