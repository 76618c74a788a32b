"""What opens encrypted volumes: from the age file, or typed; looked at before anything is written."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Iterator, List, Optional, Sequence

import pytest

from rescue import volume_secrets
from rescue.agent import Agent
from rescue.console import Console, Unattended
from rescue.events import Events
from rescue.identities import Identities
from rescue.secret_files import needed_secrets, unlock
from rescue.settings import Settings
from rescue.workspace import Workspace
from sif.capture.luks_header import MAGIC
from sif.errors import Exit
from sif.model import Luks, Ref, SystemInformation
from sif.reader import LoadedSet, load_set
from sif.run import Result, run
from sif.secrets.age import SecretUnavailable, encrypt
from sif.secrets.headers import packed
from sif.secrets.sets import with_secrets
from sif.writer import write_set

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "agent"))
from agent_machines import plan_for, server  # noqa: E402 - the unit tests' machine

PASSPHRASE = b"correct horse 4711"
HEADER = packed(MAGIC + b"\0\2 header")
NAMED = "secret:data"


def crypt(header: Optional[str] = None, passphrase: Optional[str] = None) -> SystemInformation:
    luks = Luks("crypt", Ref("d0p3"), 2, "0f0e0d0c-0b0a-4908-8706-050403020106", "aes-xts-plain64", 512, 16 << 20,
                passphrase=passphrase, header=header, keyslots=("0:pbkdf2:1000", "1:pbkdf2:1000"))
    saved = server()
    return replace(saved, luks=(luks,), pvs=(replace(saved.pvs[0], device=Ref("crypt")),))


class Typing(Console):
    """Types the given answers; which questions there were."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: List[str] = []

    def say(self, text: str) -> None:
        self.asked.append(text)

    def ask(self, ident: str, question: str) -> str:
        raise AssertionError(question)

    def ask_secret(self, ident: str, question: str) -> str:
        self.asked.append(ident)
        return self.answers.pop(0)


@pytest.fixture
def loaded(tmp_path: Path) -> Callable[[SystemInformation], LoadedSet]:
    """A set as a capture writes it, whose age file holds passphrase and header."""
    run(["age-keygen", "-o", str(tmp_path / "identity")], timeout=60)
    recipient = run(["age-keygen", "-y", str(tmp_path / "identity")], timeout=60).stdout.strip()
    (tmp_path / "secrets.age").write_bytes(encrypt(
        {"luks-crypt": PASSPHRASE, "data": PASSPHRASE, "luks-header-d0p3": HEADER}, [recipient]))

    def write(saved: SystemInformation) -> LoadedSet:
        info, files = with_secrets(saved, {}, tmp_path / "secrets.age")
        write_set(info, tmp_path / "medium", files)
        return load_set(tmp_path / "medium")
    return write


def stick(*paths: Path) -> Callable[..., Any]:
    @contextmanager
    def found(_space: Workspace, _patience: float) -> Iterator[Identities]:
        yield Identities(paths, ())
    return found


def agent(tmp_path: Path, console: Console, auto: bool) -> Agent:
    return Agent(Settings(auto=auto), "", Workspace(tmp_path), Events(1, []), console)


@pytest.mark.parametrize("named", [None, NAMED])
def test_the_age_file_has_passphrase_and_header(tmp_path: Path, loaded: Any, named: Optional[str]) -> None:
    saved = crypt("secret:luks-header-d0p3", named)
    name = "data" if named else "luks-crypt"
    assert needed_secrets(saved) == (name,)
    secrets = unlock(agent(tmp_path, Unattended(), True), loaded(saved), stick(tmp_path / "identity"), rebuild=True)
    assert (secrets.value(f"secret:{name}"), secrets.value("secret:luks-header-d0p3")) == (PASSPHRASE, HEADER)
    assert volume_secrets.without_missing_headers(saved, secrets.value) == saved
    secrets.wipe()
    assert secrets.value(f"secret:{name}") is None


def test_phase_2_needs_no_header(tmp_path: Path, loaded: Any) -> None:
    secrets = unlock(agent(tmp_path, Unattended(), True), loaded(crypt("secret:luks-header-d0p3")),
                     stick(tmp_path / "identity"))
    assert secrets.value("secret:luks-crypt") == PASSPHRASE
    assert secrets.value("secret:luks-header-d0p3") is None


@pytest.mark.parametrize(("phase", "way"), [(1, "start the medium again"), (2, "systemctl restart lifeboat")])
def test_who_lacks_a_secret_is_told_how_to_go_on(tmp_path: Path, loaded: Any, phase: int, way: str) -> None:
    lacking = replace(agent(tmp_path, Unattended(), True), events=Events(phase, []))
    with pytest.raises(SecretUnavailable, match=f"LIFEBOATKEY.*{way}"):
        unlock(lacking, loaded(crypt()), stick())


@pytest.mark.parametrize("header", [None, "secret:luks-header-d0p3"])
def test_unattended_nobody_is_asked(tmp_path: Path, loaded: Any, header: Optional[str]) -> None:
    with pytest.raises(SecretUnavailable) as raised:
        unlock(agent(tmp_path, Unattended(), True), loaded(crypt(header)), stick(), rebuild=True)
    assert raised.value.code is Exit.SECRET_UNAVAILABLE
    assert ("luks-header-d0p3" if header else "luks-crypt") in str(raised.value)


def test_a_passphrase_that_makes_a_volume_is_typed_twice_and_a_header_never(tmp_path: Path, loaded: Any) -> None:
    saved = crypt("secret:luks-header-d0p3")
    console = Typing("first", "typo", "right", "right")
    secrets = unlock(agent(tmp_path, console, False), loaded(saved), stick(), rebuild=True)
    assert secrets.value("secret:luks-crypt") == b"right"
    assert console.asked == ["secret.luks-crypt", "secret.luks-crypt.again", "The two are not the same.",
                             "secret.luks-crypt", "secret.luks-crypt.again"]
    without = volume_secrets.without_missing_headers(saved, secrets.value)
    assert without.luks[0].header is None
    (lost,) = volume_secrets.plan_without_headers(plan_for(), without).adjustments
    assert lost.subject == "crypt" and "1:pbkdf2:1000" in lost.before
    once = Typing("right")
    unlock(agent(tmp_path, once, False), loaded(saved), stick())
    assert once.asked == ["secret.luks-crypt"]  # phase 2 only opens what is there


@pytest.mark.parametrize("status", [0, 2])
def test_a_passphrase_is_tried_on_the_saved_header_before_the_rebuild(status: int,
                                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    tried: List[Sequence[str]] = []

    def cryptsetup(argv: Sequence[str], **options: Any) -> Result:
        tried.append(argv)
        assert options["input"] == PASSPHRASE.decode() and Path(argv[-1]).read_bytes().startswith(MAGIC)
        return Result(tuple(argv), status, "", "No key available with this passphrase.\n", 0.0)

    monkeypatch.setattr(volume_secrets, "run", cryptsetup)
    values = {"secret:luks-crypt": PASSPHRASE, "secret:luks-header-d0p3": HEADER}
    if status:
        with pytest.raises(SecretUnavailable, match="nothing was written"):
            volume_secrets.require_fitting(crypt("secret:luks-header-d0p3"), values.get)
    else:
        volume_secrets.require_fitting(crypt("secret:luks-header-d0p3"), values.get)
    assert len(tried) == 1 and "--test-passphrase" in tried[0] and not Path(tried[0][-1]).exists()
