"""``sif catalog write`` and ``sif catalog check``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import List, Tuple

from sif import media
from sif.catalog.collect import collect
from sif.catalog.entry import Entry
from sif.catalog.part import notes
from sif.catalog.text import MAX_CATALOG_BYTES, escape, read_catalog, write_catalog
from sif.catalog.verify import verify_catalog
from sif.errors import Exit, LifeboatError, UsageError
from sif.problems import printable
from sif.reader import load_set


class WriteFailed(LifeboatError):
    """The catalog could not be written."""

    code = Exit.CAPTURE_FAILED


def add_catalog(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``catalog`` and its two subcommands."""
    top = commands.add_parser("catalog", help="list the files of packages, or compare a tree with the list",
                              description="The catalog of a system: every file that packages own and that is no "
                                          "configuration, with digest, mode, owner and capabilities.")
    actions = top.add_subparsers(title="actions", required=True, metavar="ACTION")
    write = actions.add_parser("write", help="make a catalog", description="Ask dpkg's and rpm's databases for the "
                               "files of packages, read them all, and write the catalog.")
    _common(write)
    write.add_argument("--package", action="append", default=None, metavar="NAME",
                       help="only the files of this package; may be repeated")
    write.add_argument("output", type=Path, metavar="FILE", help="the catalog to write; - is standard output")
    write.set_defaults(command=_write)
    check = actions.add_parser("check", help="compare a tree with a catalog", description="Read every listed file and "
                               f"print what is missing or different. Exit code {int(Exit.DIFFERENT)} if anything is.")
    _common(check)
    check.add_argument("path", type=Path, metavar="PATH",
                       help="a catalog, or a set that has one: its .sif file or directory")
    check.set_defaults(command=_check)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--root", type=Path, default=Path("/"), metavar="DIR",
                        help="the tree to look at (default: %(default)s)")
    parser.add_argument("--threads", type=_positive, default=None, metavar="N",
                        help="how many files to read at a time (default: one per processor)")


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 256:
        raise argparse.ArgumentTypeError("1 to 256")
    return number


def _write(arguments: argparse.Namespace) -> Exit:
    collected = collect(_directory(arguments.root), packages=arguments.package, threads=arguments.threads)
    data = write_catalog(collected.entries)
    try:
        if str(arguments.output) == "-":
            sys.stdout.buffer.write(data)
        else:
            arguments.output.write_bytes(data)
    except OSError as error:
        raise WriteFailed("the catalog could not be written", where=str(arguments.output), found=str(error)) from error
    for note in notes(collected):
        print(f"note: {printable(note, 2000)}", file=sys.stderr)
    print(f"{len(collected.entries)} files of {collected.packages} packages, {collected.bytes_read / 2 ** 20:.1f} MiB "
          f"-> {arguments.output}", file=sys.stderr)
    return Exit.OK


def _check(arguments: argparse.Namespace) -> Exit:
    catalog = _read(arguments.path)
    report = verify_catalog(_directory(arguments.root), catalog, threads=arguments.threads)
    for entry in report.missing:
        print(f"missing {escape(entry.path)} ({entry.package} {entry.version})")
    for difference in report.different:
        print(difference)
    changed = len({difference.entry.path for difference in report.different})
    print(f"{report.checked} files, {report.bytes_read / 2 ** 20:.1f} MiB read: {len(report.missing)} missing, "
          f"{changed} different; {len(report.differed_before)} differed from their packages when they were captured",
          file=sys.stderr)
    return Exit.OK if report.ok else Exit.DIFFERENT


def _directory(root: Path) -> Path:
    if not root.is_dir():
        raise UsageError("no such directory", where=str(root), wanted="the root of a system's tree")
    return root


def _read(path: Path) -> Tuple[Entry, ...]:
    if not path.is_dir() and path.suffix.lower() != ".sif":
        try:
            data = media.read_file(path.parent, path.name, MAX_CATALOG_BYTES)
        except media.BadFile as error:
            raise UsageError(error.what, where=str(path), found=error.found, hint=error.hint) from error
        return read_catalog(data, str(path))
    loaded = load_set(path)
    files = dict(loaded.files)
    found: List[Entry] = []
    for section in loaded.info.catalogs:
        found.extend(read_catalog(files[section.path[len(media.SCHEME):]], section.path))
    if not loaded.info.catalogs:
        raise UsageError("the set has no catalog", where=str(path), hint="capture with --catalog")
    return tuple(found)
