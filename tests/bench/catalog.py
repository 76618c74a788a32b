"""Throughput of the catalog against ``sha256sum`` over the same files, in one run.

    python3 tests/bench/catalog.py [--root DIR] [--package NAME ...] [--rounds N] [--json]

Every program reads the same files, one after the other, round by round. A collection before the first round
fills the page cache; ``--cold`` empties it before each measurement. The best of the rounds counts: other work on
the machine only makes a program slower; the processor's seconds show what it costs when all processors are busy.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Callable, Dict, List, Sequence

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from sif.catalog.collect import collect  # noqa: E402 - the path comes first, so that it runs from anywhere
from sif.catalog.entry import Entry  # noqa: E402
from sif.catalog.verify import verify_catalog  # noqa: E402
from sif.run import run  # noqa: E402

_LIMIT_S = 3600.0


def sha256sum(root: Path, entries: Sequence[Entry]) -> None:
    """The yardstick: one process for all files, as ``xargs sha256sum`` makes as few as it can."""
    names = "".join(os.fsdecode(os.fsencode(root) + entry.path) + "\0" for entry in entries)
    run(("xargs", "-0", "sha256sum", "--"), input=names, timeout=_LIMIT_S)


def empty_cache() -> None:
    """Write out and forget the page cache; needs root."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n", encoding="ascii")


def main() -> int:
    parser = argparse.ArgumentParser(description="Throughput of the catalog against sha256sum.")
    parser.add_argument("--root", type=Path, default=Path("/"))
    parser.add_argument("--package", action="append", default=None)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cold", action="store_true", help="empty the page cache before each measurement (root)")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    root = arguments.root
    collected = collect(root, packages=arguments.package)
    entries = [entry for entry in collected.entries if b"\n" not in entry.path]
    subjects: Dict[str, Callable[[], object]] = {
        "sha256sum": lambda: sha256sum(root, entries),
        "verify_catalog": lambda: verify_catalog(root, entries),
        "collect": lambda: collect(root, packages=arguments.package),
    }
    seconds: Dict[str, List[float]] = {name: [] for name in subjects}
    work: Dict[str, List[float]] = {name: [] for name in subjects}
    for _ in range(arguments.rounds):
        for name, act in subjects.items():
            if arguments.cold:
                empty_cache()
            began, used = time.monotonic(), sum(os.times()[:4])
            act()
            seconds[name].append(time.monotonic() - began)
            work[name].append(sum(os.times()[:4]) - used)
    size = sum(entry.size for entry in entries)
    yardstick = min(seconds["sha256sum"])
    result = {
        "files": len(entries), "bytes": size, "processors": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0], "cold": arguments.cold,
        "subjects": {name: {"seconds": [round(value, 2) for value in values],
                            "processor seconds": [round(value, 2) for value in work[name]],
                            "MiB/s": round(size / min(values) / 2 ** 20, 1),
                            "of sha256sum": round(yardstick / min(values), 2)} for name, values in seconds.items()},
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return 0
    print(f"{len(entries)} files, {size / 2 ** 20:.0f} MiB, {result['processors']} processors, "
          f"load {result['load']:.1f}, {'cold' if arguments.cold else 'warm'} cache")
    for name, values in seconds.items():
        print(f"{name:15} {min(values):8.2f} s {size / min(values) / 2 ** 20:8.1f} MiB/s "
              f"{yardstick / min(values):6.2f} x sha256sum   rounds: {' '.join(f'{v:.2f}' for v in values)}   "
              f"processor: {min(work[name]):.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
