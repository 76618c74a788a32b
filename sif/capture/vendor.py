"""Vendors' own sections from the providers' fragments: they go into the set as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List

from sif.foreign import Foreign
from sif.media import BadFile, read_file
from sif.merge import duplicates, foreign_in_order
from sif.model import SystemInformation
from sif.parse import parse_document
from sif.plain import replace
from sif.problems import Subject, located, rejection
from sif.text import MAX_FILE_BYTES, decode


def with_vendor_sections(info: SystemInformation, directory: Path) -> SystemInformation:
    """The set with every ``[X-VENDOR.KIND id]`` of the fragments ``*.sif`` in ``directory``.

    What is wrong with a fragment is :func:`sif.capture.providers.read_providers`' to say. Raises SifRejected for a
    section that two of them have.
    """
    found: List[Foreign] = []
    places: Dict[Subject, str] = {}
    paths = sorted(p for p in directory.iterdir() if p.name.lower().endswith(".sif")) if directory.is_dir() else []
    for path in paths:
        try:
            text, _ = decode(read_file(directory, path.name, MAX_FILE_BYTES), str(path))
        except BadFile:
            continue
        document = parse_document(text or "", str(path), fragment=True)
        found.extend(section for section in document.foreign if section.whole)
        places.update(document.places)
    problems = located(duplicates((), found), places)
    if problems:
        raise rejection(str(directory), problems)
    return replace(info, foreign=foreign_in_order((*info.foreign, *found)))
