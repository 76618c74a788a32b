"""What the operator decides about the plan: on the kernel's command line beforehand, or at the console when asked."""

from __future__ import annotations

import re
from dataclasses import replace
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, TypeVar

from rescue.console import Choice, Console, Unattended, choose
from rescue.failures import ConsentMissing
from rescue.hardware import Hardware, Whole
from rescue.plan import RestorePlan
from rescue.planner import DiskChoice, NoPlan, RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.match import NOWHERE
from rescue.planner.words import present_disk
from sif.enums import Fit, Grow, Intact, OneDisk
from sif.errors import UsageError
from sif.model import SystemInformation

E = TypeVar("E", bound=Enum)
Look = Callable[[RestorePlan], Tuple[Whole, ...]]
"""Finds what survived on the disks of a plan."""

_WORDS: Dict[str, Tuple[str, Type[Enum]]] = {
    "rescue.fit": ("fit", Fit), "rescue.grow": ("grow", Grow), "rescue.one-disk": ("one_disk", OneDisk),
    "rescue.intact": ("intact", Intact)}


def parse_decisions(command_line: str) -> RestorePolicy:
    """The decisions on the kernel's command line (docs/architecture.md). Raises :class:`UsageError`."""
    decided: Dict[str, Any] = {}
    maps: List[str] = []
    for word in re.findall(r'(?:"[^"]*"|[^\s"])+', command_line):
        name, _, value = word.replace('"', "").partition("=")
        if name == "rescue.map":
            maps += value.split(",")
        elif name == "rescue.accept":
            decided["accept"] = (*decided.get("accept", ()), *value.split(","))
        elif name == "rescue.grow-volumes":
            decided["grow_volumes"] = tuple(value.split(","))
        elif name == "rescue.intact-sample":
            decided["intact_sample"] = _count(name, value)
        elif name == "rescue.replica":
            decided["replica"] = value
        elif name in _WORDS:
            field, kind = _WORDS[name]
            decided[field] = _one_of(kind, name, value)
    return RestorePolicy(disk_map=parse_disk_map(maps), **decided)


def decide(saved: SystemInformation, hardware: Hardware, policy: RestorePolicy, console: Optional[Console],
           look: Optional[Look] = None) -> RestorePlan:
    """The plan; with a console, after asking what the planner could not decide. Raises :class:`NoPlan`, also where
    an unattended run's answers file does not answer.

    ``look`` finds out what survived on the disks of a plan that keeps nothing; without it nobody has looked.
    """
    if look is None or (policy.intact or saved.policy.intact) is Intact.REBUILD or hardware.whole is not None:
        return _asking(saved, hardware, policy, console)[0]
    rebuilt, answered = _asking(saved, hardware, replace(policy, intact=Intact.REBUILD), console)
    return _asking(saved, replace(hardware, whole=look(rebuilt)), replace(answered, intact=policy.intact), console)[0]


def _asking(saved: SystemInformation, hardware: Hardware, policy: RestorePolicy,
            console: Optional[Console]) -> Tuple[RestorePlan, RestorePolicy]:
    """A plan, and the policy with every answer that it took."""
    asked = 0
    while True:
        try:
            return plan_restore(saved, hardware, policy), policy
        except NoPlan as error:
            if console is None or not error.questions or asked > len(saved.disks):
                raise
            try:
                answer = _ask(console, hardware, error)
            except ConsentMissing:
                if isinstance(console, Unattended):
                    raise error from None  # it has the question with every answer
                raise
            policy = replace(policy, disk_map=(*policy.disk_map, answer))
            asked += 1


def _ask(console: Console, hardware: Hardware, error: NoPlan) -> DiskChoice:
    """The answer to the planner's first question; a later plan asks the next one, if it is still open."""
    question = error.questions[0]
    disks = {disk.name: disk for disk in hardware.disks}
    choices = [Choice(f"{question.saved}={name}", present_disk(disks[name])) for name in question.candidates]
    choices.append(Choice(f"{question.saved}={NOWHERE}", "none: leave it out"))
    answer = choose(console, f"map.{question.saved}", question.text, choices)
    return parse_disk_map([answer])[0]


def _count(name: str, value: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", value):
        raise UsageError("this is not a number of files", where=name, found=repr(value), wanted="200, for example")
    return int(value)


def _one_of(kind: Type[E], name: str, value: str) -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise UsageError("this cannot be decided like that", where=name, found=repr(value),
                         wanted=", ".join(str(one.value) for one in kind)) from error
