"""What an earlier capture of the same machine left where the new one goes: the number of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Optional

from sif import media
from sif.codec import MAX_INT
from sif.model import System, SystemInformation
from sif.parse import parse_document
from sif.plain import replace
from sif.problems import SifRejected
from sif.text import MAX_FILE_BYTES, decode


def numbered(info: SystemInformation, directory: Path) -> SystemInformation:
    """The set with ``serial`` one higher than that of this machine's earlier set in ``directory``; else 1.

    The earlier set is only looked at: one that is broken, or another machine's, does not keep a machine from being
    captured. An earlier set without a number counts as the first.
    """
    before = earlier_serial(directory, info.system.hostname)
    return replace(info, version=replace(info.version, serial=1 if before is None else min(before + 1, MAX_INT)))


def earlier_serial(directory: Path, hostname: str) -> Optional[int]:
    """The number of the set of ``hostname`` in ``directory``; None when there is none that can be read."""
    if not directory.is_dir():
        return None
    try:
        if not any(entry.name.lower().endswith(".sif") for entry in directory.iterdir()):
            return None
        from sif.reader import find_sif
        first = find_sif(directory)
        text, _ = decode(media.read_file(first.parent, first.name, MAX_FILE_BYTES), first.name)
    except (SifRejected, media.BadFile, OSError):
        return None
    document = parse_document(text or "", first.name)
    systems = [record for record in document.records if isinstance(record, System)]
    if document.version is None or [system.hostname for system in systems] != [hostname]:
        return None
    return 1 if document.version.serial is None else document.version.serial
