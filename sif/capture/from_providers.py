"""Providers' part of a capture: asked for their sections and files; with a backup before, if that is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, Tuple

from sif.model import Command, Driver, Record, SetFile, Store, SystemInformation
from sif.plain import dataclass, field, replace
from sif.provider.report import Report, silent

if TYPE_CHECKING:
    from sif.provider.client import Provider

Volume = Mapping[str, str]


@dataclass(frozen=True)
class ProvidersPart:
    """What all providers together add to a set."""

    records: Tuple[Record, ...] = ()
    files: Mapping[str, bytes] = field(default_factory=dict)
    notes: Tuple[str, ...] = ()

    def stores(self) -> Tuple[Store, ...]:
        return tuple(record for record in self.records if isinstance(record, Store))

    def into(self, info: SystemInformation) -> SystemInformation:
        """``info`` with the providers' sections behind those that are there."""
        def more(kind: "type[Any]") -> Tuple[Any, ...]:
            return tuple(record for record in self.records if isinstance(record, kind))
        return replace(info, stores=(*info.stores, *more(Store)), commands=(*info.commands, *more(Command)),
                       drivers=(*info.drivers, *more(Driver)), files=(*info.files, *more(SetFile)))


Asker = Callable[[Sequence[Volume]], ProvidersPart]
"""Asks the providers, given the volumes that a backup is to bring back."""


def nobody(_volumes: Sequence[Volume]) -> ProvidersPart:
    """There are no providers."""
    return ProvidersPart()


def asker(providers: "Sequence[Provider]", *, backup: bool, report: Report = silent) -> Asker:
    """Asks these providers; with ``backup`` they back up first. Raises what :func:`sif.provider.entry.entries` does."""
    def ask(volumes: Sequence[Volume]) -> ProvidersPart:
        if not providers:
            return ProvidersPart()
        from sif.provider.entry import entries  # a capture without providers does not wait for it
        found = entries(providers, volumes, backup=backup, report=report)
        notes = tuple(f"provider {entry.provider} backed up {entry.backup.bytes} bytes"
                      + (f" as snapshot {entry.backup.snapshot}" if entry.backup.snapshot else "")
                      for entry in found if entry.backup is not None)
        return ProvidersPart(tuple(record for entry in found for record in entry.records),
                             {path: data for entry in found for path, data in entry.files.items()}, notes)
    return ask


def volumes_of(records: Sequence[Any]) -> Tuple[Volume, ...]:
    """The mounted file systems and subvolumes that a backup is to bring back, as providers get them."""
    return tuple({"id": record.id, "mount": record.mount, "type": _type_of(record)}
                 for record in records if record.mount and getattr(record, "content", "restore") == "restore")


def _type_of(record: Any) -> str:
    return str(record.type.value) if hasattr(record, "type") else "btrfs"
