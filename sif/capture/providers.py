"""Providers: the fragments in which backup programs say how they restore."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Tuple

from sif.media import BadFile, read_file
from sif.merge import duplicates
from sif.model import Command, Driver, Record, SetFile, Store
from sif.parse import parse_document
from sif.problems import Problem, Subject, errors_of, located, rejection
from sif.text import MAX_FILE_BYTES, decode

DEFAULT_PROVIDERS = "/etc/sif/providers.d"


def read_providers(directory: Path) -> Tuple[Tuple[Store, ...], Tuple[Command, ...]]:
    """The STORE and COMMAND records of every ``*.sif`` in the directory, in the order of the file names.

    A directory that is not there has none. Raises SifRejected with everything that is wrong in any of them.
    """
    records: List[Record] = []
    problems: List[Problem] = []
    places: Dict[Subject, str] = {}
    paths = sorted(p for p in directory.iterdir() if p.name.lower().endswith(".sif")) if directory.is_dir() else []
    for path in paths:
        try:
            data = read_file(directory, path.name, MAX_FILE_BYTES)
        except BadFile as error:
            problems.append(Problem(error.what, str(path), error.found, hint=error.hint))
            continue
        text, faults = decode(data, str(path))
        document = parse_document(text, str(path), fragment=True) if text is not None else None
        problems.extend(faults)
        if document is not None:
            problems.extend(document.problems)
            records.extend(document.records)
            places.update(document.places)
    problems.extend(located(duplicates(records), places))
    if errors_of(problems):
        raise rejection(str(directory), problems)
    return (tuple(r for r in records if isinstance(r, Store)), tuple(r for r in records if isinstance(r, Command)))
