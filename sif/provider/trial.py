"""The commands of a restore entry, run as the rescue system runs them: the last check of the conformance kit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Mapping, Optional, Sequence, Tuple

from sif.errors import CommandFailed, ToolMissing
from sif.media import SCHEME
from sif.model import Command, Record, SetFile, Store
from sif.plain import dataclass
from sif.problems import printable
from sif.provider.entry import Entry
from sif.run import run
from sif.substitution import Placeholder, substitute
from sif.writer import write_text

PHASES = ("1", "2", "final")
"""Those that run without an error, in their order."""

_SECONDS = 600.0
_PATH = ("usr/local/sbin", "usr/local/bin")
HIDDEN = "[secret]"


class NotRestored(Exception):
    """A command that can't be run, or fails: what was expected and what was found."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(expected)
        self.expected, self.found = expected, found


def secret_files(config: Mapping[str, object], given: Mapping[str, str]) -> Mapping[str, str]:
    """Name of a secret → the file that holds it on this machine: as given, else the one that the configuration names.

    A configuration's ``secret`` is in its ``password_file``, or in its only key that ends in ``_file``.
    """
    files = {key: value for key, value in config.items() if key.endswith("_file") and isinstance(value, str)}
    name = config.get("secret")
    file = files.get("password_file") or (next(iter(files.values())) if len(files) == 1 else None)
    return {**({name: file} if isinstance(name, str) and file else {}), **given}


@dataclass(frozen=True)
class Trial:
    """A rescue system in a scratch directory: ``target`` is the restored tree, in which every volume is at ``mount``.

    ``path`` is where the store is on this machine if its section says another place; ``secrets`` as
    :func:`secret_files` gives them.
    """

    entry: Entry
    scratch: Path
    target: Path
    mount: Path
    path: Optional[str]
    secrets: Mapping[str, str]

    def run(self) -> Tuple[str, ...]:
        """Run all commands; the ids of those that can't be tried here. Raises NotRestored."""
        copies = self._files_in_place()
        commands = [record for record in self.entry.records if isinstance(record, Command)]
        (self.scratch / "dr_state.sif").write_text(write_text(self.entry.records), "utf-8")
        inside = []
        for phase in PHASES:
            for command in sorted((c for c in commands if c.phase.value == phase), key=lambda c: c.sequence):
                if command.chroot:
                    inside.append(command.id)  # there is no system in the target that it could run in
                    continue
                self._run(command, copies)
        return tuple(inside)

    def _files_in_place(self) -> Mapping[str, str]:
        """Lay out the FILEs that come with the set below the scratch directory; target → where it lies now."""
        found: Dict[str, str] = {}
        for record in self.entry.records:
            if isinstance(record, SetFile) and record.path.startswith(SCHEME):
                place = self.scratch / "rescue" / record.target.lstrip("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(self.entry.files[record.path[len(SCHEME):]])
                place.chmod(int(record.mode, 8))
                found[record.target] = str(place)
        return found

    def _run(self, command: Command, copies: Mapping[str, str]) -> None:
        def filled(word: str) -> str:
            return copies.get(word) or substitute(word, lambda name: self._value(command, name))
        argv = [filled(word) for word in command.argv]
        pairs = [pair.partition("=") for pair in command.env]
        env = {**self._environment(command), **{name: filled(value) for name, _, value in pairs}}
        try:
            done = run(argv, timeout=min(_SECONDS, float(command.timeout_s)), env=env, check=False)
        except ToolMissing as error:
            raise NotRestored(f"command {command.id} to start", f"{error.found}; what the rescue system lacks goes "
                              "along as a FILE") from error
        except CommandFailed as error:
            raise NotRestored(f"command {command.id} to end", f"{error.found}") from error
        if done.status not in command.success:
            said = self._discreet((done.stderr or done.stdout).strip()[-400:])
            raise NotRestored(f"command {command.id} to end with {', '.join(map(str, command.success))}",
                              f"exit status {done.status}" + (f"; it said: {printable(said)}" if said else ""))

    def _environment(self, command: Command) -> Mapping[str, str]:
        rescue = self.scratch / "rescue"
        places = [str(rescue / place) for place in _PATH]
        return {"RESCUE_PHASE": command.phase.value, "RESCUE_SEQUENCE": command.id, "RESCUE_TARGET": str(self.target),
                "RESCUE_SIF": str(self.scratch / "dr_state.sif"), "RESCUE_INTACT": "",
                "PATH": ":".join((*places, os.environ.get("PATH", "/usr/bin:/bin")))}

    def _value(self, command: Command, name: Placeholder) -> str:
        ident = name.ident or ""
        if name.name in ("store", "snapshot"):
            store = _named(self.entry.records, ident)
            if store is None:
                raise NotRestored(f"command {command.id} to name a store of the entry", str(name))
            return (self.path or store.location) if name.name == "store" else store.snapshot or ""
        if name.name == "secretfile":
            if ident not in self.secrets:
                raise NotRestored(f"a file for {name} of command {command.id}",
                                  f"none; say where it is: --secret {ident}=FILE")
            return self.secrets[ident]
        plain = {"target": str(self.target), "mount": str(self.mount), "kernel": os.uname().release,
                 "hostname": "kit.example.org", "set": str(self.scratch)}
        return plain[name.name]

    def _discreet(self, text: str) -> str:
        for value in values_of(self.secrets):
            text = text.replace(value, HIDDEN)
        return text


def _named(records: Sequence[Record], ident: str) -> Optional[Store]:
    return next((record for record in records if isinstance(record, Store) and record.id == ident), None)


def values_of(secrets: Mapping[str, str]) -> Tuple[str, ...]:
    """The secrets themselves, as far as they can be read."""
    found = (Path(path).read_text("utf-8", "replace").strip() for path in secrets.values() if Path(path).is_file())
    return tuple(filter(None, found))
