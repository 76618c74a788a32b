"""One scheduled capture: look, write the set where the configuration says, keep earlier ones that differ."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Optional

from sif.capture import Captured
from sif.drift import Verdict, compare
from sif.drift.cli import drift_of
from sif.errors import Exit, UsageError
from sif.problems import SifRejected, printable
from sif.raw.keep import medium_place, store_place, with_images
from sif.reader import DEFAULT_NAME, LoadedSet, load_set
from sif.signature import sign_set
from sif.units.config import Config, read_config
from sif.units.place import host_directory, keep_copy, opened, prune
from sif.writer import write_set


def scheduled(path: Path, *, if_changed: bool) -> Exit:
    """Capture as the configuration at ``path`` says; with ``if_changed`` only if the machine is not as in its set.

    The set on the medium is the old one or the new one, whatever happens; what differs from it is kept beside it.
    """
    config = read_config(path)
    options = capture_options(config)
    if if_changed:
        with opened(config, writable=False) as base:
            if not _changed(base, options):
                _say("nothing has changed since the last capture")
                return Exit.OK
    from sif.cli import look_at
    with opened(config, writable=True) as base:  # first of all: a medium that is not there is told at once
        captured = look_at(options)
        _write(captured, base / captured.info.system.hostname, options, config)
    return Exit.OK


def capture_options(config: Config) -> argparse.Namespace:
    """The options of ``sif capture`` that the configuration gives, as its command line would."""
    from sif.cli import parser
    return parser("capture").parse_args(["capture", "--output", "unused", *config.options])


def _changed(base: Path, options: argparse.Namespace) -> bool:
    try:
        loaded = load_set(base / options.name if options.name else host_directory(base), images=False)
    except (SifRejected, UsageError):
        return True  # no set, or none that can be used: there has to be one
    found = drift_of(loaded, options, quick=True)
    for change in found.changes:
        _say(printable(change.text, 1000))
    return found.verdict is not Verdict.SAME


def _write(captured: Captured, directory: Path, options: argparse.Namespace, config: Config) -> None:
    from sif.cli import completed, secrets_notes
    info, files = completed(captured, options, directory)
    place = store_place(info.stores, options.raw_to) if options.raw_to else medium_place(directory)
    with with_images(info, files, captured.raw, place, directory) as (complete, everything):
        before = _present_set(directory)
        if before is not None and compare(before.info, complete).changes:
            _say(f"the earlier set is kept as {keep_copy(before).relative_to(directory)}")
        write_set(complete, directory, everything)
    if config.sign_key:
        sign_set(directory, Path(config.sign_key))
    for name in prune(directory, config.keep):
        _say(f"removed the oldest set: {name}")
    for note in (*captured.notes, *secrets_notes(info)):
        _say(f"note: {printable(note, 2000)}")
    _say(f"{info.system.hostname}: captured -> {directory}")


def _present_set(directory: Path) -> Optional[LoadedSet]:
    """The set that is there now, if it is sound: a broken one is not worth keeping."""
    if not (directory / DEFAULT_NAME).is_file():
        return None
    try:
        return load_set(directory)
    except SifRejected as error:
        _say(f"the earlier set is not sound and is not kept: {error.what}")
        return None


def _say(text: str) -> None:
    print(text, file=sys.stderr)
