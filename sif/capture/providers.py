"""Providers: the fragments in which backup programs say how they restore."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

from sif.capture.from_providers import ProvidersPart
from sif.media import MAX_SET_FILE_BYTES, SCHEME, BadFile, read_file, sha256_hex
from sif.merge import duplicates
from sif.model import Driver, Record, SetFile
from sif.parse import parse_document
from sif.problems import Problem, Subject, errors_of, located, rejection
from sif.text import MAX_FILE_BYTES, decode

DEFAULT_PROVIDERS = "/etc/sif/providers.d"


def read_providers(directory: Path) -> ProvidersPart:
    """The STORE, COMMAND, DRIVER and FILE records of every ``*.sif`` in the directory, in the order of the file names.

    What they name as ``media:PATH`` is the file PATH in the directory, and goes into the set. A directory that is not
    there has none. Raises SifRejected with everything that is wrong in any of them.
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
    files = _files(directory, records, problems)
    if errors_of(problems):
        raise rejection(str(directory), problems)
    return ProvidersPart(tuple(records), files)


def _files(directory: Path, records: Sequence[Record], problems: List[Problem]) -> Dict[str, bytes]:
    """The files that DRIVER and FILE records have on the medium, by path in the set, held to their digests."""
    found: Dict[str, bytes] = {}
    for record in records:
        if not isinstance(record, (Driver, SetFile)) or not (record.path or "").startswith(SCHEME):
            continue
        where, path = f"[{record.KIND} {record.id}] path", str(record.path)[len(SCHEME):]
        try:
            data = read_file(directory, path, MAX_SET_FILE_BYTES)
        except BadFile as error:
            problems.append(Problem(error.what, where, error.found,
                                    hint=error.hint or f"it is looked for in {directory}"))
            continue
        digest = sha256_hex(data)
        if digest != record.sha256:
            problems.append(Problem("the file is not the one of the section", where, found=f"SHA-256 {digest}",
                                    wanted=str(record.sha256)))
        found[path] = data
    return found
