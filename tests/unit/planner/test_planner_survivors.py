"""Phase 1's look: how closely, with which secrets, and never after a restore that was given up."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Iterator, List, Optional, Tuple

import pytest
from planner_cases import mirror, plain
from planner_machines import GIB, machine, present

from rescue import survivors
from rescue.hardware import Whole
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.secret_files import CommandSecrets
from rescue.storage.whole import Looking
from sif.enums import Intact
from sif.model import Policy, SystemInformation
from sif.secrets.age import Secrets, SecretUnavailable


class Told:
    """An agent's events that keep what they are told."""

    def __init__(self) -> None:
        self.lines: List[str] = []

    @contextmanager
    def step(self, *_: str) -> Iterator["Told"]:
        yield self

    def info(self, *lines: str) -> None:
        self.lines.append(" ".join(lines))


def agent(command_line: str = "") -> Any:
    return SimpleNamespace(command_line=command_line, events=Told())


def used(saved: SystemInformation) -> RestorePlan:
    """A plan for the machine's disks, which hold something."""
    return plan_restore(saved, machine(*(present(f"vd{disk.id}", disk.size_bytes, serial=disk.serial,
                                                 signatures=("x: gpt",)) for disk in saved.disks)), RestorePolicy())


@pytest.mark.parametrize(("line", "started_over", "level"), [
    ("rescue.intact=keep", False, Intact.KEEP), ("rescue.intact=keep", True, Intact.REBUILD),
    ("", True, Intact.REBUILD), ("", False, None),
])
def test_whoever_starts_over_keeps_nothing(line: str, started_over: bool, level: Optional[Intact]) -> None:
    assert survivors.decisions(agent(line), started_over).intact is level


@pytest.mark.parametrize(("own", "policy", "sample"), [
    (Policy(intact=Intact.KEEP), RestorePolicy(), 200), (Policy(intact=Intact.VERIFY), RestorePolicy(), None),
    (Policy(intact=Intact.KEEP, intact_sample=7), RestorePolicy(), 7),
    (Policy(intact=Intact.KEEP, intact_sample=7), RestorePolicy(intact_sample=0), 0),
    (Policy(intact=Intact.KEEP), RestorePolicy(intact=Intact.VERIFY, intact_sample=9), None),
    (Policy(intact=Intact.VERIFY), RestorePolicy(intact=Intact.KEEP), 200),
])
def test_how_closely_is_looked(own: Policy, policy: RestorePolicy, sample: Optional[int],
                               monkeypatch: pytest.MonkeyPatch) -> None:
    seen: List[Looking] = []

    def look(_saved: SystemInformation, _plan: RestorePlan, looking: Looking) -> Tuple[Whole, ...]:
        seen.append(looking)
        looking.tell("fs:boot did not survive: for a reason")
        return (Whole("fs:srv", ("vda",)), Whole("table:d0", ("vda",)))

    monkeypatch.setattr(survivors, "find_whole", look)
    saved, here = replace(plain(), policy=own), agent()
    loaded: Any = SimpleNamespace(info=saved)
    assert len(survivors.find_survivors(here, loaded, used(plain()), policy, CommandSecrets(Secrets({"x": b"y"})))) == 2
    assert [looking.sample for looking in seen] == [sample] and seen[0].secrets("secret:x") == b"y"
    assert here.events.lines == ["fs:boot did not survive: for a reason", "survived: fs:srv"]


def test_secrets_are_asked_for_only_where_something_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: List[bool] = []
    secrets = CommandSecrets()

    def unlock(_agent: Any, _loaded: Any, rebuild: bool) -> CommandSecrets:
        asked.append(rebuild)
        if len(asked) > 1:
            raise SecretUnavailable("nobody had it")
        return secrets

    monkeypatch.setattr(survivors, "unlock", unlock)

    def found(saved: SystemInformation, first: RestorePlan) -> Optional[CommandSecrets]:
        loaded: Any = SimpleNamespace(info=saved)
        return survivors.unlock_for_look(here, loaded, first)

    here = agent()
    assert found(plain(), used(plain())) is None and asked == []
    blank = plan_restore(mirror(), machine(present("vda", 8 * GIB, serial="SERd0"),
                                           present("vdb", 8 * GIB, serial="SERd1")), RestorePolicy())
    assert found(mirror(), blank) is None and asked == []
    assert found(mirror(), used(mirror())) is secrets and asked == [True]
    assert found(mirror(), used(mirror())) is None and "nobody had it" in here.events.lines[0]
