"""``rescue plan SIF``: show what a restore would do here, or on hardware described in a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence

from rescue.detect import detect_hardware
from rescue.hardware import Hardware
from rescue.planner.codec import dump_hardware
from rescue.planner.command import add_decisions, add_output, policy_from, show
from rescue.planner.passes import plan_restore
from rescue.planner.spare import hardware_at
from rescue.trust import BAKED, judge
from sif.errors import LifeboatError, UsageError
from sif.reader import load_set


def parser() -> argparse.ArgumentParser:
    """The command line of ``rescue plan``."""
    words = argparse.ArgumentParser(
        prog="rescue plan", description="Show what a restore would do to which disk, and why. Nothing is written.",
        epilog="Exit codes: 0 there is a plan, 21 there is none; others as in docs/exit-codes.md.")
    words.add_argument("sif", type=Path, nargs="?", help="the set's first part, dr_state.sif")
    words.add_argument("--hardware", "--on", metavar="MACHINE", help="plan for another machine than this one: JSON as "
                       "--show-hardware prints it, the set of a machine, or `itself` for that of the set")
    words.add_argument("--exclude", action="append", default=[], metavar="PATH=WHY",
                       help="never use this disk (the medium, a store); may be repeated")
    words.add_argument("--trust", type=Path, default=BAKED, metavar="DIR",
                       help="where the lists of signers are: allowed_signers, revoked_keys (default: %(default)s)")
    words.add_argument("--show-hardware", action="store_true",
                       help="print the hardware as JSON, as --hardware takes it, and plan nothing")
    add_decisions(words)
    add_output(words)
    return words


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Print the plan on stdout, or why there is none on stderr; returns the exit code."""
    options = parser().parse_args(argv)
    try:
        return _run(options)
    except LifeboatError as error:
        print(error, file=sys.stderr)
        return int(error.code)


def _run(options: argparse.Namespace) -> int:
    if options.show_hardware and options.hardware is None:
        print(dump_hardware(_detected(options)), end="")
        return 0
    if options.sif is None:
        raise UsageError("no SIF is named", wanted="rescue plan SIF")
    loaded = load_set(options.sif)
    hardware = _detected(options) if options.hardware is None else hardware_at(options.hardware, loaded.info)
    if options.show_hardware:
        print(dump_hardware(hardware), end="")
        return 0
    plan = plan_restore(loaded.info, hardware, policy_from(options))
    show(options, loaded.info, hardware, plan, str(judge(loaded, options.trust)))
    return 0


def _detected(options: argparse.Namespace) -> Hardware:
    excluded = dict(word.partition("=")[::2] for word in options.exclude)
    return detect_hardware({path: why or "excluded by the operator" for path, why in excluded.items()})
