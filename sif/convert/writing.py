"""Writing a conversion: the report always, the set only if it is one or the operator wants what there is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Mapping

from sif.convert.errors import ConversionFailed, DraftOnly
from sif.convert.report import REPORT_NAME, Note, Report
from sif.model import SystemInformation
from sif.plain import replace
from sif.problems import MAX_SHOWN, rejection
from sif.reader import DEFAULT_NAME
from sif.writer import WriteFailed, write_set

_NEW = ".new"


def write_conversion(info: SystemInformation, files: Mapping[str, bytes], report: Report, directory: Path,
                     partial: bool) -> Report:
    """Write the set and ``conversion-report.json`` into ``directory``; return the report as it was written.

    Raises ConversionFailed (nothing but the report is written) for what cannot be restored unless ``partial``;
    DraftOnly after writing a partial set that ``sif check`` refuses; SifRejected for a source that contradicts
    itself; WriteFailed. A directory that holds a set already is refused, because its report belongs to it.
    """
    if (directory / DEFAULT_NAME).exists():
        raise WriteFailed("there is a set in this directory already", where=str(directory), found=DEFAULT_NAME,
                          hint="give an empty directory")
    lost = report.of(Note.NOT_RESTORABLE)
    if lost and not partial:
        write_report(report, directory)
        shown = [f"\n    {entry}" for entry in lost[:MAX_SHOWN]]
        more = [f"\n    ... and {len(lost) - MAX_SHOWN} more, in {REPORT_NAME}"] if len(lost) > MAX_SHOWN else []
        raise ConversionFailed("this machine has something that a set cannot hold; no set was written",
                               found="".join([*shown, *more]),
                               wanted="what a set has kinds of sections for, and GRUB 2",
                               hint="--partial writes what can be written, without these")
    if report.check and not lost:
        write_report(report, directory)
        raise rejection(report.files[0].path, report.check)
    write_set(info, directory, files)
    report = replace(report, written=True)
    write_report(report, directory)
    if report.check:
        raise DraftOnly(
            "a draft was written that no restore will accept", where=str(directory / DEFAULT_NAME),
            found="".join(f"\n    {problem}" for problem in report.check[:MAX_SHOWN]),
            hint="complete it by hand until `sif check` accepts it")
    return report


def write_report(report: Report, directory: Path) -> None:
    """Write ``conversion-report.json`` so that a reader sees the old one or the new one. Raises WriteFailed."""
    target = directory / REPORT_NAME
    try:
        directory.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(REPORT_NAME + _NEW)
        with fresh.open("w", encoding="utf-8") as stream:
            stream.write(report.to_json())
            stream.flush()
            os.fsync(stream.fileno())
        fresh.replace(target)
    except OSError as error:
        raise WriteFailed("the report could not be written", where=str(target), found=str(error)) from error
