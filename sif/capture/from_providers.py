"""Providers' part of a capture: asked for their sections and files; with a backup before, if that is wanted."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Sequence, Tuple

from sif.model import Record
from sif.provider.client import Provider, silent
from sif.provider.entry import Entry, entries


def volumes_of(records: Sequence[Any]) -> Tuple[Mapping[str, str], ...]:
    """The mounted file systems and subvolumes that a backup is to bring back, as providers get them."""
    return tuple({"id": record.id, "mount": record.mount, "type": _type_of(record)}
                 for record in records if record.mount and record.content == "restore")


def _type_of(record: Any) -> str:
    return str(record.type.value) if hasattr(record, "type") else "btrfs"


def ask(providers: Sequence[Provider], volumes: Sequence[Mapping[str, str]], *, backup: bool,
        report: Any = silent) -> Tuple[Tuple[Record, ...], Dict[str, bytes], Tuple[str, ...]]:
    """(records, files of the set, notes for the administrator) of all providers."""
    found: Tuple[Entry, ...] = entries(providers, volumes, backup=backup, report=report) if providers else ()
    records = tuple(record for entry in found for record in entry.records)
    files = {path: data for entry in found for path, data in entry.files.items()}
    notes = tuple(f"provider {entry.provider} backed up {entry.backup.bytes} bytes"
                  + (f" as snapshot {entry.backup.snapshot}" if entry.backup.snapshot else "")
                  for entry in found if entry.backup is not None)
    return records, files, notes


def of_kind(records: Sequence[Record], kind: "type[Any]") -> Tuple[Any, ...]:
    """The records of one kind."""
    return tuple(record for record in records if isinstance(record, kind))


