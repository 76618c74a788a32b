"""``rescue plan SIF``: show what a restore would do here, or on hardware described in a file."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional, Sequence

from rescue.detect import detect_hardware
from rescue.hardware import Hardware
from rescue.plan_view import plan_text
from rescue.planner.codec import dump_hardware, dump_plan, load_hardware
from rescue.planner.passes import plan_restore
from rescue.planner.policy import RestorePolicy, parse_disk_map
from rescue.trust import BAKED, judge
from sif.errors import LifeboatError, UsageError
from sif.reader import load_set


def parser() -> argparse.ArgumentParser:
    """The command line of ``rescue plan``."""
    words = argparse.ArgumentParser(
        prog="rescue plan", description="Show what a restore would do to which disk, and why. Nothing is written.",
        epilog="Exit codes: 0 there is a plan, 21 there is none; others as in docs/exit-codes.md.")
    words.add_argument("sif", type=Path, nargs="?", help="the set's first part, dr_state.sif")
    words.add_argument("--hardware", type=Path, metavar="FILE.json",
                       help="plan for the machine described there instead of this one")
    words.add_argument("--map", action="append", default=[], metavar="SAVED=PRESENT",
                       help="send a saved disk to a present one (name, path, serial, WWN or slot); may be repeated")
    words.add_argument("--exclude", action="append", default=[], metavar="PATH=WHY",
                       help="never use this disk (the medium, a store); may be repeated")
    words.add_argument("--trust", type=Path, default=BAKED, metavar="DIR",
                       help="where the lists of signers are: allowed_signers, revoked_keys (default: %(default)s)")
    words.add_argument("--json", action="store_true", help="print the plan as JSON")
    words.add_argument("--show-hardware", action="store_true",
                       help="print the hardware as JSON, as --hardware takes it, and plan nothing")
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
    hardware = _hardware(options)
    if options.show_hardware:
        print(dump_hardware(hardware), end="")
        return 0
    if options.sif is None:
        raise UsageError("no SIF is named", wanted="rescue plan SIF")
    loaded = load_set(options.sif)
    saved = loaded.info
    plan = plan_restore(saved, hardware, RestorePolicy(parse_disk_map(options.map)))
    print(dump_plan(plan) if options.json else plan_text(saved, hardware, plan, str(judge(loaded, options.trust))),
          end="")
    return 0


def _hardware(options: argparse.Namespace) -> Hardware:
    if options.hardware is None:
        excluded = dict(word.partition("=")[::2] for word in options.exclude)
        return detect_hardware({path: why or "excluded by the operator" for path, why in excluded.items()})
    try:
        return load_hardware(options.hardware.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("cannot read the hardware file", where=str(options.hardware), found=str(error)) from error

