"""How long a capture takes, and how much of that the tools take that it calls.

    python3 measure.py OPTION... runs one capture in this process and prints what was measured as JSON.

``rounds`` does it several times, each in a process of its own, whose start counts: it is part of what people wait for.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any, Dict, Iterator, List, Sequence

LIMIT = 1.5
"""A capture may take this many times as long as its tools."""


def rounds(count: int, options: Sequence[str], program: Sequence[str]) -> List[Dict[str, Any]]:
    """The measurements of that many captures; ``program`` starts this file. The first of them fills the caches."""
    found = []
    for _ in range(count + 1):
        with tempfile.TemporaryDirectory(prefix="sif-bench-") as output:
            began = time.monotonic()
            done = subprocess.run([*program, "--output", output, *options], capture_output=True, text=True,
                                  check=False)
            wall = time.monotonic() - began
        if done.returncode:
            raise SystemExit(f"the capture failed: {done.stderr}")
        found.append({**json.loads(done.stdout.splitlines()[-1]), "wall": wall})
    return found[1:]


def report(measured: Sequence[Dict[str, Any]]) -> str:
    """The rounds and their ratio, and which tools took the time, for people."""
    lines = [f"capture {one['wall']:.3f} s, {one['calls']} tools {one['tools']:.3f} s: "
             f"{one['wall'] / one['tools']:.2f} x; processor "
             f"{one['own']:.2f} s + tools {one['theirs']:.2f} s" for one in measured]
    ratios = sorted(one["wall"] / one["tools"] for one in measured)
    lines.append(f"median {ratios[len(ratios) // 2]:.2f} x the tools (wanted: at most {LIMIT})")
    best = min(measured, key=lambda one: float(one["wall"]))
    lines += [f"  {seconds:.3f} s  {calls:3} x {name}" for name, (calls, seconds) in
              sorted(best["each"].items(), key=lambda item: -float(item[1][1]))[:12]]
    return "\n".join(lines)


@contextlib.contextmanager
def timed(each: Dict[str, List[float]]) -> Iterator[None]:
    """Inside, every program that is run by :mod:`sif.run` is counted and timed by its name and first word."""
    real = subprocess.run

    def counted(argv: Sequence[str], **options: Any) -> Any:
        began = time.monotonic()
        try:
            return real(argv, **options)
        finally:
            entry = each.setdefault(" ".join(argv[:2]) if argv[0] == "lvm" else argv[0], [0, 0.0])
            entry[0] += 1
            entry[1] += time.monotonic() - began

    setattr(subprocess, "run", counted)  # noqa: B010 - the door calls it by this name
    try:
        yield
    finally:
        setattr(subprocess, "run", real)  # noqa: B010


def _processor(whose: int) -> float:
    """Seconds of processor time: what a busy machine does not falsify."""
    used = resource.getrusage(whose)
    return used.ru_utime + used.ru_stime


def main(options: Sequence[str]) -> int:
    from sif.start import main as sif
    each: Dict[str, List[float]] = {}
    with timed(each):
        status = sif(["capture", *options])
    print(json.dumps({"calls": sum(int(calls) for calls, _ in each.values()), "each": each,
                      "tools": sum(seconds for _, seconds in each.values()), "own": _processor(resource.RUSAGE_SELF),
                      "theirs": _processor(resource.RUSAGE_CHILDREN)}))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
