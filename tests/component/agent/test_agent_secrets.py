"""A restore with real age and a real program that needs a password: nothing that it leaves holds the secret.

Every file that capture, medium, staging, both phases and their programs produce is searched, and so are the command
lines and environments of all programs. That the search finds a leak is proved by making some.
"""

from __future__ import annotations

import base64
import dataclasses
import os
import shutil
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from rescue.account import Account
from rescue.agent import Agent
from rescue.commands import CommandResult, CommandRunner
from rescue.console import Console, LineConsole, Unattended
from rescue.events import Events
from rescue.identities import Identities
from rescue.job import Job, JobState, StageFiles
from rescue.journal import Journal
from rescue.phase1 import keep_set
from rescue.renderers import JsonLines
from rescue.report import make_report, report_text, steps_of
from rescue.secret_files import HIDDEN, CommandSecrets, needed_secrets, unlock
from rescue.settings import Settings
from rescue.staging.stage import _copy_set
from rescue.stores import ReadyStore
from rescue.trust import require_same, set_digest
from rescue.values import values_of
from rescue.workspace import Workspace
from sif.errors import Exit
from sif.model import Command, Phase, Store, StoreKind, SystemInformation
from sif.reader import load_set
from sif.run import run
from sif.secrets.age import Secrets, SecretUnavailable, encrypt
from sif.secrets.files import private_file
from sif.secrets.sets import with_secrets
from sif.writer import write_set

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "agent"))
from agent_machines import server  # noqa: E402 - the unit tests' machine

NAME = "restic-web01"
SECRET = b"correct horse battery staple 4711"
FORMS = (SECRET, base64.b64encode(SECRET).rstrip(b"=")[:-1], SECRET.hex().encode(), SECRET.hex().upper().encode(),
         SECRET.replace(b" ", b"\\ "))


@dataclasses.dataclass(frozen=True)
class Place:
    """A machine's life in one directory, which is searched in the end. ``seen``: what /proc showed of programs."""

    root: Path
    identity: Path

    @property
    def seen(self) -> Path:
        return self.root / "seen"

    @property
    def repository(self) -> Path:
        return self.root / "repository"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """age and restic are the real ones; before they start, they show what anybody could see of them in /proc."""
    tools = tmp_path / "tools"
    tools.mkdir()
    made = Place(tmp_path, tmp_path / "identity")
    for name in ("age", "restic"):
        real = shutil.which(name)
        assert real is not None
        script = tools / name
        script.write_text(f'#!/bin/sh\ncat /proc/$$/cmdline /proc/$$/environ >> {made.seen}\nexec {real} "$@"\n')
        script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    run(["age-keygen", "-o", str(made.identity)], timeout=60)
    return made


def programs(place: Place) -> Tuple[Command, ...]:
    """A check before the rebuild, a restore, and a program that tells everybody what it was given."""
    env = (f"RESTIC_PASSWORD_FILE=${{secretfile:{NAME}}}",)
    restic = ("restic", "-r", "${store:s}", "--no-lock")
    look = (f'stat -c "%a %u" "$1" > {place.root}/mode; echo "$1" > {place.root}/path; '
            'echo "the password is $(cat "$1")"')
    common: "dict[str, Any]" = {"vendor": "test", "timeout_s": 120}
    return (Command("1000", phase=Phase.PRE, title="Check", argv=(*restic, "snapshots"), env=env, **common),
            Command("2000", phase=Phase.RESTORE, title="Restore", env=env,
                    argv=(*restic, "restore", "latest", "--target", "${target}"), **common),
            Command("2100", phase=Phase.RESTORE, title="Tell",
                    argv=("sh", "-c", look, "sh", f"${{secretfile:{NAME}}}"), **common))


def captured(place: Place) -> Path:
    """A repository with a backup, and the set on the medium as a capture writes it."""
    content = place.root / "content"
    content.mkdir()
    (content / "file").write_text("data\n")
    with private_file("password", SECRET) as password:
        for words in (("init",), ("backup", "--quiet", str(content))):
            run(["restic", "-r", str(place.repository), *words], timeout=120,
                env={"RESTIC_PASSWORD_FILE": str(password)})
    recipient = run(["age-keygen", "-y", str(place.identity)], timeout=60).stdout.strip()
    (place.root / "secrets.age").write_bytes(encrypt({NAME: SECRET}, [recipient]))
    store = Store("s", StoreKind.RESTIC, "/repository", device="LABEL=store", password=f"secret:{NAME}")
    info, files = with_secrets(server(stores=(store,), commands=programs(place)), {}, place.root / "secrets.age")
    medium = place.root / "medium"
    write_set(info, medium, files)
    return medium


def agent_of(place: Place, phase: int, console: Console, auto: bool) -> Agent:
    space = Workspace(place.root / f"run-{phase}")
    space.target.mkdir(parents=True)
    return Agent(Settings(auto=auto), "", space, Events(phase, [JsonLines(space.events)]), console)


def restored(place: Place, console: Console, auto: bool = True) -> Tuple[CommandResult, ...]:
    """Both phases as far as secrets are concerned; leaves everything they leave."""

    @contextmanager
    def stick(space: Workspace, patience_s: float) -> Iterator[Identities]:
        yield Identities((place.identity,) if auto else (), ())

    first = agent_of(place, 1, console, auto)
    loaded = load_set(captured(place))
    sif = keep_set(loaded, "dr_state.sif", first.workspace.set)
    ready = (ReadyStore("s", str(place.repository)),)
    results: Tuple[CommandResult, ...] = ()
    stage = StageFiles(place.root / "stage")
    stage.directory.mkdir(parents=True)
    for phase, agent in ((Phase.PRE, first), (Phase.RESTORE, agent_of(place, 2, console, auto))):
        where = first.workspace.set if phase is Phase.PRE else stage.set
        if phase is Phase.RESTORE:
            _copy_set(first.workspace.set, stage)
            stage.write_job(Job("j", loaded.info.version.set_id, "web01", "2026-11-22T02:10:04Z", JobState.PENDING, "b",
                                "u", "dr_state.sif", set_sha256=set_digest(loaded)))
            require_same(load_set(stage.set), stage.read_job().set_sha256)
        secrets = unlock(agent, load_set(where), stick)
        values = values_of(loaded.info, ready, agent.workspace.target, where, "6.12")
        results += CommandRunner(loaded.info, values, agent.workspace.target, sif, agent.workspace.logs,
                                 Journal(agent.workspace.root / "journal.jsonl"), agent.events, agent.console, auto,
                                 secrets).run_phase(phase)
        secrets.wipe()
        agent.events.close()
    report = make_report(stage.read_job(), steps_of((place.root / "run-2/events.jsonl").read_text()), results, (), ())
    (place.root / "report.json").write_text(report.to_json())
    (place.root / "report.txt").write_text(report_text(report))
    return results


def leaks(place: Place) -> Tuple[str, ...]:
    """The files anywhere below the directory that hold the secret in some form, or have it in their names."""
    found = []
    for path in sorted(place.root.rglob("*")):
        data = os.fsencode(path) + (path.read_bytes() if path.is_file() else b"")
        if any(form in data for form in FORMS):
            found.append(str(path.relative_to(place.root)))
    return tuple(found)


def test_a_restore_leaves_no_secret_anywhere(place: Place) -> None:
    results = restored(place, Unattended())
    assert [(r.id, r.status) for r in results] == [("1000", 0), ("2000", 0), ("2100", 0)]
    assert next((place.root / "run-2/target").rglob("file")).read_text() == "data\n"  # the password was the right one
    log = (place.root / "run-2/log/command-2100.log").read_text()
    assert f"the password is {HIDDEN}" in log
    assert b"--decrypt" in place.seen.read_bytes() and b"RESTIC_PASSWORD_FILE=" in place.seen.read_bytes()
    assert (place.root / "stage/lifeboat/set/secrets/web01.example.org.age").is_file()
    assert leaks(place) == ()
    assert (place.root / "mode").read_text().split() == ["600", str(os.getuid())]
    assert not Path((place.root / "path").read_text().strip()).exists()


def test_typed_secrets_leave_no_trace_either(place: Place) -> None:
    keys, to_keys = os.pipe()
    screen, to_screen = os.pipe()
    os.write(to_keys, (SECRET + b"\n") * 2)  # once in each phase
    os.close(to_keys)
    results = restored(place, LineConsole([(keys, to_screen)]), auto=False)
    assert [r.status for r in results] == [0, 0, 0]
    (place.root / "screen").write_bytes(os.read(screen, 65536))
    assert b"[secret.restic-web01] > " in (place.root / "screen").read_bytes()
    assert leaks(place) == ()


def test_the_search_finds_a_secret_that_a_program_prints(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CommandSecrets, "hide", lambda self, line: line)
    restored(place, Unattended())
    assert leaks(place) == ("run-2/log/command-2100.log",)


def test_the_search_finds_a_secret_in_argv_environment_files_and_names(place: Place) -> None:
    text = SECRET.decode()
    for words, env in (((text,), {}), (("version",), {"PASSWORD": text})):
        run(["restic", *words], timeout=60, check=False, env=env)
        assert leaks(place) == ("seen",)
        place.seen.unlink()
    for form in FORMS:
        (place.root / "journal.jsonl").write_bytes(b'{"key": "' + form + b'"}\n')
        assert leaks(place) == ("journal.jsonl",)
    (place.root / "journal.jsonl").unlink()
    (place.root / text).touch()
    assert leaks(place) == (text,)


def test_an_unattended_run_without_an_identity_ends_before_anything_is_written(place: Place) -> None:
    @contextmanager
    def no_stick(space: Workspace, patience_s: float) -> Iterator[Identities]:
        yield Identities((), ())

    agent = agent_of(place, 1, Unattended(), True)
    with pytest.raises(SecretUnavailable) as raised:
        unlock(agent, load_set(captured(place)), no_stick)
    assert raised.value.code is Exit.SECRET_UNAVAILABLE and NAME in str(raised.value)


def test_a_set_whose_programs_need_no_secret_asks_for_none(place: Place) -> None:
    store = Store("s", StoreKind.RESTIC, "/repository", device="LABEL=store", password=f"secret:{NAME}")
    saved: SystemInformation = server(stores=(store,))
    assert needed_secrets(saved) == ()
    assert needed_secrets(server(stores=(store,), commands=programs(place))) == (NAME,)


def test_the_file_belongs_to_the_command_s_user_and_is_gone_afterwards(place: Place) -> None:
    secrets = CommandSecrets(Secrets({NAME: SECRET}))
    command = programs(place)[2]
    owner = Account(2600, 2601, ()) if os.geteuid() == 0 else Account(os.getuid(), os.getgid(), ())
    with secrets.files_for(command, owner) as files:
        path = Path(files[f"secretfile:{NAME}"])
        state = path.stat()
        assert (path.read_bytes(), stat.S_IMODE(state.st_mode)) == (SECRET, 0o600)
        assert (state.st_uid, state.st_gid, path.parent.stat().st_uid) == (owner.uid, owner.gid, owner.uid)
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not path.parent.exists()
    secrets.wipe()
    with pytest.raises(SecretUnavailable), secrets.files_for(command, owner):
        pass
