"""The command line: `python -m drill run` does one drill, `run-all` one for each firmware side by side."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence, Tuple

from drill.evidence import verdict_line
from drill.key import make_key
from drill.plan import Order
from drill.progress import Progress
from drill.run import run_drill
from drill.spec import Accel
from sif.errors import Exit, LifeboatError
from sif.model import Firmware
from sif.run import Process, spawn

WAIT_SECONDS = 5.0
STOP_SECONDS = 30.0
"""A drill that is told to stop first ends its virtual machine."""


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one subcommand and return the exit code (:class:`sif.errors.Exit`)."""
    arguments = parser().parse_args(argv)
    command: Callable[[argparse.Namespace], Exit] = arguments.command
    signal.signal(signal.SIGTERM, _terminated)
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
    key = commands.add_parser("key", help="make the key that signs the sets of drills", description="Make a key, "
                              "unless it is there, and print the list of allowed signers to bake into the ISO of the "
                              "drills (builder.py iso --allowed-signers). The key must lie beside the ISO.")
    key.add_argument("path", type=Path, metavar="FILE", help="the private key, for example build/drill-key")
    key.set_defaults(command=_key)
    every = commands.add_parser("run-all", help="one drill for each firmware, side by side",
                                description="Run several drills in processes of their own at the same time.")
    every.add_argument("--firmware", type=_firmwares, default=tuple(Firmware), metavar="LIST",
                       help="comma-separated firmwares (default: bios,uefi)")
    _common(every, "folder of evidence folders, one named after each firmware")
    every.set_defaults(command=_run_all)
    return top


def _common(sub: argparse.ArgumentParser, evidence: str) -> None:
    sub.add_argument("--iso", type=Path, required=True, metavar="PATH",
                     help="rescue ISO of `make drill-iso`, with its key `drill-key` beside it")
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


def _key(arguments: argparse.Namespace) -> Exit:
    print(make_key(arguments.path))
    return Exit.OK


def _run_all(arguments: argparse.Namespace) -> Exit:
    started = [(firmware, spawn(_argv(firmware, arguments), log=sys.stderr.buffer)) for firmware in arguments.firmware]
    try:
        statuses = [_wait(process) for _, process in started]
    finally:
        for _, process in started:
            process.stop(STOP_SECONDS)
    for firmware, _ in started:
        print(_verdict(firmware, arguments.evidence / firmware.value / "report.json"), flush=True)
    return Exit.OK if all(status == Exit.OK for status in statuses) else Exit.DRILL_FAILED


def _argv(firmware: Firmware, arguments: argparse.Namespace) -> Tuple[str, ...]:
    """One drill as a command; what it says carries its firmware already."""
    return (sys.executable, "-m", "drill", "run", "--firmware", firmware.value, "--iso", str(arguments.iso),
            "--evidence", str(arguments.evidence / firmware.value), "--memory", str(arguments.memory),
            "--silence", str(arguments.silence))


def _wait(process: Process) -> int:
    while True:
        status = process.wait(WAIT_SECONDS)
        if status is not None:
            return status


def _verdict(firmware: Firmware, report: Path) -> str:
    """The verdict line that the drill left in its evidence."""
    try:
        return str(json.loads(report.read_text("utf-8"))["verdict"])
    except (OSError, ValueError, KeyError):
        return f"DRILL FAILED {firmware.value}: it ended without a verdict"


def _terminated(signum: int, frame: object) -> None:
    """SIGTERM unwinds like an exit, so that no virtual machine outlives its drill."""
    sys.exit(128 + signum)
