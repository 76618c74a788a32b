"""Record the machines of this directory: make each layout under a real kernel, capture it, keep what was seen.

    python tests/machines/record_machines.py [--expected] [NAME ...]

Needs root and, the first time, the Debian packages of the storage bench. ``--expected`` starts nothing: it captures
the machines again from their tapes and writes the sets that are expected from then on.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import time
from pathlib import Path
from typing import Sequence, Tuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/storage"), str(PROJECT / "tests/machines")]

from bench import Bench  # noqa: E402
from machine_capture import MACHINES, names, replayed, write_tape  # noqa: E402

MIB = 1 << 20
_DISKS = re.compile(r"^# disks:((?: (?:[0-9]+M|same:[0-9]))+)$", re.MULTILINE)
_SECONDS = 600.0


class RecordingFailed(Exception):
    """A layout that could not be made, or a capture of it that does not repeat."""


def record(bench: Bench, name: str) -> float:
    """Make, capture and keep one machine; returns the seconds it took. Raises RecordingFailed."""
    began = time.monotonic()
    folder = MACHINES / name
    order = bench.root / "bench/machine"
    shutil.rmtree(order, ignore_errors=True)
    order.mkdir()
    shutil.copy(folder / "layout.sh", order)
    outcome = bench.start("job_machine", disks_of(bench, (folder / "layout.sh").read_text("utf-8"), name), _SECONDS)
    if outcome.status != 0:
        raise RecordingFailed(f"{name}: {outcome.log}{outcome.console if outcome.status is None else ''}")
    write_tape(folder, (bench.out / "tape.json").read_text("utf-8"))
    seen = (bench.out / "expected.sif").read_text("utf-8")
    again = replayed(name).text
    if again != seen:
        raise RecordingFailed(f"{name}: the tape gives another set than the machine did:\n{again}")
    (folder / "expected.sif").write_text(seen, "utf-8")
    return time.monotonic() - began


def disks_of(bench: Bench, script: str, name: str) -> Tuple[str, ...]:
    """The guest's disks as a script's line ``# disks: 96M 96M same:0`` asks for; ``same`` is another way to a disk."""
    found = _DISKS.search(script)
    if not found:
        raise RecordingFailed(f"{name}: no line `# disks: 96M ...` in its script")
    words = found.group(1).split()
    blank = iter(bench.blank_disks([int(word[:-1]) * MIB for word in words if word.endswith("M")]))
    files = [None if word.startswith("same:") else next(blank).partition("=")[2] for word in words]
    shared = {int(word[len("same:"):]) for word in words if word.startswith("same:")}
    return tuple(
        # c: the file may be open more than once
        f"ubd{number + 1}{'c' if number in shared or file is None else ''}="
        f"{file or files[int(word[len('same:'):])]}" for number, (word, file) in enumerate(zip(words, files)))


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="record the machines of tests/machines")
    parser.add_argument("--expected", action="store_true", help="only write the expected sets, from the tapes")
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones (default: all)")
    options = parser.parse_args(argv)
    wanted = options.names or names()
    if options.expected:
        for name in wanted:
            (MACHINES / name / "expected.sif").write_text(replayed(name).text, "utf-8")
        return 0
    bench = Bench(PROJECT / "build/storage-bench")
    bench.prepare()
    failed = 0
    for name in wanted:
        try:
            print(f"[finished] {name} ({record(bench, name):.1f} s)", flush=True)
        except RecordingFailed as error:
            failed += 1
            print(f"[failed] {error}", file=sys.stderr, flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
