"""``sif scheduled`` and ``sif install-units``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sif.errors import Exit, UsageError
from sif.run import have, run
from sif.units.config import DEFAULT_CONFIG
from sif.units.install import ENABLED, install, remove


def add_units(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add both subcommands to the ``sif`` command."""
    sub = commands.add_parser(
        "scheduled", help="capture as the configuration says", description="Capture this machine where "
        f"{DEFAULT_CONFIG} says, keep earlier sets that differ, and sign the new one if a key is configured. The units "
        "start this.")
    sub.add_argument("--config", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE",
                     help="the configuration (default: %(default)s)")
    sub.add_argument("--if-changed", action="store_true",
                     help="only if the machine is not as in its set any more, by a quick look")
    sub.set_defaults(command=_scheduled)
    units = commands.add_parser(
        "install-units", help="have captures run on schedule and on change", description="Install the systemd units, "
        "the udev rule and an example of the configuration. Nothing runs before there is "
        f"{DEFAULT_CONFIG}: copy the example, edit it, and try it with `sif scheduled`.")
    units.add_argument("--root", type=Path, default=Path("/"), metavar="DIR",
                       help="install into this tree instead of the running system")
    units.add_argument("--sif", default=None, metavar="COMMAND",
                       help="how the units start sif: an absolute path (default: this program)")
    units.add_argument("--remove", action="store_true", help="take them out again; the configuration stays")
    units.set_defaults(command=_install)


def _scheduled(arguments: argparse.Namespace) -> Exit:
    from sif.units.scheduled import scheduled
    return scheduled(arguments.config, if_changed=arguments.if_changed)


def _install(arguments: argparse.Namespace) -> Exit:
    root = arguments.root
    if not root.is_dir():
        raise UsageError("no such directory", found=str(root), wanted="the root of a system's tree")
    live = root.resolve() == Path("/") and Path("/run/systemd/system").is_dir()
    if arguments.remove:
        if live:
            run(["systemctl", "disable", "--now", *(unit for unit, _ in ENABLED), "sif-drift.timer"], timeout=60,
                check=False)
        paths = remove(root)
    else:
        paths = install(root, arguments.sif or this_program())
    if live:
        run(["systemctl", "daemon-reload"], timeout=60)
        if have("udevadm"):
            run(["udevadm", "control", "--reload"], timeout=60)
        if not arguments.remove:
            run(["systemctl", "start", *(unit for unit, _ in ENABLED)], timeout=60)
    for path in paths:
        print(root / path)
    return Exit.OK


def this_program() -> str:
    """The command that started this program, as a unit can start it. Raises UsageError when that is not a file."""
    path = Path(sys.argv[0]).resolve()
    if not path.is_file() or path.name == "__main__.py":
        raise UsageError("the units need a program to start", found=str(path), wanted="sif.pyz or an installed sif",
                         hint="name it: --sif /usr/local/sbin/sif.pyz")
    return str(path)
