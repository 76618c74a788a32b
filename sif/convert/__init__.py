"""Importers: what other recovery programs recorded, as a SIF/2 set and a report of everything that did not fit."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional

from sif.capture import PROVIDER
from sif.check import check
from sif.convert.asr import convert_asr
from sif.convert.draft import Draft
from sif.convert.errors import ConversionFailed, DraftOnly, ForeignRejected
from sif.convert.rear import convert_rear
from sif.convert.report import REPORT_NAME, Ledger, Note, Report, SourceDigest
from sif.convert.writing import write_conversion
from sif.features import features_of
from sif.model import SystemInformation
from sif.plain import replace
from sif.problems import Problem, errors_of, located

__all__ = ["REPORT_NAME", "Conversion", "ConversionFailed", "DraftOnly", "ForeignRejected", "Format", "Note", "Report",
           "convert", "detect_format", "write_conversion"]


class Format(str, Enum):
    """The foreign formats that are read."""

    ASR = "asr"
    REAR = "rear"


_IMPORTERS: Dict[Format, Callable[[Path, Optional[str], Ledger], Draft]] = {
    Format.ASR: convert_asr, Format.REAR: convert_rear,
}


class Conversion:
    """A converted source: the content, the set's further files, and the report."""

    def __init__(self, info: SystemInformation, files: Mapping[str, bytes], report: Report) -> None:
        self.info, self.files, self.report = info, files, report


def detect_format(path: Path) -> Format:
    """ASR for a ``.sif`` file or a directory with an ``asr.sif``; ReaR for everything else."""
    try:
        names = [entry.name for entry in path.iterdir()] if path.is_dir() else [path.name]
    except OSError as error:
        raise _unreadable(path, error) from error
    is_asr = "asr.sif" in [name.lower() for name in names] if path.is_dir() else names[0].lower().endswith(".sif")
    return Format.ASR if is_asr else Format.REAR


def _unreadable(path: Path, error: OSError) -> ForeignRejected:
    return ForeignRejected(str(path), [Problem(f"the source cannot be read: {error.strerror}", f"{path}:1",
                                               error.filename)])


def convert(path: Path, kind: Format, hostname: Optional[str] = None) -> Conversion:
    """Read the source at ``path``; writes nothing. The same source gives the same content, byte for byte.

    Raises ForeignRejected for a source that is malformed, with every fault's file and line. Anything that a set
    cannot hold is in the report, and so is what ``sif check`` says of the content.
    """
    ledger = Ledger()
    try:
        draft = _IMPORTERS[kind](path, hostname, ledger)
    except OSError as error:
        raise _unreadable(path, error) from error
    info = replace(draft.info, version=replace(draft.info.version, requires=features_of(draft.info),
                                               provider=f"{PROVIDER} convert"))
    counts: Dict[str, int] = {}
    for record in info.records():
        counts[record.KIND] = counts.get(record.KIND, 0) + 1
    report = Report(
        source=kind.value, files=tuple(SourceDigest(f.name, f.sha256, len(f.data)) for f in draft.sources),
        entries=ledger.entries([f.name for f in draft.sources]), sections=tuple(counts.items()),
        set_id=info.version.set_id, check=errors_of(located(check(info), ledger.places)))
    return Conversion(info, draft.files, report)
