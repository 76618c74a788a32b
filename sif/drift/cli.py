"""``sif drift``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from sif import look
from sif.align import aligned
from sif.capture import DEFAULT_PROVIDERS, Captured
from sif.capture.vendor import with_vendor_sections
from sif.drift import Drift, compare
from sif.drift.present import changed_files, excluded_disks, raw_names, with_raws
from sif.drift.report import text, to_json
from sif.errors import Exit, UsageError
from sif.plain import replace
from sif.reader import LoadedSet, load_set
from sif.units.config import DEFAULT_CONFIG, read_config
from sif.units.place import current_set


def add_drift(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand to the ``sif`` command."""
    from sif.cli import add_capture_options
    sub = commands.add_parser(
        "drift", help="has this machine changed since its set was written", description="Look at this machine, "
        "read-only, and compare it with its set: what has changed, and whether the set is still good for a restore. "
        f"Exit code {int(Exit.DIFFERENT)} if anything has. Needs root. Disks that the set leaves out, its images and "
        "its host name are taken from the set; give the other options that it was captured with.")
    sub.add_argument("path", type=Path, nargs="?", metavar="SET",
                     help=f"a .sif file or the set's directory (default: where {DEFAULT_CONFIG} has captures written)")
    sub.add_argument("--config", type=Path, default=Path(DEFAULT_CONFIG), metavar="FILE",
                     help="configuration of scheduled captures (default: %(default)s)")
    sub.add_argument("--quick", action="store_true",
                     help="do not read what is kept sector by sector, nor the images of the set")
    sub.add_argument("--catalog", action="store_true", help="compare every file that the set's catalog lists, too")
    sub.add_argument("--json", action="store_true", help="JSON instead of text")
    add_capture_options(sub)
    sub.set_defaults(command=_drift)


def _drift(arguments: argparse.Namespace) -> Exit:
    if arguments.path is not None:
        loaded = load_set(arguments.path, images=not arguments.quick)
    else:
        with current_set(read_config(arguments.config)) as directory:
            loaded = load_set(directory, images=not arguments.quick)
    found = drift_of(loaded, arguments, quick=arguments.quick, catalog=arguments.catalog)
    sys.stdout.write(to_json(found) if arguments.json else text(found))
    return Exit.DIFFERENT if found.changes else Exit.OK


def drift_of(loaded: LoadedSet, arguments: argparse.Namespace, *, quick: bool, catalog: bool = False) -> Drift:
    """Capture the machine in memory and compare. ``arguments`` are the options of a capture.

    Raises what a capture raises: a machine that cannot be captured any more has changed in a way that no set can say.
    """
    if catalog and not loaded.info.catalogs:
        raise UsageError("the set has no catalog", where=str(loaded.directory), hint="capture with --catalog")
    now = present(loaded, arguments)
    info = with_vendor_sections(now.info, arguments.providers or look.place(DEFAULT_PROVIDERS))
    same = aligned(loaded.info, info)
    kept = [replace(one, partition=same.names.get(("PARTITION", one.partition), one.partition)) for one in now.raw]
    return compare(loaded.info, with_raws(same.info, loaded.info, kept, quick),
                   changed_files(loaded, Path("/")) if catalog else ())


def present(loaded: LoadedSet, arguments: argparse.Namespace) -> Captured:
    """The machine now, looked at as its set was captured."""
    from sif.cli import look_at
    saved = loaded.info
    mine = argparse.Namespace(**vars(arguments))
    mine.catalog = mine.backup = False
    mine.name = arguments.name or saved.system.hostname
    mine.exclude_disk = sorted({*arguments.exclude_disk, *excluded_disks(saved)})
    mine.raw = sorted({*arguments.raw, *raw_names(saved)})
    return look_at(mine, strict=False)
