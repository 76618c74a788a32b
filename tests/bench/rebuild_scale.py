"""Time and memory of a rebuild of 1, 8 and 32 disks with four partitions each, with an ext4 in each of them.

    [ENGINE=qemu] python3 tests/bench/rebuild_scale.py [--disks N ...] [--rounds N]

Under the kernel of the storage tests (root), each round in a fresh guest. User-mode Linux has room for 15 disks, QEMU
for more.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path
from typing import Any, List, Mapping, Optional, Sequence

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/storage")]

from bench import Bench  # noqa: E402 - the path comes first, so that it runs from anywhere

MIB = 1 << 20
MOST = {"uml": 15, "qemu": 64}
SECONDS = (("detect", "detect"), ("plan", "plan"), ("import of blivet", "import"), ("rebuild", "rebuild"),
           ("proof", "verify"), ("processor: agent", "own cpu"), ("tools", "tools cpu"))
"""What is printed, and its name in the measurement."""
LIMIT_S = 1.0
"""Planning 32 disks may take so long."""


def measured(bench: Bench, disks: int) -> Optional[Mapping[str, Any]]:
    """One rebuild of so many disks in a guest of its own; None, with its log printed, when it failed."""
    bench.prepare()
    (bench.root / "bench/machine").mkdir()
    (bench.root / "bench/machine/options.json").write_text(json.dumps({"disks": disks}), "utf-8")
    outcome = bench.start("job_rebuild_scale", bench.blank_disks([64 * MIB] * disks), timeout=1200)
    if outcome.status != 0:
        print(outcome.log, outcome.console if outcome.status is None else "")
        return None
    found: Mapping[str, Any] = json.loads((bench.out / "rebuild_scale.json").read_text("utf-8"))
    return found


def report(disks: int, engine: str, rounds: Sequence[Mapping[str, Any]]) -> str:
    """Medians over the rounds, for people."""
    medians = ", ".join(f"{title} {statistics.median(one[name] for one in rounds):.2f} s" for title, name in SECONDS)
    least, most = (function(one["rebuild"] for one in rounds) for function in (min, max))
    return (f"{disks:3} disks, {len(rounds[0]['actions']):4} actions ({engine}), median of {len(rounds)}: {medians}; "
            f"at most {max(one['peak_kib'] for one in rounds) / 1024:.0f} MiB; rebuild {least:.1f} to {most:.1f} s"
            + (f" (planning wanted: less than {LIMIT_S} s)" if disks == 32 else ""))


def main(argv: List[str]) -> int:
    parser = argparse.ArgumentParser(description="Time and memory of a rebuild of many disks.")
    parser.add_argument("--disks", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args(argv)
    bench = Bench(PROJECT / "build/storage-bench")
    for count in (count for count in options.disks if count <= MOST[bench.engine]):
        rounds = [measured(bench, count) for _ in range(options.rounds)]
        done = [one for one in rounds if one is not None]
        if len(done) < len(rounds):
            return 1
        print(report(count, bench.engine, done), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
