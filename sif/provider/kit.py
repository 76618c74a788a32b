"""The conformance kit: what a provider must do, as numbered checks that a vendor runs on its own program.

    sif provider test ./my-provider --config location=/tmp/store

A small tree in a scratch directory is backed up into the store that the configuration names, and restored beside
itself. Each check either holds or says what was expected and what was found.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from sif.capture.from_providers import ProvidersPart
from sif.check import check
from sif.errors import LifeboatError
from sif.model import Command, FileSystem, Firmware, FsType, Ref, System, SystemInformation, Version
from sif.plain import dataclass
from sif.provider import protocol
from sif.provider.client import Provider, environment
from sif.provider.entry import Entry, back_up, collected, entry_of
from sif.provider.protocol import Conversation
from sif.provider.report import silent
from sif.provider.trees import differences, make_tree
from sif.provider.trial import NotRestored, Trial, secret_files, values_of
from sif.run_exchange import Exchange, converse

_SHORT = 15.0
_UNTIL_ASKED = 2.0
_RANGES = {"1": (1000, 1999), "2": (2000, 3999), "final": (4000, 4999), "error": (9000, 9999)}


class Broken(Exception):
    """A check that does not hold: what was expected and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, found


@dataclass(frozen=True)
class Outcome:
    """One check: ``expected`` and ``found`` are None when it holds; ``skipped`` says why it does not apply.

    ``note`` says what of it was not tried.
    """

    number: int
    title: str
    expected: Optional[str] = None
    found: Optional[str] = None
    skipped: Optional[str] = None
    note: Optional[str] = None

    @property
    def ok(self) -> bool:
        return self.expected is None


class Bench:
    """One provider under test, with a tree to back up and what earlier checks found out."""

    def __init__(self, provider: Provider, scratch: Path, secrets: Mapping[str, str]) -> None:
        self.provider, self.scratch = provider, scratch
        self.secrets = secret_files(provider.config, secrets)
        self.tree, self.target, self.output = (scratch / name for name in ("tree", "target", "output"))
        for folder in (self.tree, self.target, self.output):
            folder.mkdir(parents=True)
        make_tree(self.tree)
        self.volumes: Tuple[Mapping[str, str], ...] = ({"id": "data", "mount": str(self.tree), "type": "ext4"},)
        self.description: Optional[protocol.Description] = None
        self.backup: Optional[protocol.Backup] = None
        self.entry: Optional[Entry] = None
        self.note: Optional[str] = None

    def kind(self) -> str:
        return str(self.need(self.description, "describe").kind)

    def need(self, value: Any, what: str) -> Any:
        if value is None:
            raise Broken(f"{what} to work", "it does not: see above")
        return value

    def raw(self, request: bytes, seconds: float = _SHORT,
            report: Callable[[Mapping[str, Any]], None] = silent) -> Tuple[Conversation, Exchange]:
        """Send any bytes; the conversation, and how the program ended."""
        talk = Conversation(report)
        done = converse(self.provider.argv, request=request, on_line=talk.line, timeout=seconds,
                        max_bytes=protocol.MAX_OUTPUT_BYTES, env=environment())
        return talk, done

    def refused(self, request: bytes, codes: Tuple[str, ...]) -> None:
        """The request must be answered by an error with one of the codes, and an exit status that is not 0."""
        talk, done = self.raw(request)
        if talk.fault is not None:
            raise Broken("an error line of the protocol", f"{talk.fault.what}: {talk.fault.found}")
        if done.ended:
            raise Broken("an answer", done.ended)
        if talk.error is None or talk.error["code"] not in codes or done.status == 0:
            raise Broken(f"an error with code {' or '.join(codes)}, and an exit status that is not 0",
                         f"{talk.error or talk.result}, exit status {done.status}")


def describes(bench: Bench) -> None:
    bench.description = bench.provider.describe()


def same_twice(bench: Bench) -> None:
    if bench.provider.describe() != bench.need(bench.description, "describe"):
        raise Broken("the same description every time", "another one")


def unknown_method(bench: Bench) -> None:
    bench.refused(protocol.request("no-such-method", bench.provider.config, {}), ("usage",))


def other_protocol(bench: Bench) -> None:
    bench.refused(protocol.request("describe", {}, {}, protocol=999), ("protocol",))


def not_json(bench: Bench) -> None:
    bench.refused(b"describe, please\n", ("protocol", "usage"))


def empty_request(bench: Bench) -> None:
    bench.refused(b"", ("protocol", "usage"))


def ends_when_asked(bench: Bench) -> None:
    """A request that never ends: SIGTERM after a while must end the program and all that it started."""
    talk = Conversation(lambda _message: None)
    marker = bench.scratch / "marker"
    env = {**environment(), "LIFEBOAT_KIT": str(marker)}
    done = converse(("sh", "-c", 'sleep 60 | "$0"', *bench.provider.argv[:1]) if len(bench.provider.argv) == 1 else
                    ("sh", "-c", 'sleep 60 | "$@"', "kit", *bench.provider.argv), request=b"", on_line=talk.line,
                    timeout=_UNTIL_ASKED, max_bytes=protocol.MAX_OUTPUT_BYTES, env=env)
    # the answer tells, not the end: the shell waits for sleep even when the provider is long gone
    if done.ended is None or talk.lines:
        raise Broken("it waits for the whole request", f"it answered an incomplete one: {talk.result or talk.error}")


def quiesces(bench: Bench) -> None:
    if "quiesce" not in bench.need(bench.description, "describe").methods:
        raise _Skip("it has no quiesce")
    token = bench.provider.quiesce(bench.volumes)
    bench.provider.thaw(token)
    bench.provider.thaw(token)


def backs_up(bench: Bench) -> None:
    bench.backup = back_up(bench.provider, bench.volumes, str(bench.output), lambda _message: None)
    if bench.kind() == "backup" and not bench.backup.snapshot:
        raise Broken("a snapshot's id", "none")


def checks_snapshot(bench: Bench) -> None:
    _backup_only(bench)
    found = bench.provider.check(bench.need(bench.backup, "backup").snapshot)
    if not found.reachable or found.newest is None:
        raise Broken("reachable, with the time of the snapshot", str(found))


def checks_missing_snapshot(bench: Bench) -> None:
    _backup_only(bench)
    bench.refused(protocol.request("check", bench.provider.config, {"snapshot": "0123456789abcdef-none"}),
                  ("no-snapshot",))


def checks_missing_store(bench: Bench) -> None:
    _backup_only(bench)
    away = {**bench.provider.config}
    changed = [key for key, value in away.items()
               if isinstance(value, str) and value.startswith("/") and not key.endswith("_file")]
    if not changed:
        raise _Skip("its configuration names no local path")
    away.update({key: str(bench.scratch / "not-there") for key in changed})
    bench.refused(protocol.request("check", away, {"snapshot": None}), ("unreachable",))


def _params(bench: Bench) -> Dict[str, Any]:
    files = collected(bench.provider.name, bench.output)
    return {"volumes": list(bench.volumes), "snapshot": bench.need(bench.backup, "backup").snapshot, "sequence": 2000,
            "store": "kit", "files": sorted(files), "output": str(bench.output)}


def gives_entry(bench: Bench) -> None:
    snapshot = bench.need(bench.backup, "backup").snapshot
    found = entry_of(bench.provider, bench.volumes, snapshot, 2000, "kit", bench.output)
    bench.entry = Entry(bench.provider.name, *found)


def gives_entry_later(bench: Bench) -> None:
    """As in a capture without a backup: the snapshot is what ``check`` says, and nothing was left for the set."""
    _backup_only(bench)
    first = bench.need(bench.entry, "restore-entry")
    later = bench.scratch / "later"
    later.mkdir()
    snapshot = bench.provider.check(None).snapshot
    records, files = entry_of(bench.provider, bench.volumes, snapshot, 2000, "kit", later)
    if records != first.records or sorted(files) != sorted(first.files):
        raise Broken("the sections and files that it gave after the backup", "others")


def same_entry_twice(bench: Bench) -> None:
    bench.need(bench.entry, "restore-entry")
    if bench.provider.restore_entry(_params(bench)) != bench.provider.restore_entry(_params(bench)):
        raise Broken("the same sections for the same question", "others")


def numbers_in_range(bench: Bench) -> None:
    commands = [record for record in bench.need(bench.entry, "restore-entry").records if isinstance(record, Command)]
    for command in commands:
        low, high = _RANGES[command.phase.value]
        if not low <= command.sequence <= high:
            raise Broken(f"a command of phase {command.phase.value} between {low} and {high}", str(command.sequence))
    if bench.kind() == "backup":
        phases = {command.phase.value for command in commands}
        if not {"1", "2"} <= phases:
            raise Broken("a command of phase 1 that looks for the snapshot, and one of phase 2 that restores",
                         f"phases {', '.join(sorted(phases)) or 'none'}")


def keeps_secrets(bench: Bench) -> None:
    """No value of a file that holds a secret may be in a section, in a file for the set, or in what is said."""
    files = {key: str(value) for key, value in bench.provider.config.items() if key.endswith("_file")}
    secrets = values_of({**files, **bench.secrets})
    said: List[str] = []
    told: List[Mapping[str, Any]] = []
    for method, params in (("restore-entry", _params(bench)), ("check", {"snapshot": None})):
        if method in bench.need(bench.description, "describe").methods:
            talk, done = bench.raw(protocol.request(method, bench.provider.config, params), protocol.SECONDS[method],
                                   told.append)
            said += [json.dumps([*told, talk.result, talk.error], ensure_ascii=False, default=str), done.stderr]
    if any(secret in text for secret in secrets for text in said):
        raise Broken("sections, messages and standard error that name a secret", "some that hold one")
    files_with = [path for path, data in bench.need(bench.entry, "restore-entry").files.items()
                  if any(secret.encode() in data for secret in secrets)]
    if files_with:
        raise Broken("files without secrets", ", ".join(files_with))


def fits_a_set(bench: Bench) -> None:
    """The sections pass the checks that a set has to pass, in a set of one file system."""
    part = ProvidersPart(bench.need(bench.entry, "restore-entry").records)
    bare = SystemInformation(
        version=Version("$SIF$", "2.0", "00000000-0000-4000-8000-000000000000", part=1, parts=1),
        system=System("system", hostname="kit.example.org", firmware=Firmware.BIOS, arch=os.uname().machine,
                      boot_fs=Ref("data"), root_fs=Ref("data")),
        filesystems=(FileSystem("data", Ref("d0"), FsType.EXT4, "4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1001", mount="/"),))
    known = {str(problem) for problem in check(bare)}
    wrong = [str(problem) for problem in check(part.into(bare)) if str(problem) not in known]
    if wrong:
        raise Broken("sections that the checks of a set accept", "; ".join(wrong[:5]))


def restores(bench: Bench) -> None:
    """The commands, run as the rescue system runs them, bring the same tree back."""
    _backup_only(bench)
    entry = bench.need(bench.entry, "restore-entry")
    mount = bench.target / str(bench.tree).lstrip("/")
    mount.mkdir(parents=True)
    path = bench.provider.config.get("path")
    try:
        untried = Trial(entry, bench.scratch, bench.target, mount, path if isinstance(path, str) else None,
                        bench.secrets).run()
    except NotRestored as error:
        raise Broken(error.expected, error.found) from error
    if untried:
        bench.note = f"not tried, because they run inside a restored system: {', '.join(untried)}"
    wrong = differences(bench.tree, mount)
    if wrong:
        raise Broken("the same tree", "; ".join(wrong[:5]))


def _backup_only(bench: Bench) -> None:
    if bench.kind() != "backup":
        raise _Skip("it is a collector")


class _Skip(Exception):
    """The check does not apply to this provider."""


CHECKS: Tuple[Tuple[str, Callable[[Bench], None]], ...] = (
    ("describe says what it is", describes),
    ("describe says the same twice", same_twice),
    ("an unknown method is refused as usage", unknown_method),
    ("another protocol is refused as protocol", other_protocol),
    ("a request that is not JSON is refused", not_json),
    ("an empty request is refused", empty_request),
    ("it waits for the whole request and ends when asked to", ends_when_asked),
    ("quiesce and thaw work, thaw twice too", quiesces),
    ("backup backs up", backs_up),
    ("check finds the snapshot", checks_snapshot),
    ("check says that a snapshot is missing", checks_missing_snapshot),
    ("check says that the store is missing", checks_missing_store),
    ("restore-entry gives sections of the schema", gives_entry),
    ("restore-entry gives the same sections twice", same_entry_twice),
    ("restore-entry needs no backup just before it", gives_entry_later),
    ("commands have numbers of their phase, and there is a look before the restore", numbers_in_range),
    ("secrets are named and not shown", keeps_secrets),
    ("the sections fit into a set", fits_a_set),
    ("the commands bring the tree back", restores),
)
"""Every check, in order: title and what it does."""


def examine(provider: Provider, scratch: Path, secrets: Optional[Mapping[str, str]] = None) -> Tuple[Outcome, ...]:
    """Run every check on a provider; ``scratch`` is an empty directory, ``secrets`` maps names to files."""
    bench = Bench(provider, scratch / "bench", secrets or {})
    try:
        return tuple(_outcome(number, title, look, bench) for number, (title, look) in enumerate(CHECKS, 1))
    finally:
        shutil.rmtree(bench.scratch, ignore_errors=True)


def _outcome(number: int, title: str, look: Callable[[Bench], None], bench: Bench) -> Outcome:
    bench.note = None
    try:
        look(bench)
    except _Skip as skip:
        return Outcome(number, title, skipped=str(skip))
    except Broken as broken:
        return Outcome(number, title, broken.expected, broken.found)
    except LifeboatError as error:
        return Outcome(number, title, "an answer of the protocol", str(error))
    return Outcome(number, title, note=bench.note)
