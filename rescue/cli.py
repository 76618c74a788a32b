"""The agent's command line: ``rescue run|phase1|phase2|plan|report``."""

from __future__ import annotations

import argparse
import signal
import sys
import traceback
from pathlib import Path
from typing import List, Optional, Sequence

from sif.errors import Exit, LifeboatError


def parser() -> argparse.ArgumentParser:
    """The command line of ``rescue``."""
    words = argparse.ArgumentParser(
        prog="rescue", description="Lifeboat's recovery agent: brings a dead machine back as it was.",
        epilog="Exit codes: 0 done, 16-18 nobody vouches for the set, 19 a secret is missing, 20 no SIF or no store, "
        "21 no plan, 22 nobody agreed, 23 a restore is half done on a disk, 30-32 rebuild or staging failed, 40-42 "
        "restore, boot loader or catalog failed; all of them are in docs/exit-codes.md.")
    commands = words.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, text in (
            ("run", "do what the kernel command line says: rescue.phase=2 is phase 2, else phase 1"),
            ("phase1", "find the SIF, plan, rebuild the disks, stage phase 2 and restart"),
            ("phase2", "restore from the stores, make the machine bootable, clean up and restart")):
        command = commands.add_parser(
            name, help=text, description=f"{text[0].upper()}{text[1:]}.",
            epilog="The kernel command line is read for rescue.auto (ask nothing), rescue.sif=auto|LABEL=..|UUID=.. "
            "(where the SIF is) and rescue.stage=UUID=.. (where phase 2 was staged).")
        command.add_argument("--answers", type=Path, metavar="FILE",
                             help="answers to questions, `id = answer` a line; each is used once")
    plan = commands.add_parser("plan", add_help=False,
                               help="show what a restore would do to which disk, and why; writes nothing")
    plan.add_argument("arguments", nargs=argparse.REMAINDER)
    report = commands.add_parser(
        "report", help="show the steps of a restore with their durations",
        description="Show the steps of a restore with their durations: of the running one, or of an event file "
        "from /var/log/lifeboat of a restored machine.")
    report.add_argument("events", type=Path, nargs="?", default=Path("/run/lifeboat/events.jsonl"),
                        help="event file (default: %(default)s)")
    return words


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one command; returns the exit code of :class:`sif.errors.Exit`."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == ["plan"]:
        return _plan(given[1:])
    options = parser().parse_args(given)
    if options.command == "report":
        return _report(options.events)
    return _run(options.command, options.answers)


def _plan(arguments: List[str]) -> int:
    from rescue.planner import cli  # the planner is not needed by the other commands' help
    return cli.main(arguments)


def _report(events: Path) -> int:
    from rescue.report import events_report
    try:
        print(events_report(events), end="")
    except LifeboatError as error:
        print(error, file=sys.stderr)
        return int(error.code)
    return int(Exit.OK)


def _run(command: str, answers: Optional[Path]) -> int:
    """Run a phase. Whatever fails is told as an event with its full text; nothing restarts by itself then."""
    from rescue.agent import start_agent
    # A terminal that is hung up (a shell that takes over the console does that) must not end a restore.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        agent = start_agent({"phase1": 1, "phase2": 2}.get(command), answers)
    except LifeboatError as error:
        print(error, file=sys.stderr)
        return int(error.code)
    try:
        if agent.events.phase == 2:
            from rescue.phase2 import phase2
            phase2(agent)
        else:
            from rescue.phase1 import phase1
            phase1(agent)
        return int(Exit.OK)
    except LifeboatError as error:
        _keep_error(agent.workspace.root, error)
        agent.events.phase_failed(error)
        return int(error.code)
    except Exception as error:  # noqa: BLE001 - the last line of defence: the operator must see what happened
        _keep_error(agent.workspace.root, error)
        agent.events.phase_failed(error)
        return int(Exit.INTERNAL)
    finally:
        agent.events.close()


def _keep_error(directory: Path, error: BaseException) -> None:
    """Write the error with its traceback beside the events, for those who must find the cause."""
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    (directory / "error.txt").write_text(text, encoding="utf-8", errors="replace")
    print(text, file=sys.stderr)
