"""Time of a rebuild against a hand-written script of direct tools that makes the same layout.

    python3 tests/bench/rebuild.py [--rounds N] [--layout NAME] [--tools] [--profile]

Runs under the kernel of the storage tests (root, user-mode Linux, one processor). Both ways take turns in one run, on
disks that are cleared before; each is checked once by a capture of what it made.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Mapping, Sequence

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/storage"), str(PROJECT / "tests/machines")]

from bench import Bench  # noqa: E402 - the path comes first, so that it runs from anywhere
from record_machines import disks_of  # noqa: E402

LAYOUTS = Path(__file__).parent / "layouts"
LIMIT = 1.25
"""A rebuild may take this many times as long as the script."""


def report(result: Mapping[str, Any]) -> str:
    """The rounds, their ratios, and what took the time, for people."""
    rounds: Sequence[Mapping[str, Any]] = result["rounds"]
    lines = [f"{result['cpus']} processors"]
    for one in rounds:
        lines.append(f"script {one['direct']:.2f} s; rebuild {one['rebuild']:.2f} s: "
                     f"{one['rebuild'] / one['direct']:.2f} x; "
                     f"with the import of blivet ({one['import']:.2f} s) "
                     f"{(one['rebuild'] + one['import']) / one['direct']:.2f} x; "
                     f"detect {one['detect']:.2f} s, plan {one['plan']:.2f} s; peak {one['peak_kib'] / 1024:.0f} MiB")
        lines.append(f"  processor: script {one['direct cpu']:.2f} s; rebuild {one['own cpu']:.2f} s + tools "
                     f"{one['tools cpu']:.2f} s; events for udev: script {one['direct events']:.0f}, "
                     f"rebuild {one['process events']:.0f}")
    both = statistics.median(one["rebuild"] / one["direct"] for one in rounds)
    whole = statistics.median((one["rebuild"] + one["import"]) / one["direct"] for one in rounds)
    lines.append(f"median {both:.2f} x the script, {whole:.2f} x with the import (wanted: at most {LIMIT})")
    for name, unit in (("actions", ""), ("tools", " calls")):
        last = rounds[-1][name]
        rows = [(value[1], value[0], key) if isinstance(value, list) else (value, None, key)
                for key, value in last.items()]
        lines += [f"  {seconds:7.3f} s  {'' if count is None else f'{count:3}{unit} '}{key}"
                  for seconds, count, key in sorted(rows, key=lambda row: -row[0])[:25]]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of a rebuild against a script of direct tools.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--layout", default="four-disks", choices=sorted(path.name for path in LAYOUTS.iterdir()))
    parser.add_argument("--tools", action="store_true", help="count and time the programs")
    parser.add_argument("--profile", action="store_true", help="show where Python spends its time")
    options = parser.parse_args()
    bench = Bench(PROJECT / "build/storage-bench")
    bench.prepare()
    machine = bench.root / "bench/machine"
    shutil.copytree(LAYOUTS / options.layout, machine, dirs_exist_ok=True)
    once = [word for word, given in (("--tools", options.tools), ("--profile", options.profile)) if given]
    (machine / "options.json").write_text(json.dumps({"rounds": options.rounds, "once": once}), "utf-8")
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="rebuild-bench-") as memory:
        # In memory, which the guest sees at the same place: the disks of a busy build machine would be measured else.
        (bench.root / "bench/disks").rmdir()
        (bench.root / "bench/disks").symlink_to(memory)
        disks = disks_of(bench, (machine / "layout.sh").read_text("utf-8"), options.layout)
        outcome = bench.start("job_rebuild_time", disks, timeout=1800)
    if outcome.status != 0 or options.profile:
        print(outcome.log, outcome.console if outcome.status is None else "", end="")
    if outcome.status != 0:
        return 1
    print(report(json.loads((bench.out / "rebuild_time.json").read_text("utf-8"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
