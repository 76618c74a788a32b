"""Only a set that a baked-in key signed for its own machine is restored without a person; a person may judge others."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Optional, Tuple, Type

import pytest
from agent_machines import plan_for, server

from rescue.agent import Agent
from rescue.consent import Scope, ask_scope, commands_text
from rescue.console import LineConsole, Unattended
from rescue.events import Events
from rescue.failures import ConsentMissing
from rescue.hardware import Hardware
from rescue.phase1 import check_signature, keep_set
from rescue.plan_view import plan_text
from rescue.renderers import JsonLines
from rescue.settings import Settings
from rescue.trust import (
    Judgement,
    SignatureState,
    StagedSetAltered,
    judge,
    require_for_unattended,
    require_same,
    set_digest,
)
from rescue.workspace import Workspace
from sif.errors import Exit
from sif.model import Command, Firmware, Phase, SystemInformation
from sif.problems import SifSetBroken
from sif.reader import load_set
from sif.run import run
from sif.signature import SignatureInvalid, SignatureMissing, SignerRefused, sign_set
from sif.writer import write_set

HOST = "web01.example.org"
COMMAND = Command(id="2000", phase=Phase.RESTORE, vendor="v", title="Wipe the moon", argv=("rm", "-rf", "/moon dust"),
                  env=("TOKEN=x",), user="backup", chroot=True)


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys")
    for name in ("web01", "db01"):
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)], timeout=60)
    return folder


def public(keys: Path, name: str) -> str:
    return (keys / f"{name}.pub").read_text("utf-8").rpartition(" ")[0]


@pytest.fixture
def baked(tmp_path: Path, keys: Path) -> Path:
    """The image's lists: each key may speak for its own machine."""
    folder = tmp_path / "baked"
    folder.mkdir()
    (folder / "allowed_signers").write_text("".join(
        f"{name}.example.org {public(keys, name)}\n" for name in ("web01", "db01")), "utf-8")
    return folder


def made(where: Path, saved: Optional[SystemInformation] = None) -> Path:
    write_set(saved or server(), where, {})
    return where


def test_the_machine_s_own_key_is_believed(tmp_path: Path, keys: Path, baked: Path) -> None:
    medium = made(tmp_path / "set")
    sign_set(medium, keys / "web01")
    judgement = judge(load_set(medium), baked)
    require_for_unattended(judgement)
    assert (judgement.state, judgement.principal) == (SignatureState.VALID, HOST)
    assert str(judgement).startswith(f"signed for {HOST} by key SHA256:")


def another_machine_s(medium: Path, keys: Path, baked: Path) -> None:
    sign_set(medium, keys / "db01")


def unsigned(medium: Path, keys: Path, baked: Path) -> None:
    return


def of_another_set(medium: Path, keys: Path, baked: Path) -> None:
    other = made(medium.with_name("other"), dataclasses.replace(server(), version=dataclasses.replace(
        server().version, serial=2)))
    sign_set(other, keys / "web01")
    (medium / "manifest.sig").write_bytes((other / "manifest.sig").read_bytes())


def nobody_is_known(medium: Path, keys: Path, baked: Path) -> None:
    sign_set(medium, keys / "web01")
    (baked / "allowed_signers").unlink()


def key_is_revoked(medium: Path, keys: Path, baked: Path) -> None:
    sign_set(medium, keys / "web01")
    (baked / "revoked_keys").write_text(public(keys, "web01") + "\n", "utf-8")


@pytest.mark.parametrize(("harm", "error", "code"), [
    (unsigned, SignatureMissing, Exit.SIGNATURE_MISSING),
    (of_another_set, SignatureInvalid, Exit.SIGNATURE_INVALID),
    (another_machine_s, SignerRefused, Exit.SIGNER_REFUSED),
    (nobody_is_known, SignerRefused, Exit.SIGNER_REFUSED),
    (key_is_revoked, SignerRefused, Exit.SIGNER_REFUSED),
], ids=lambda value: getattr(value, "__name__", None))
def test_nobody_else_is_in_an_unattended_run(harm: "object", error: Type[Exception], code: Exit, tmp_path: Path,
                                             keys: Path, baked: Path) -> None:
    medium = made(tmp_path / "set")
    assert callable(harm)
    harm(medium, keys, baked)
    judgement = judge(load_set(medium), baked)
    assert not judgement.believed and "NOT BELIEVED" in str(judgement)
    with pytest.raises(error) as raised:
        require_for_unattended(judgement)
    assert getattr(raised.value, "code", None) is code


def test_a_list_of_signers_on_the_medium_is_not_asked(tmp_path: Path, keys: Path, baked: Path) -> None:
    medium = made(tmp_path / "set")
    sign_set(medium, keys / "db01")
    (medium / "allowed_signers").write_text(f"{HOST} {public(keys, 'db01')}\n", "utf-8")
    assert judge(load_set(medium), baked).state is SignatureState.REFUSED


def test_a_signed_set_with_another_sif_beside_it_is_broken(tmp_path: Path, keys: Path, baked: Path) -> None:
    medium = made(tmp_path / "set")
    sign_set(medium, keys / "web01")
    (medium / "other.sif").write_text("", "utf-8")
    with pytest.raises(SifSetBroken):
        judge(load_set(medium), baked)


def test_phase_2_takes_only_the_set_that_was_verified(tmp_path: Path) -> None:
    loaded = load_set(made(tmp_path / "set"))
    wanted = set_digest(loaded)
    first = keep_set(loaded, "dr_state.sif", tmp_path / "staged")
    require_same(load_set(first), wanted)
    changed = dataclasses.replace(server(), commands=(COMMAND,))
    write_set(changed, tmp_path / "staged", {})
    for digest in (wanted, ""):
        with pytest.raises(StagedSetAltered) as raised:
            require_same(load_set(tmp_path / "staged"), digest)
        assert raised.value.code is Exit.SIF_SET_BROKEN


def console(typed: str) -> Tuple[LineConsole, int]:
    keys, to_keys = os.pipe()
    screen, to_screen = os.pipe()
    os.write(to_keys, typed.encode())
    os.close(to_keys)
    return LineConsole([(keys, to_screen)]), screen


GOOD = Judgement(SignatureState.VALID, HOST, "SHA256:x")
BAD = Judgement(SignatureState.MISSING, HOST, error=SignatureMissing("the set is not signed"))


@pytest.mark.parametrize(("judgement", "typed", "scope"), [
    (GOOD, HOST, Scope.ALL), (BAD, HOST, Scope.ALL), (BAD, f"layout {HOST}", Scope.LAYOUT),
    (GOOD, f"layout {HOST}", None), (BAD, "layout", None), (BAD, "yes", None)])
def test_the_operator_decides_how_far_to_go(judgement: Judgement, typed: str, scope: Optional[Scope]) -> None:
    saved = server(commands=(COMMAND,))
    asked, screen = console(typed + "\n")
    if scope is None:
        with pytest.raises(ConsentMissing, match="nothing was written"):
            ask_scope(asked, saved, plan_for(), judgement)
    else:
        assert ask_scope(asked, saved, plan_for(), judgement) is scope
    shown = os.read(screen, 65536).decode()
    assert "TOKEN=x rm -rf '/moon dust'" in shown
    assert ("WARNING: nobody vouches for this set" in shown) is (judgement is BAD)


def test_every_command_is_shown_with_who_runs_it() -> None:
    text = commands_text(server(commands=(COMMAND,)))
    assert "2000  Wipe the moon (phase 2, as backup inside the restored system):" in text
    assert commands_text(server()).endswith("none")


def test_an_unattended_phase_1_ends_at_a_set_that_nobody_vouches_for(tmp_path: Path) -> None:
    loaded = load_set(made(tmp_path / "set"))
    space = Workspace(tmp_path / "run")
    space.root.mkdir()
    for auto in (False, True):
        events = Events(1, [JsonLines(space.events)])
        agent = Agent(Settings(auto=auto), "", space, events, Unattended())
        if auto:
            with pytest.raises(SignatureMissing):
                check_signature(agent, loaded)
        else:
            assert check_signature(agent, loaded).state is SignatureState.MISSING
        events.close()
    told = space.events.read_text("utf-8")
    assert told.count("NOT BELIEVED, missing: the set is not signed") == 2
    assert '"step": "signature", "state": "failed"' in told


def test_the_plan_says_who_vouches_for_the_set() -> None:
    saved = server()
    hardware = Hardware(Firmware.BIOS, "x86_64", ())
    assert f"Signature: {GOOD}" in " ".join(plan_text(saved, hardware, plan_for(), str(GOOD)).split())
