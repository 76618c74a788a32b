"""From a provider's restore entry to records and files of the set, and a backup with everything at rest."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
from pathlib import Path
from types import FrameType
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from sif import media
from sif.media import sha256_hex
from sif.merge import duplicates
from sif.model import Command, Phase, Record
from sif.plain import dataclass
from sif.problems import errors_of, rejection
from sif.provider.client import Provider, Report, silent
from sif.provider.errors import ProviderFailed
from sif.provider.protocol import Backup, RawSection, shown
from sif.provider.sections import records_of

OUTPUT = "output:"
"""Before a path: a file that the provider has put into the output directory."""

FIRST_BACKUP, FIRST_COLLECTOR, STEP = 2000, 3000, 20
"""Where the sequence numbers of the first provider of each kind begin, and what those of all are multiples of."""

Volume = Mapping[str, str]


@dataclass(frozen=True)
class Entry:
    """What one provider adds to a set: records, and files by their path in the set."""

    provider: str
    records: Tuple[Record, ...]
    files: Mapping[str, bytes]
    backup: Optional[Backup] = None


class Interrupted(BaseException):
    """A signal that asks the program to end, while applications are at rest."""


def entries(providers: Sequence[Provider], volumes: Sequence[Volume], *, backup: bool,
            report: Report = silent) -> Tuple[Entry, ...]:
    """Ask every provider for its part of the set; with ``backup`` back up first.

    Raises what :class:`sif.provider.client.Provider` does, and SifRejected for sections that the schema refuses.
    """
    found: List[Entry] = []
    numbers = {"backup": FIRST_BACKUP, "collector": FIRST_COLLECTOR}
    for provider in providers:
        kind = provider.describe()
        with tempfile.TemporaryDirectory(prefix="sif-provider-") as output:
            # a collector has nothing but what it collects now
            done = back_up(provider, volumes, output, report) if backup or kind.kind == "collector" else None
            snapshot = done.snapshot if done is not None else None
            if done is None and "check" in kind.methods:
                snapshot = provider.check(None).snapshot
            records, files = entry_of(provider, volumes, snapshot, numbers[kind.kind], provider.name, Path(output))
        numbers[kind.kind] = _behind(numbers[kind.kind], records)
        found.append(Entry(provider.name, records, files, done))
    problems = duplicates([record for entry in found for record in entry.records])
    if errors_of(problems):
        raise rejection("providers", problems)
    return tuple(found)


def entry_of(provider: Provider, volumes: Sequence[Volume], snapshot: Optional[str], sequence: int, store: str,
             output: Path) -> Tuple[Tuple[Record, ...], Mapping[str, bytes]]:
    """The records of a restore entry and their files by path in the set; ``output`` has what a backup left there."""
    params = {"volumes": list(volumes), "snapshot": snapshot, "sequence": sequence, "store": store,
              "files": sorted(collected(provider.name, output)), "output": str(output)}
    sections = provider.restore_entry(params)
    files = collected(provider.name, output)
    return (records_of(provider.name, placed(provider.name, sections, files)),
            {media_path(provider.name, path): data for path, data in files.items()})


def _behind(first: int, records: Sequence[Record]) -> int:
    """Where the numbers of the next provider begin: behind all that one with ``first`` uses in phases 1 and 2."""
    used = [command.sequence + (1000 if command.phase is Phase.PRE else 0) for command in records
            if isinstance(command, Command) and command.phase in (Phase.PRE, Phase.RESTORE)]
    return max((first, *used)) // STEP * STEP + STEP


def back_up(provider: Provider, volumes: Sequence[Volume], output: str, report: Report) -> Backup:
    """One backup; what was brought to rest goes on afterwards, however the backup ended."""
    volumes = tuple(volumes)
    with _at_rest(provider, volumes, report) if "quiesce" in provider.describe().methods else contextlib.nullcontext():
        return provider.backup(tuple(volumes), output, report)


@contextlib.contextmanager
def _at_rest(provider: Provider, volumes: Tuple[Volume, ...], report: Report) -> Iterator[None]:
    """Quiesce and thaw. A signal to end the program thaws first; one that comes while it thaws waits for the end."""
    before = {number: signal.signal(number, _interrupt) for number in (signal.SIGTERM, signal.SIGHUP)} \
        if _main_thread() else {}
    late: List[int] = []
    token = None
    try:
        token = provider.quiesce(volumes, report)
        yield
    finally:
        for number in before:  # not SIG_IGN, which the provider would inherit
            signal.signal(number, lambda number, _frame: late.append(number))
        try:
            if token is not None:
                provider.thaw(token, report)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
    if late:
        raise Interrupted(signal.Signals(late[0]).name)


def _interrupt(number: int, _frame: Optional[FrameType]) -> None:
    raise Interrupted(signal.Signals(number).name)


def _main_thread() -> bool:
    import threading

    return threading.current_thread() is threading.main_thread()


def collected(provider: str, output: Path) -> Dict[str, bytes]:
    """The files of an output directory, by relative path. Raises :class:`ProviderFailed` for what a set cannot hold."""
    found: Dict[str, bytes] = {}
    for folder, folders, names in os.walk(output):
        # a link to a directory is among the directories, and not walked into
        for name in sorted((*names, *(inner for inner in folders if Path(folder, inner).is_symlink()))):
            path = Path(folder, name)
            relative = path.relative_to(output).as_posix()
            fault = media.path_fault(media_path(provider, relative))
            size = path.lstat().st_size
            if path.is_symlink() or not path.is_file() or fault or size > media.MAX_SET_FILE_BYTES:
                raise ProviderFailed(f"provider {provider}: a file that cannot be part of a set", where=shown(relative),
                                     found=fault or f"{size} bytes", wanted="a regular file of at most "
                                     f"{media.MAX_SET_FILE_BYTES} bytes with a name that vfat can hold")
            found[relative] = path.read_bytes()
    return found


def media_path(provider: str, relative: str) -> str:
    """Where a provider's file lies in the set."""
    return f"files/{provider}/{relative}"


def placed(provider: str, sections: Sequence[RawSection], files: Mapping[str, bytes]) -> Tuple[RawSection, ...]:
    """The sections with ``output:`` paths replaced by the place in the set, digests filled in."""
    return tuple(RawSection(section.kind, section.id, _placed(provider, section, files)) for section in sections)


def _placed(provider: str, section: RawSection, files: Mapping[str, bytes]) -> Mapping[str, Any]:
    path = section.keys.get("path")
    if not isinstance(path, str) or not path.startswith(OUTPUT):
        return section.keys
    relative = path[len(OUTPUT):]
    if relative not in files:
        raise ProviderFailed(f"provider {provider}: a section names a file that is not in the output directory",
                             where=f"[{shown(section.kind)} {shown(section.id)}] path", found=shown(relative),
                             wanted=", ".join(sorted(files)[:10]) or "a file")
    path = media.SCHEME + media_path(provider, relative)
    return {**section.keys, "path": path, "sha256": sha256_hex(files[relative])}


