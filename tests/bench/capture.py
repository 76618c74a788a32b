"""Time of a capture against the time of the tools that it calls.

    python3 tests/bench/capture.py [--host] [--rounds N] [OPTION OF sif capture ...]

By default under the kernel of the storage tests (root, user-mode Linux), where there is a server to capture; with
``--host`` on this machine, which has to be one that can be captured.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/storage"), str(PROJECT / "tests/storage/guest")]

from bench import Bench  # noqa: E402 - the path comes first, so that it runs from anywhere
from measure import report, rounds  # noqa: E402

MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of a capture against its tools.")
    parser.add_argument("--host", action="store_true", help="capture this machine")
    parser.add_argument("--rounds", type=int, default=9)
    arguments, options = parser.parse_known_args()
    if arguments.host:
        os.environ["PYTHONPATH"] = str(PROJECT)
        print(report(*rounds(arguments.rounds, options)))
        return 0
    bench = Bench(PROJECT / "build/storage-bench")
    bench.prepare()
    (bench.out / "rounds").write_text(str(arguments.rounds), "ascii")
    outcome = bench.start("job_time", bench.blank_disks((1536 * MIB, 1024 * MIB)), timeout=900)
    print(outcome.log, end="")
    return 0 if outcome.status == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
