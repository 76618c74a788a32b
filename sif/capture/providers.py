"""Providers: the fragments in which backup programs say how they restore."""

from __future__ import annotations

from pathlib import Path
from typing import List, Tuple

from sif.model import Command, Record, Store
from sif.parse import parse_document
from sif.problems import Problem, errors_of, rejection

DEFAULT_PROVIDERS = "/etc/sif/providers.d"


def read_providers(directory: Path) -> Tuple[Tuple[Store, ...], Tuple[Command, ...]]:
    """The STORE and COMMAND records of every ``*.sif`` in the directory, in the order of the file names.

    A directory that is not there has none. Raises SifRejected with everything that is wrong in any of them.
    """
    records: List[Record] = []
    problems: List[Problem] = []
    paths = sorted(p for p in directory.iterdir() if p.name.lower().endswith(".sif")) if directory.is_dir() else []
    for path in paths:
        document = parse_document(path.read_text(encoding="utf-8"), str(path), fragment=True)
        problems.extend(document.problems)
        records.extend(document.records)
    if errors_of(problems):
        raise rejection(str(directory), problems)
    return (tuple(r for r in records if isinstance(r, Store)), tuple(r for r in records if isinstance(r, Command)))
