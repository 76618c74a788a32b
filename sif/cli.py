"""The ``sif`` command: capture, show, check, diff, and what other modules add.

Data goes to standard output, words for people to standard error."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture import DEFAULT_PROVIDERS, Captured, capture
from sif.capture.boot import EXCLUDABLE
from sif.capture.from_providers import Asker, asker, nobody
from sif.capture.history import numbered
from sif.capture.vendor import with_vendor_sections
from sif.drivers import Collect
from sif.errors import Exit, LifeboatError, UsageError
from sif.model import SystemInformation
from sif.problems import printable
from sif.provider import DEFAULT_CONFIG
from sif.raw.options import add_raw_options
from sif.secrets import DEFAULT_SECRETS
from sif.secrets.names import declared_secrets
from sif.writer import write_set, write_text


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run one subcommand and return the exit code (:class:`sif.errors.Exit`)."""
    words = list(sys.argv[1:] if argv is None else argv)
    arguments = parser(words[0] if words else "").parse_args(words)
    command: Callable[[argparse.Namespace], Exit] = arguments.command
    try:
        return int(command(arguments))
    except LifeboatError as error:
        print(error, file=sys.stderr)
        return int(error.code)


OTHERS: Tuple[Tuple[str, str, Tuple[str, ...]], ...] = (
    ("sif.edit.cli", "add_edit", ("edit",)),
    ("sif.convert.command", "add_convert", ("convert",)),
    ("sif.provider.cli", "add_provider", ("provider",)),
    ("sif.catalog.cli", "add_catalog", ("catalog",)),
    ("sif.signature.cli", "add_commands", ("sign", "verify")),
    ("sif.secrets.cli", "add_commands", ("secrets",)),
    ("sif.drift.cli", "add_drift", ("drift",)),
    ("sif.planning", "add_plan", ("plan",)),
    ("sif.units.cli", "add_units", ("scheduled", "install-units")),
    ("sif.pack", "add_precompile", ("precompile",)),
)
"""Subcommands of other modules: the module, its function, the names. A capture does not wait for what it never uses."""

_OWN = ("capture", "show", "check", "diff")


def _help(prog: str) -> argparse.HelpFormatter:
    """argparse's own, told how wide the terminal is: to ask, it would load ``shutil``, even when nobody wants help."""
    try:
        columns = int(os.environ.get("COLUMNS", "0")) or os.get_terminal_size(sys.stdout.fileno()).columns
    except (AttributeError, ValueError, OSError):
        columns = 80
    return argparse.HelpFormatter(prog, width=max(columns, 40) - 2)


class _Parser(argparse.ArgumentParser):
    """Of the command and, because subcommands are made by the class of their parent, of every subcommand."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _help, **options})


def parser(first: str = "") -> argparse.ArgumentParser:
    """The command line's grammar and help; of one subcommand only, if ``first`` is the name of one."""
    top: argparse.ArgumentParser = _Parser(
        prog="sif", description="System Information Files: what a machine is, so that it can be rebuilt.",
        epilog="Exit codes: " + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit))
    commands = top.add_subparsers(title="commands", required=True, metavar="COMMAND")
    if first not in _OWN[1:]:
        _add_capture(commands)
    if first != "capture":
        _add_readers(commands)
    alone = first in (*_OWN, *(name for _, _, names in OTHERS for name in names))
    for module, function, names in OTHERS:
        if first in names or not alone:
            getattr(importlib.import_module(module), function)(commands)
    return top


def _add_readers(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """The commands for sets that are written."""
    show = commands.add_parser("show", help="print a set", description="Read, verify and check a set, and print it: as "
                               "one canonical SIF text, or as JSON. Digests and checks as for a restore.")
    show.add_argument("path", type=Path, metavar="PATH", help="a .sif file (the first part) or the set's directory")
    show.add_argument("--json", action="store_true", help="JSON instead of SIF text")
    show.set_defaults(command=_show)
    check = commands.add_parser("check", help="verify a set, or this machine", description="Read a set as a restore "
                                "would, print every problem with file, line and column, and say whether this version's "
                                "rescue system would restore it; without PATH, say that of this machine as a capture "
                                f"would describe it. Exit code {int(Exit.NOT_RESTORABLE)} if it would not.")
    check.add_argument("path", type=Path, nargs="?", metavar="PATH",
                       help="a .sif file (the first part) or the set's directory")
    check.add_argument("--exclude", action="append", default=[], metavar="NAME",
                       help="without PATH: as in `sif capture`")
    check.add_argument("--on", action="append", default=[], metavar="MACHINE",
                       help="with PATH: would it restore there? `itself`, JSON as `rescue plan --show-hardware` prints "
                       "it, or the set of another machine; may be repeated")
    check.set_defaults(command=_check)
    compare = commands.add_parser("diff", help="compare two sets", description="Print every key that differs. "
                                  f"Exit code {int(Exit.DIFFERENT)} if there is one.")
    compare.add_argument("a", type=Path, metavar="A", help="the first set: file or directory")
    compare.add_argument("b", type=Path, metavar="B", help="the second set: file or directory")
    compare.add_argument("--identity", action="store_true",
                         help="only what a restored machine must have in common with the original")
    compare.set_defaults(command=_diff)


def _add_capture(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sub = commands.add_parser(
        "capture", help="describe this machine", description="Look at this machine, read-only, and write its set: "
        "dr_state.sif, commands.sif, the volume groups' metadata and a manifest. Needs root. A set that was written "
        "before into the same directory is replaced.")
    sub.add_argument("--output", type=Path, required=True, metavar="DIR",
                     help="directory of the set; made if it is missing (usually MEDIUM/HOSTNAME)")
    sub.add_argument("--root", type=Path, metavar="DIR",
                     help="describe the system whose file systems are mounted at DIR and below it instead of the "
                          "running one; hardware is this machine's")
    sub.add_argument("--catalog", action="store_true",
                     help="add the catalog: digest, mode, owner and capabilities of every file that packages own; "
                          "reads all of them")
    add_capture_options(sub)
    sub.set_defaults(command=_capture)


def add_capture_options(sub: argparse.ArgumentParser) -> None:
    """What a capture looks at; ``sif drift`` has these options too."""
    sub.add_argument("--providers", type=Path, metavar="DIR",
                     help=f"fragments with STORE and COMMAND sections, *.sif (default: {DEFAULT_PROVIDERS} of the "
                          "captured system)")
    sub.add_argument("--provider-config", type=Path, metavar="DIR",
                     help=f"providers to ask for their sections, *.conf (default: {DEFAULT_CONFIG}; with --root none, "
                          "because they are programs of the running system)")
    sub.add_argument("--backup", action="store_true", help="have the providers back up first")
    sub.add_argument("--secrets", type=Path, metavar="FILE",
                     help=f"age file with the values of secret:NAME (default: {DEFAULT_SECRETS}, if it is there)")
    sub.add_argument("--luks-headers", action="store_true",
                     help="put the header of every LUKS volume into the secrets file: with it, and a passphrase that "
                          "it knows, the volume opens; needs --secrets-recipient")
    sub.add_argument("--secrets-recipient", action="append", default=[], metavar="KEY",
                     help="who can open the secrets file with the headers: age or SSH public key; may be repeated")
    sub.add_argument("--secrets-identity", type=Path, action="append", default=[], metavar="FILE",
                     help="opens the secrets file that is there, so that its other secrets are kept; may be repeated")
    sub.add_argument("--name", metavar="HOSTNAME", help="host name to record instead of the machine's own")
    sub.add_argument("--exclude-disk", action="append", default=[], metavar="NAME",
                     help="leave this disk (sdb, nvme1n1, ...) out of the restore; may be repeated")
    sub.add_argument("--exclude", action="append", default=[], metavar="NAME",
                     help="leave this out with everything on it: a disk, partition, volume group or volume, array, "
                          f"pool, mapper name, label or UUID, a swap file's path, or {EXCLUDABLE} (the machine is "
                          "started by something else); may be repeated")
    sub.add_argument("--describe-all", action="store_true",
                     help="write the set even if this version's rescue system cannot rebuild all of it")
    sub.add_argument("--drivers", type=Collect, choices=tuple(Collect), default=Collect.NEEDED, metavar="WHICH",
                     help="kernel modules with their firmware: `needed` for disk, network and stores (default), `all` "
                          "that are loaded, or `none`")
    sub.add_argument("--tool", action="append", default=[], metavar="PATH",
                     help="take this program along for the rescue system: a helper of mount, or one that restores; may "
                          "be repeated")
    add_raw_options(sub)


def look_at(arguments: argparse.Namespace, *, strict: bool = True) -> Captured:
    """The capture that the options of ``sif capture`` ask for, in memory; ``strict``: what they name must be there."""
    return capture(providers=arguments.providers, hostname=arguments.name, exclude_disks=tuple(arguments.exclude_disk),
                   exclude=tuple(arguments.exclude), describe_all=arguments.describe_all, catalog=arguments.catalog,
                   drivers=arguments.drivers, tools=tuple(arguments.tool), raw=arguments.raw, strict_raw=strict,
                   ask=_asker(arguments))


def _asker(arguments: argparse.Namespace) -> Asker:
    """Who asks the providers. Those of another system's tree are programs of that system: they are not run."""
    root = getattr(arguments, "root", None)
    if root is not None and arguments.backup and arguments.provider_config is None:
        raise UsageError("--backup of another system's tree", wanted="--provider-config DIR",
                         hint="the providers of that system are programs of its own; say which of this one are to run")
    config = arguments.provider_config or (Path(DEFAULT_CONFIG) if root is None else None)
    if config is None or not config.is_dir():
        return nobody
    from sif.provider.config import read_config  # a capture without providers does not wait for it
    return asker(read_config(config), backup=arguments.backup, report=_progress)


def _capture(arguments: argparse.Namespace) -> Exit:
    with look.rooted(str(arguments.root or "/")):
        captured = look_at(arguments)
        info, files = completed(captured, arguments, arguments.output)
    if captured.raw:
        from sif.raw.write import write_with_images
        info = write_with_images(info, files, captured.raw, arguments.output, arguments.raw_to)
    else:
        write_set(info, arguments.output, files)
    for note in (*captured.notes, *secrets_notes(info)):
        print(f"note: {printable(note, 2000)}", file=sys.stderr)
    print(f"{info.system.hostname}: {len(info.disks)} disks, {len(info.partitions)} partitions, {len(info.lvs)} "
          f"logical volumes, {len(info.filesystems)} file systems, {len(info.commands)} commands -> {arguments.output}",
          file=sys.stderr)
    return Exit.OK


def completed(captured: Captured, arguments: argparse.Namespace,
              directory: Path) -> Tuple[SystemInformation, Mapping[str, bytes]]:
    """What is added to what was seen: secrets, the number after that of the set in ``directory``, vendors' sections."""
    info, files = _with_secrets(captured, arguments)
    return with_vendor_sections(numbered(info, directory),
                                arguments.providers or look.place(DEFAULT_PROVIDERS)), files


def secrets_notes(info: SystemInformation) -> Tuple[str, ...]:
    """Which secrets an operator will have to type."""
    asked = () if info.secrets else declared_secrets(info)
    return tuple(f"secret {name} is in no secrets file; the operator is asked" for name in asked)


def _with_secrets(captured: Captured, arguments: argparse.Namespace) -> Tuple[SystemInformation, Mapping[str, bytes]]:
    """The captured set with its secrets file, and on request with the LUKS headers in it."""
    if not arguments.luks_headers:
        if arguments.secrets is None and not look.place(str(DEFAULT_SECRETS)).exists():
            return captured.info, captured.files
        from sif.secrets.sets import with_secrets
        return with_secrets(captured.info, captured.files, arguments.secrets)
    if not arguments.secrets_recipient:
        raise UsageError("LUKS headers are written for somebody only", wanted="--secrets-recipient KEY")
    from sif.secrets.headers import with_headers
    return with_headers(captured.info, captured.files, recipients=arguments.secrets_recipient,
                        secrets=arguments.secrets, identities=arguments.secrets_identity)


def _progress(message: Mapping[str, Any]) -> None:
    """A provider's words, for people."""
    if message["type"] == "log":
        print(f"{message['level']}: {message['text']}", file=sys.stderr)


def _show(arguments: argparse.Namespace) -> Exit:
    from sif.jsonform import to_json
    from sif.reader import load_set
    loaded = load_set(arguments.path)
    _warn(loaded.warnings)
    info = loaded.info
    sys.stdout.write(to_json(info) + "\n" if arguments.json else write_text(info.records(), info.foreign))
    return Exit.OK


def _check(arguments: argparse.Namespace) -> Exit:
    if arguments.on and arguments.path is None:
        raise UsageError("no set is named", wanted="sif check PATH --on MACHINE")
    if arguments.path is None:
        return _check_machine(tuple(arguments.exclude))
    if arguments.exclude:
        raise UsageError("nothing can be left out of a set that is written", found="--exclude",
                         wanted="it at the capture")
    from sif.reader import load_set
    loaded = load_set(arguments.path)
    _warn(loaded.warnings)
    print(f"{arguments.path}: sound; {loaded.info.system.hostname}, captured "
          f"{loaded.info.version.created or 'at an unknown time'}", file=sys.stderr)
    if arguments.on:
        from sif.planning import check_on
        return max(verdict(loaded.info), check_on(arguments.path, arguments.on))
    return verdict(loaded.info)


def _check_machine(exclude: Tuple[str, ...]) -> Exit:
    """The verdict on the running machine; nothing is written."""
    captured = capture(exclude=exclude, describe_all=True)
    for note in captured.notes:
        print(f"note: {printable(note, 2000)}", file=sys.stderr)
    return verdict(captured.info)


def verdict(info: SystemInformation) -> Exit:
    """Print whether the rescue system of this version would bring all of the machine back."""
    from sif.restorable import obstacles
    missing = obstacles(info)
    for obstacle in missing:
        print(f"not restorable: {obstacle}")
    if not missing:
        print("restorable")
    return Exit.NOT_RESTORABLE if missing else Exit.OK


def _warn(warnings: Sequence[object]) -> None:
    for warning in warnings:
        print(f"warning: {warning}", file=sys.stderr)


def _diff(arguments: argparse.Namespace) -> Exit:
    from sif.align import aligned
    from sif.diff import diff
    from sif.reader import load_set
    before, after = load_set(arguments.a).info, load_set(arguments.b).info
    # The same machine may have found its disks in another order; what its parts are called is no identity.
    found = diff(before, aligned(before, after).info if arguments.identity else after, arguments.identity)
    for difference in found:
        print(difference)
    return Exit.DIFFERENT if found else Exit.OK
