"""``sif convert``: the command line of the importers."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sif.convert import REPORT_NAME, Format, convert, detect_format, write_conversion
from sif.convert.identity import is_hostname
from sif.convert.report import Note
from sif.errors import Exit, UsageError


def add_convert(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to the command line's grammar."""
    sub = commands.add_parser(
        "convert", help="make a set of what another program recorded", description="Read a Windows asr.sif or a ReaR "
        f"disk layout and write a set and {REPORT_NAME}, which lists everything that was left behind, assumed or made "
        f"up. Nothing foreign is ever run. Exit code {int(Exit.NOT_RESTORABLE)} if something cannot be restored.")
    sub.add_argument("input", type=Path, metavar="INPUT",
                     help="asr.sif, disklayout.conf, or a directory with one of them (such as /var/lib/rear)")
    sub.add_argument("--output", type=Path, required=True, metavar="DIR", help="directory of the new set")
    sub.add_argument("--from", dest="source", choices=[kind.value for kind in Format],
                     help="format of INPUT (default: by its name)")
    sub.add_argument("--hostname", metavar="NAME", help="the machine's name, which a disk layout does not hold")
    sub.add_argument("--partial", action="store_true",
                     help="write what can be written even if something cannot be restored")
    sub.set_defaults(command=run_convert)


def run_convert(arguments: argparse.Namespace) -> Exit:
    """Convert, print the report on standard error, write; the typed errors name what stopped it."""
    if arguments.hostname is not None and not is_hostname(arguments.hostname):
        raise UsageError("not a host name", where="--hostname", found=arguments.hostname)
    if not arguments.input.exists():
        raise UsageError("no such file or directory", where="INPUT", found=str(arguments.input))
    kind = Format(arguments.source) if arguments.source else detect_format(arguments.input)
    made = convert(arguments.input, kind, arguments.hostname)
    sys.stderr.write(made.report.to_text())
    report = write_conversion(made.info, made.files, made.report, arguments.output, arguments.partial)
    lost = len(report.of(Note.NOT_RESTORABLE))
    print(f"{made.info.system.hostname}: {'partial set' if lost else 'set'} written to {arguments.output}"
          + (f"; {lost} things cannot be restored and are left out" if lost else ""), file=sys.stderr)
    return Exit.OK
