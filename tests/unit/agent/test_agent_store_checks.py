"""Phase 1 runs the set's commands of phase 1 when stores are mounted and people have agreed, before any write."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List

import pytest

from rescue import phase1
from rescue.commands import _hint
from rescue.consent import Scope
from rescue.failures import RestoreFailed
from rescue.guard import Pending
from sif.model import Phase

STEPS = ("check_rescue_system", "find_medium", "check_signature", "refuse_second_time", "load_drivers", "mount_stores",
         "check_stage", "find_images", "detect", "with_kept", "plan", "Chosen", "agree", "unlock", "only_layout",
         "know_again", "fit_secrets", "prepare", "rebuild_disks", "verify_disks", "stage_phase2", "take_away", "reboot")
WRITES = ("rebuild_disks", "verify_disks", "stage_phase2", "reboot")


@pytest.mark.parametrize("auto", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_stores_and_secrets_are_looked_at_before_the_first_write(fails: bool, auto: bool,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    called: List[str] = []

    def step(name: str, answer: Any) -> Any:
        def run(*_: Any, **__: Any) -> Any:
            called.append(name)
            if name == "prepare" and fails:
                raise RestoreFailed("the store does not answer")
            return answer
        return run

    medium = SimpleNamespace(sif=SimpleNamespace(parent=None))
    answers = {"find_medium": medium, "agree": Scope.ALL,
               "fit_secrets": SimpleNamespace(plan=SimpleNamespace(matches=())),
               "unlock": SimpleNamespace(wipe=lambda: called.append("wipe"))}
    for name in STEPS:
        monkeypatch.setattr(phase1, name, step(name, answers.get(name)))
    monkeypatch.setattr(phase1, "continues_pending", lambda _agent: Pending.NOTHING)
    monkeypatch.setattr(phase1, "continues_layered", lambda *_: Pending.NOTHING)
    planned = step("plan", SimpleNamespace(target_of=lambda saved: saved))
    monkeypatch.setattr(phase1, "plan", lambda *arguments: (planned(), arguments[-1]))
    monkeypatch.setattr(phase1, "decisions", lambda *_: None)
    monkeypatch.setattr(phase1, "read_sif", lambda *_: (SimpleNamespace(info=None), SimpleNamespace(parent=None)))
    agent: Any = SimpleNamespace(settings=SimpleNamespace(auto=auto))
    if fails:
        with pytest.raises(RestoreFailed):
            phase1.phase1(agent)
        assert not set(WRITES) & set(called)
    else:
        phase1.phase1(agent)
        asked = ["unlock", "refuse_second_time", "mount_stores", "agree"] if auto else [
            "mount_stores", "agree", "unlock"]
        asked += ["fit_secrets", "prepare", "rebuild_disks", "stage_phase2", "wipe"]
        order = [called.index(name) for name in asked]
        assert order == sorted(order) and called.count("unlock") == 1


@pytest.mark.parametrize(("phase", "words"), [(Phase.PRE, "no disk was written to"),
                                              (Phase.RESTORE, "the machine stays in phase 2")])
def test_a_failed_command_says_what_has_become_of_the_machine(phase: Phase, words: str) -> None:
    command: Any = SimpleNamespace(phase=phase)
    assert words in _hint(command, "1000.log")
