"""Runs the restore programs that the SIF names, in order, each finished one exactly once."""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Callable, Mapping, Optional, Tuple

from rescue.account import Account, account_in
from rescue.chroot import chroot_mounts
from rescue.console import Choice, Console, choose
from rescue.events import Events, Step
from rescue.failures import RestoreFailed
from rescue.journal import Journal
from rescue.progress import read_progress
from rescue.secret_files import CommandSecrets
from rescue.values import Values, inside
from sif.errors import CommandFailed, ToolMissing
from sif.model import Command, Phase, Progress, SystemInformation, Then
from sif.run import pasteable, stream

_HANDLER_ROUNDS = 3
TIMED_OUT = 124
CANNOT_START = 127


class _Unsuccessful(RestoreFailed):
    """One attempt failed; ends its step, and what follows is decided outside of it."""


class Outcome(str, Enum):
    DONE = "done"
    SKIPPED = "skipped"
    FAILED = "failed"


@dataclass(frozen=True)
class CommandResult:
    """How a command ended. ``status`` is its last exit status, ``attempts`` how often it was started."""

    id: str
    title: str
    outcome: Outcome
    status: int
    attempts: int
    seconds: float
    log: str
    critical: bool = True


def in_order(saved: SystemInformation, phase: Phase) -> Tuple[Command, ...]:
    """The commands of a phase by sequence number."""
    return tuple(sorted((c for c in saved.commands if c.phase is phase), key=lambda c: c.sequence))


@dataclass(frozen=True)
class CommandRunner:
    """What every restore program gets. ``sif`` is the path of the staged set's first part."""

    saved: SystemInformation
    values: Values
    target: Path
    sif: Path
    logs: Path
    journal: Journal
    events: Events
    console: Console
    auto: bool
    secrets: CommandSecrets = field(default_factory=CommandSecrets)
    intact: Tuple[str, ...] = ()

    def run_phase(self, phase: Phase) -> Tuple[CommandResult, ...]:
        """Run all commands of a phase that are not done yet. Raises :class:`RestoreFailed` when one ends it."""
        return tuple(self.run(command) for command in in_order(self.saved, phase))

    def run(self, command: Command) -> CommandResult:
        """Run one command with its retries and its error command; journalled, so a second call does nothing.

        Returns the result, also of a failure that the restore survives; raises :class:`RestoreFailed` otherwise.
        """
        key = f"command.{command.id}"
        known = self.journal.details(key)
        if known is not None:
            return CommandResult(command.id, command.title, Outcome(known["outcome"]), int(known["status"]),
                                 int(known["attempts"]), float(known["seconds"]), known["log"], command.critical)
        result = self._with_error_commands(command)
        self.journal.record(key, outcome=result.outcome.value, status=str(result.status), log=result.log,
                            attempts=str(result.attempts), seconds=f"{result.seconds:.3f}")
        return result

    def _with_error_commands(self, command: Command) -> CommandResult:
        for _ in range(_HANDLER_ROUNDS):
            result = self._attempts(command)
            if result.outcome is Outcome.DONE:
                return result
            then = self._handle(command, result)
            if then is Then.CONTINUE:
                return result
            if then is Then.STOP:
                break
        raise RestoreFailed(f"`{command.title}` failed", where=f"COMMAND {command.id}",
                            found=f"exit status {result.status} after {result.attempts} attempts:\n"
                            + _tail(self.logs / result.log),
                            wanted=f"exit status {', '.join(map(str, command.success))}",
                            hint=_hint(command, result.log))

    def _attempts(self, command: Command) -> CommandResult:
        status, seconds, attempts = 0, 0.0, 0
        log = self.logs / f"command-{command.id}.log"
        for attempt in range(1, command.retries + 2):
            attempts = attempt
            again = f" (attempt {attempt})" if attempt > 1 else ""
            began = self.events.clock()
            try:
                with self.events.step(f"command.{command.id}", command.title + again) as step:
                    status = self._start(command, {}, log, step)
                    if status not in command.success:
                        raise _Unsuccessful(f"exit status {status}", found=_tail(log))
            except _Unsuccessful:
                seconds += self.events.clock() - began
                continue
            seconds += self.events.clock() - began
            return CommandResult(command.id, command.title, Outcome.DONE, status, attempts, seconds, log.name,
                                 command.critical)
        return CommandResult(command.id, command.title, Outcome.FAILED, status, attempts, seconds, log.name,
                             command.critical)

    def _handle(self, command: Command, failed: CommandResult) -> Then:
        """Run the error command and say what follows; without one a critical failure stops the restore."""
        handler = self.saved.find("COMMAND", command.on_error) if command.on_error else None
        if not isinstance(handler, Command):
            return Then.STOP if command.critical else Then.CONTINUE
        extra = {"RESCUE_FAILED_SEQUENCE": command.id, "RESCUE_EXIT_STATUS": str(failed.status)}
        log = self.logs / f"command-{handler.id}.log"
        with self.events.step(f"command.{handler.id}", f"{handler.title} (after {command.id})") as step:
            status = self._start(handler, extra, log, step)
            if status not in handler.success:
                # The failure that is reported is the first one; a handler that fails too must not hide it.
                step.info(f"the error command itself ended with status {status}")
        return self._shell(command) if handler.then is Then.SHELL else handler.then

    def _shell(self, command: Command) -> Then:
        if self.auto:
            return Then.STOP
        answer = choose(self.console, f"command.{command.id}.then",
                        f"`{command.title}` failed. Repair it in a shell on another console, then say what follows.",
                        (Choice("retry", "run it again"), Choice("continue", "go on without it"),
                         Choice("stop", "stop here")))
        return Then(answer)

    def _start(self, command: Command, extra: Mapping[str, str], log: Path, step: Step) -> int:
        """Start the program once and return its exit status; its output goes to the log and the progress bar."""
        with self.secrets.files_for(command, self._account(command)) as files:
            return self._run_once(command, extra, files, log, step)

    def _run_once(self, command: Command, extra: Mapping[str, str], files: Mapping[str, str], log: Path,
                  step: Step) -> int:
        values = (inside(self.values, self.target) if command.chroot else self.values).with_more(files)
        argv, pairs = values.fill_all(command)
        env = {**self.environment(command, values), **extra, **dict(_pair(pair) for pair in pairs)}
        total = self._bytes_of(command)
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a", encoding="utf-8") as out:
            out.write(f"$ {pasteable(argv)}\n")

            def on_line(line: str) -> None:
                line = self.secrets.hide(line)
                out.write(line + "\n")
                reading = read_progress(line, command.progress, total)
                if reading is not None and reading.fraction is not None:
                    step.progress(reading.fraction, reading.text or None)

            try:
                with chroot_mounts(self.target) if command.chroot else nullcontext():
                    return stream(argv, timeout=float(command.timeout_s), on_line=on_line, env=env,
                                  prepare=self._prepare(command)).status
            except ToolMissing as error:
                out.write(f"{error}\n")
                return CANNOT_START
            except CommandFailed as error:
                out.write(f"{error}\n")
                return TIMED_OUT

    def environment(self, command: Command, values: Values) -> Mapping[str, str]:
        """The variables that every restore program gets."""
        return {"RESCUE_PHASE": command.phase.value, "RESCUE_SEQUENCE": command.id,
                "RESCUE_TARGET": values.by_name["target"], "RESCUE_SIF": str(self.sif),
                "RESCUE_INTACT": " ".join(self.intact),
                "HOME": "/root"}

    def _bytes_of(self, command: Command) -> int:
        """The bytes that the command will restore, from the SIF; 0 when it does not say."""
        return sum(fs.used_bytes or 0 for fs in self.saved.filesystems if fs.id in command.volumes)

    def _prepare(self, command: Command) -> Optional[Callable[[], None]]:
        """What the child does before the program: change its root and its user."""
        root = self.target if command.chroot else None
        account = self._account(command)
        if root is None and account is None:
            return None
        return lambda: _become(root, account)

    def _account(self, command: Command) -> Optional[Account]:
        """Whose numbers the program runs with; None for root."""
        return None if command.user == "root" else account_in(self.target if command.chroot else Path("/"),
                                                              command.user)


def _hint(command: Command, log: str) -> str:
    if command.phase is Phase.PRE:
        return ("no disk was written to: repair the cause (store, network, password) and start again. "
                f"Full output: {log}")
    return ("the machine stays in phase 2: repair the cause (store, network, password), then restart it; finished "
            f"commands are not run again. Full output: {log}")


def _become(root: Optional[Path], account: Optional[Account]) -> None:
    if root is not None:
        os.chroot(root)
        os.chdir("/")
    if account is not None:
        os.setgroups(list(account.groups))
        os.setgid(account.gid)
        os.setuid(account.uid)


def _pair(text: str) -> Tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _tail(log: Path) -> str:
    """The last lines of a log, without those that only say how far the program was: they would hide what it complained
    of."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join([line for line in lines if read_progress(line, Progress.JSON_LINES) is None][-20:])
