"""One rebuild in a process of its own, measured: prints seconds, peak memory and every action as JSON.

    python3 rebuild_once.py SAVED SET [--tools] [--profile]

``--tools`` adds how often each program ran and how long; ``--profile`` samples where the threads are.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple

from measure import timed
from records import load_saved

from rescue.detect import detect_hardware
from rescue.plan import Action, RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map, plan_restore
from sif.model import SystemInformation

PASSPHRASE = b"pass"


def plan(saved: SystemInformation, took: Optional[Dict[str, float]] = None) -> RestorePlan:
    """The plan for the disks that are there; ``took`` gets the seconds of looking and of deciding."""
    began = time.monotonic()
    hardware = replace(detect_hardware({}), arch=saved.system.arch, firmware=saved.system.firmware)
    looked = time.monotonic()
    found = plan_restore(saved, hardware, RestorePolicy(parse_disk_map(
        [f"{disk.id}={disk.device}" for disk in saved.disks])))
    if took is not None:
        took.update({"detect": looked - began, "plan": time.monotonic() - looked})
    return found


def secrets(_name: str) -> Optional[bytes]:
    return PASSPHRASE


def processor() -> Tuple[float, float]:
    """Processor seconds of this process and of its finished programs."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return used[0].ru_utime + used[0].ru_stime, used[1].ru_utime + used[1].ru_stime


@contextmanager
def sampled() -> Iterator[None]:
    """Inside, look every few milliseconds where each thread is; then print that, most frequent first."""
    within: "Counter[str]" = Counter()
    at: "Counter[str]" = Counter()
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.005):
            for ident, frame in sys._current_frames().items():
                if ident == threading.get_ident():
                    continue
                at[f"{frame.f_code.co_filename}:{frame.f_code.co_name}"] += 1
                names = set()
                while frame is not None:
                    names.add(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")
                    frame = frame.f_back  # type: ignore[assignment]
                within.update(names)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        for title, counter in (("AT", at), ("WITHIN", within)):
            print(title, *(f"{count:6} {name}" for name, count in counter.most_common(70)), sep="\n", file=sys.stderr)


def main(argv: List[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("saved", type=Path)
    parser.add_argument("set", type=Path)
    parser.add_argument("--tools", action="store_true")
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args(argv)
    saved = load_saved(options.saved.read_text("utf-8"))
    planned: Dict[str, float] = {}
    found = plan(saved, planned)
    actions: Dict[str, float] = {}

    def report(action: Action, state: str, seconds: float) -> None:
        if state == "finished":
            actions[action.id] = seconds

    began = time.monotonic()
    from rescue.storage.rebuild import rebuild
    imported = time.monotonic() - began
    each: Dict[str, List[float]] = {}
    before, began = processor(), time.monotonic()
    with timed(each) if options.tools else nullcontext(), sampled() if options.profile else nullcontext():
        rebuild(found, saved, options.set, report, secrets=secrets)
    took, after = time.monotonic() - began, processor()
    print(json.dumps({**planned, "import": imported, "rebuild": took, "actions": actions,
                      "own cpu": after[0] - before[0], "tools cpu": after[1] - before[1],
                      "tools": each, "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
