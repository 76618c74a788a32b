"""The command line: `python -m drill run` does one drill, `run-all` one for each firmware side by side."""

from __future__ import annotations

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Optional, Sequence, Tuple

from drill.evidence import verdict_line
from drill.plan import Order
from drill.progress import Progress
from drill.run import run_drill
from drill.spec import Accel
from sif.errors import Exit, LifeboatError
from sif.model import Firmware
from sif.run import stream

DRILL_SECONDS = 4 * 3600.0


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one subcommand and return the exit code (:class:`sif.errors.Exit`)."""
    arguments = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], Exit] = arguments.command
    try:
        return int(command(arguments))
    except LifeboatError as error:
        print(error, file=sys.stderr)
        return int(error.code)


def parser() -> argparse.ArgumentParser:
    """The command line's grammar and help."""
    top = argparse.ArgumentParser(
        prog="drill", description="Recovery drills: a real server in a virtual machine is backed up, destroyed, "
        "recovered from the rescue ISO and compared with what it was.",
        epilog=f"The last line on standard output is the verdict. Exit codes: {Exit.OK.value} passed, "
        f"{Exit.DRILL_FAILED.value} a drill failed, {Exit.USAGE.value} wrong usage. Installed servers are kept in "
        "$LIFEBOAT_CACHE (~/.cache/lifeboat); delete it to make them anew. Packages come from this host's Debian "
        "mirror, or from $LIFEBOAT_MIRROR.")
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    one = commands.add_parser("run", help="one drill", description="Do one drill and leave its evidence.")
    one.add_argument("--firmware", type=Firmware, choices=tuple(Firmware), required=True, metavar="uefi|bios",
                     help="firmware of the machine")
    one.add_argument("--accel", type=Accel, choices=tuple(Accel), metavar="kvm|tcg",
                     help="QEMU's accelerator (default: KVM if a guest really runs with it, else TCG)")
    one.add_argument("--keep", action="store_true", help="keep the disk images and say where they are")
    _common(one, "evidence folder; an earlier drill's is replaced")
    one.set_defaults(command=_run)
    every = commands.add_parser("run-all", help="one drill for each firmware, side by side",
                                description="Run several drills in processes of their own at the same time.")
    every.add_argument("--firmware", type=_firmwares, default=tuple(Firmware), metavar="LIST",
                       help="comma-separated firmwares (default: bios,uefi)")
    _common(every, "folder of evidence folders, one named after each firmware")
    every.set_defaults(command=_run_all)
    return top


def _common(sub: argparse.ArgumentParser, evidence: str) -> None:
    sub.add_argument("--iso", type=Path, required=True, metavar="PATH",
                     help="rescue ISO, built with --append 'rescue.auto rescue.sif=LABEL=SIF'")
    sub.add_argument("--evidence", type=Path, required=True, metavar="DIR", help=evidence)
    sub.add_argument("--memory", type=int, default=1536, metavar="MB",
                     help="memory of the machine that is recovered, in MiB (default: %(default)s)")
    sub.add_argument("--silence", type=float, default=300.0, metavar="SECONDS",
                     help="longest time without a sign of life (default: %(default)s)")


def _firmwares(text: str) -> Tuple[Firmware, ...]:
    try:
        return tuple(dict.fromkeys(Firmware(word.strip()) for word in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: choose from bios, uefi") from error


def _run(arguments: argparse.Namespace) -> Exit:
    order = Order(arguments.firmware, arguments.iso.resolve(), arguments.evidence.resolve(), memory=arguments.memory,
                  silence=arguments.silence, keep=arguments.keep)
    verdict = run_drill(order, Progress(arguments.firmware.value), arguments.accel)
    print(verdict_line(verdict), flush=True)
    return Exit.OK if verdict.passed else Exit.DRILL_FAILED


def _run_all(arguments: argparse.Namespace) -> Exit:
    with ThreadPoolExecutor(len(arguments.firmware)) as pool:
        results = tuple(pool.map(lambda firmware: _in_process(firmware, arguments), arguments.firmware))
    for _, line in results:
        print(line, flush=True)
    return Exit.OK if all(status == Exit.OK for status, _ in results) else Exit.DRILL_FAILED


def _in_process(firmware: Firmware, arguments: argparse.Namespace) -> Tuple[int, str]:
    """One drill as a process; its lines carry its firmware already. Returns exit status and verdict line."""
    argv = (sys.executable, "-m", "drill", "run", "--firmware", firmware.value, "--iso", str(arguments.iso),
            "--evidence", str(arguments.evidence / firmware.value), "--memory", str(arguments.memory),
            "--silence", str(arguments.silence))
    lines = []

    def show(line: str) -> None:
        lines.append(line)
        print(line, file=sys.stderr, flush=True)

    result = stream(argv, timeout=DRILL_SECONDS, on_line=show)
    verdict = next((line for line in reversed(lines) if line.startswith("DRILL ")), None)
    return result.status, verdict or f"DRILL FAILED {firmware.value}: it ended without a verdict"
