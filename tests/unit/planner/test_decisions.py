"""Decisions on the kernel's command line and at the console."""

from __future__ import annotations

from typing import List

import pytest
from planner_cases import anonymous, plain, two
from planner_machines import GIB, machine, present

from rescue.console import Unattended
from rescue.decisions import decide, parse_decisions
from rescue.planner import DiskChoice, NoPlan, RestorePolicy
from sif.enums import Fit, Grow, Intact, OneDisk
from sif.errors import UsageError


class Answers:
    """A console that answers from a list."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: List[str] = []

    def say(self, text: str) -> None:
        """Nobody listens."""

    def ask(self, ident: str, question: str) -> str:
        self.asked.append(f"{ident}: {question}")
        return self.answers.pop(0)

    def ask_secret(self, ident: str, question: str) -> str:
        raise AssertionError("no secret is asked for")


def test_every_decision_has_its_word() -> None:
    found = parse_decisions("quiet rescue.auto rescue.map=d0=vda,d1=none rescue.map=d2=sdc rescue.accept=disk-smaller "
                            "rescue.accept=volume-lost,lv-lost rescue.fit=shrink-free rescue.grow=named "
                            "rescue.grow-volumes=root,srv rescue.one-disk=linear rescue.intact=keep "
                            "rescue.replica=web02 rescue.intact-sample=50")
    assert found == RestorePolicy(
        disk_map=(DiskChoice("d0", "vda"), DiskChoice("d1", "none"), DiskChoice("d2", "sdc")), fit=Fit.SHRINK_FREE,
        grow=Grow.NAMED, grow_volumes=("root", "srv"), one_disk=OneDisk.LINEAR,
        accept=("disk-smaller", "volume-lost", "lv-lost"), replica="web02", intact=Intact.KEEP, intact_sample=50)
    assert parse_decisions("BOOT_IMAGE=/vmlinuz quiet console=ttyS0") == RestorePolicy()


@pytest.mark.parametrize("line", ["rescue.map=d0", "rescue.fit=somehow", "rescue.grow=", "rescue.intact=KEEP",
                                  "rescue.intact-sample=", "rescue.intact-sample=-1", "rescue.intact-sample=all"])
def test_a_decision_that_means_nothing_is_refused(line: str) -> None:
    with pytest.raises(UsageError):
        parse_decisions(line)


def test_a_tie_is_asked_about_and_the_answer_taken() -> None:
    console = Answers("2")
    plan = decide(anonymous(plain()), machine(present("vda"), present("vdb")), RestorePolicy(), console)
    assert [m.name for m in plan.matches] == ["vdb"]
    assert len(console.asked) == 1 and "vda (8.0 GiB, blank)" in console.asked[0]


def test_questions_are_asked_until_there_is_a_plan() -> None:
    console = Answers("d0=vdb", "d1=vda")
    here = machine(present("vda", 20 * GIB), present("vdb", 20 * GIB), present("vdc", 20 * GIB))
    plan = decide(anonymous(two()), here, RestorePolicy(), console)
    assert [m.name for m in plan.matches] == ["vdb", "vda"]


def test_a_disk_can_be_left_out() -> None:
    console = Answers("d0=vdb", "d1=none")
    here = machine(present("vda", 20 * GIB), present("vdb", 20 * GIB), present("vdc", 20 * GIB))
    plan = decide(anonymous(two()), here, RestorePolicy(), console)
    assert [m.name for m in plan.matches] == ["vdb"]


def test_nobody_is_asked_in_an_unattended_run() -> None:
    with pytest.raises(NoPlan, match="--map d0=vda"):
        decide(anonymous(plain()), machine(present("vda"), present("vdb")), RestorePolicy(), None)


def test_an_unattended_run_takes_the_answers_file_and_ends_with_the_question_else() -> None:
    here = machine(present("vda"), present("vdb"))
    plan = decide(anonymous(plain()), here, RestorePolicy(), Unattended({"map.d0": "d0=vdb"}))
    assert [m.name for m in plan.matches] == ["vdb"]
    with pytest.raises(NoPlan) as caught:
        decide(anonymous(plain()), here, RestorePolicy(), Unattended({"map.d1": "d1=vdb"}))
    assert "rescue.map=d0=vda" in str(caught.value) and "`map.d0 = d0=vda`" in str(caught.value)
    with pytest.raises(NoPlan):  # an answer that means nothing is used once
        decide(anonymous(plain()), here, RestorePolicy(), Unattended({"map.d0": "vdb"}))


def test_what_no_answer_helps_is_not_asked() -> None:
    with pytest.raises(NoPlan, match="no disk is present"):
        decide(plain(), machine(), RestorePolicy(), Answers())
