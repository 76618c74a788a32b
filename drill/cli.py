"""The command line: `python -m drill run` does one drill, `run-all` one for each firmware side by side, `matrix` one
for each scenario."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence, Tuple

from drill.evidence import verdict_line
from drill.key import make_key
from drill.matrix import Job, run_jobs
from drill.plan import Order
from drill.progress import Progress
from drill.run import run_drill
from drill.scenarios import BY_NAME, named
from drill.server.facts import Server
from drill.spec import Accel
from sif.errors import Exit, LifeboatError
from sif.model import Firmware


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
    what = one.add_mutually_exclusive_group(required=True)
    what.add_argument("--firmware", type=Firmware, choices=tuple(Firmware), metavar="uefi|bios",
                      help="firmware of the machine, which comes back on new disks of the same sizes")
    what.add_argument("--scenario", choices=tuple(BY_NAME), metavar="NAME",
                      help="another replacement machine; the server is lost as it was left in the cache")
    one.formatter_class = argparse.RawDescriptionHelpFormatter
    one.epilog = _scenarios()
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
    matrix = commands.add_parser("matrix", help="one drill for each scenario, some side by side",
                                 description="Run the scenarios of the hardware matrix in processes of their own.",
                                 epilog=_scenarios(), formatter_class=argparse.RawDescriptionHelpFormatter)
    matrix.add_argument("--scenario", type=_names, default=tuple(BY_NAME), metavar="LIST",
                        help="comma-separated scenarios (default: all)")
    matrix.add_argument("--jobs", type=int, default=2, metavar="N",
                        help="how many at the same time; each takes a processor (default: %(default)s)")
    _common(matrix, "folder of evidence folders, one named after each scenario", server=False)
    matrix.set_defaults(command=_matrix)
    return top


def _scenarios() -> str:
    return "scenarios:\n" + "".join(f"  {one.name:18} {one.title}\n" for one in BY_NAME.values())


def _common(sub: argparse.ArgumentParser, evidence: str, server: bool = True) -> None:
    sub.add_argument("--iso", type=Path, required=True, metavar="PATH",
                     help="rescue ISO of `make drill-iso`, with its key `drill-key` beside it")
    sub.add_argument("--evidence", type=Path, required=True, metavar="DIR", help=evidence)
    if server:
        sub.add_argument("--server", type=Server, choices=tuple(Server), default=Server.PLAIN,
                         metavar="plain|layers|roomy",
                         help="the server: partitions and logical volumes; mirrors, an encrypted root and btrfs; or "
                         "one mostly empty disk. A scenario has its own")
    sub.add_argument("--memory", type=int, default=1536, metavar="MB",
                     help="memory of the machine that is recovered, in MiB (default: %(default)s)")
    sub.add_argument("--silence", type=float, default=300.0, metavar="SECONDS",
                     help="longest time without a sign of life (default: %(default)s)")


def _firmwares(text: str) -> Tuple[Firmware, ...]:
    try:
        return tuple(dict.fromkeys(Firmware(word.strip()) for word in text.split(",")))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}: choose from bios, uefi") from error


def _names(text: str) -> Tuple[str, ...]:
    try:
        return tuple(dict.fromkeys(named(word.strip()).name for word in text.split(",")))
    except LifeboatError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _run(arguments: argparse.Namespace) -> Exit:
    scenario = named(arguments.scenario) if arguments.scenario else None
    order = Order(scenario.firmware if scenario else arguments.firmware, arguments.iso.resolve(),
                  arguments.evidence.resolve(), memory=arguments.memory, silence=arguments.silence,
                  keep=arguments.keep, server=scenario.server if scenario else arguments.server, scenario=scenario)
    verdict = run_drill(order, Progress(order.recovery.name), arguments.accel)
    print(verdict_line(verdict), flush=True)
    return Exit.OK if verdict.passed else Exit.DRILL_FAILED


def _key(arguments: argparse.Namespace) -> Exit:
    print(make_key(arguments.path))
    return Exit.OK


def _run_all(arguments: argparse.Namespace) -> Exit:
    jobs = [Job(firmware.value, _argv(("--firmware", firmware.value, "--server", arguments.server.value), arguments,
                                      firmware.value), arguments.evidence) for firmware in arguments.firmware]
    return run_jobs(jobs, len(jobs))


def _matrix(arguments: argparse.Namespace) -> Exit:
    jobs = [Job(name, _argv(("--scenario", name), arguments, name), arguments.evidence) for name in arguments.scenario]
    return run_jobs(jobs, arguments.jobs)


def _argv(what: Tuple[str, ...], arguments: argparse.Namespace, name: str) -> Tuple[str, ...]:
    """One drill as a command; what it says carries its name already."""
    return (sys.executable, "-m", "drill", "run", *what, "--iso", str(arguments.iso),
            "--evidence", str(arguments.evidence / name), "--memory", str(arguments.memory),
            "--silence", str(arguments.silence))


def _terminated(signum: int, frame: object) -> None:
    """SIGTERM unwinds like an exit, so that no virtual machine outlives its drill."""
    sys.exit(128 + signum)
