"""Asking a provider: starts its program, holds it to the protocol, turns failures into errors that name it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Callable, Mapping, Tuple, TypeVar

from sif.errors import ToolMissing
from sif.plain import dataclass, field
from sif.provider import protocol
from sif.provider.errors import ProviderFailed, StoreUnreachable
from sif.provider.protocol import BadAnswer, Conversation
from sif.provider.report import Report as Report, silent as silent
from sif.run import pasteable
from sif.run_exchange import converse

T = TypeVar("T")

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGE = Path(__file__).resolve().parent.parent
_UNREACHABLE = ("unreachable", "no-snapshot", "secret")


@dataclass(frozen=True)
class Provider:
    """A configured provider: its name in the configuration, its command, its own configuration values."""

    name: str
    argv: Tuple[str, ...]
    config: Mapping[str, Any] = field(default_factory=dict)

    def describe(self) -> protocol.Description:
        """What it is. Like all methods raises :class:`ProviderFailed`, or :class:`StoreUnreachable`."""
        return self._typed(protocol.described, self.ask("describe", {}))

    def quiesce(self, volumes: Tuple[Mapping[str, str], ...], report: Report = silent) -> str:
        """Bring applications to rest; returns the token for :meth:`thaw`."""
        return self._typed(protocol.token_of, self.ask("quiesce", {"volumes": list(volumes)}, report))

    def thaw(self, token: str, report: Report = silent) -> None:
        """Let applications go on. May be called twice."""
        self.ask("thaw", {"token": token}, report)

    def backup(self, volumes: Tuple[Mapping[str, str], ...], output: str, report: Report = silent) -> protocol.Backup:
        """Back the volumes up; files for the set itself go into the directory ``output``."""
        return self._typed(protocol.backed_up, self.ask("backup", {"volumes": list(volumes), "output": output}, report))

    def restore_entry(self, params: Mapping[str, Any]) -> Tuple[protocol.RawSection, ...]:
        """The sections that bring the backup back."""
        return self._typed(protocol.sections_of, self.ask("restore-entry", params))

    def check(self, snapshot: "str | None") -> protocol.Check:
        """Whether the store answers and has the snapshot (None: any)."""
        return self._typed(protocol.checked, self.ask("check", {"snapshot": snapshot}))

    def ask(self, method: str, params: Mapping[str, Any], report: Report = silent) -> Mapping[str, Any]:
        """The result of one method, not yet typed."""
        talk = Conversation(report)
        try:
            done = converse(self.argv, request=protocol.request(method, self.config, params), on_line=talk.line,
                            timeout=protocol.SECONDS[method], max_bytes=protocol.MAX_OUTPUT_BYTES, env=environment())
        except ToolMissing as error:
            raise ProviderFailed(f"provider {self.name} cannot be started", where=pasteable(self.argv),
                                 found=error.found, hint="is the path right, and is the program executable?") from error
        if talk.fault is not None:
            raise self._fault(talk.fault)
        said = f"; it said: {protocol.shown(done.stderr[-400:])}" if done.stderr else ""
        if done.ended is not None:
            raise ProviderFailed(f"provider {self.name}: {method}: {done.ended}", where=pasteable(self.argv),
                                 found=f"stopped{said}")
        if talk.error is not None:
            kind = StoreUnreachable if talk.error["code"] in _UNREACHABLE else ProviderFailed
            raise kind(f"provider {self.name}: {method} failed: {protocol.shown(talk.error['text'])}",
                       where=pasteable(self.argv), found=f"{talk.error['code']}{said}", hint=talk.error["hint"])
        if talk.result is None:
            raise ProviderFailed(f"provider {self.name}: {method}: no result", where=pasteable(self.argv),
                                 found=f"exit status {done.status} after {talk.lines} lines{said}",
                                 wanted="a line with type result or error as the last one")
        if done.status != 0:
            raise ProviderFailed(f"provider {self.name}: {method}: a result, and a failure", where=pasteable(self.argv),
                                 found=f"exit status {done.status}{said}", wanted="exit status 0 with a result")
        return talk.result

    def _typed(self, read: Callable[[Mapping[str, Any]], T], result: Mapping[str, Any]) -> T:
        try:
            return read(result)
        except BadAnswer as fault:
            raise self._fault(fault) from fault

    def _fault(self, fault: BadAnswer) -> ProviderFailed:
        return ProviderFailed(f"provider {self.name}: {fault.what}", where=f"{pasteable(self.argv)}: {fault.where}",
                              found=fault.found, wanted=fault.wanted,
                              hint=f"tell its vendor: sif provider test {self.argv[0]}")


def environment() -> Mapping[str, str]:
    """All that a provider finds in its environment."""
    found = {"PATH": _PATH, "LC_ALL": "C.UTF-8", "HOME": os.environ.get("HOME", "/root"), "LIFEBOAT_PROTOCOL": "1"}
    if os.environ.get("TMPDIR"):
        found["TMPDIR"] = os.environ["TMPDIR"]
    if _PACKAGE.parent.exists():  # a directory, or sif.pyz
        found["PYTHONPATH"] = str(_PACKAGE.parent)  # where `import sif` works from, for providers written with it
    return found


def shipped(name: str) -> Tuple[str, ...]:
    """The command of a provider that comes with us: this very program, asked to be that provider."""
    program = os.path.realpath(sys.argv[0])
    if program.endswith(".pyz"):
        return (sys.executable, program, "provider", "run", name)
    return (sys.executable, "-m", "sif", "provider", "run", name)
