"""The rescue system must refuse: to restore a machine a second time, and what nobody agreed to."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from drill import images
from drill.errors import DrillFailed
from drill.events import AgentEvent, State
from drill.plan import Bench, Wreck
from drill.recover import MOST_RESETS, rescue_spec
from drill.scenario import Refusal
from drill.vm import Machine, Sign

REFUSING_STEP = "repeat"
"""The agent's step that looks for a finished restore of the same set."""


def refused(bench: Bench, wreck: Wreck) -> str:
    """Start the recovered machine with everything attached as for the recovery; its disks must keep every byte.

    Returns what the agent said. Raises :class:`DrillFailed` if it did anything but refuse.
    """
    return _refuses(bench, wreck, Refusal((), REFUSING_STEP, ""), "4-again")


def refused_first(bench: Bench, wreck: Wreck, refusal: Refusal) -> str:
    """The recovery, tried without consent: every disk must keep every byte. Returns what the agent said."""
    return _refuses(bench, wreck, refusal, "2-refused")


def _refuses(bench: Bench, wreck: Wreck, refusal: Refusal, name: str) -> str:
    before = _bytes(wreck)
    event = _last_words(bench, wreck, name)
    said = event.error or event.title
    if event.step != refusal.step or event.state is not State.FAILED or refusal.words not in said:
        raise DrillFailed("the rescue system did not refuse", found=f"{event.step} {event.state.value}: {said}",
                          wanted=f"{refusal.step} failed: {refusal.words}")
    if before != _bytes(wreck):
        raise DrillFailed("a disk was written to although the rescue system refused", wanted="the same bytes as before")
    return said.splitlines()[0]


def _bytes(wreck: Wreck) -> Tuple[str, ...]:
    return tuple(images.sha256(placed.path) for placed in wreck.disks)


def _last_words(bench: Bench, wreck: Wreck, name: str) -> AgentEvent:
    """The agent's first failed step, or the event with which a phase ends."""
    resets = 0
    with Machine(replace(rescue_spec(bench, wreck), name=wreck.log(name))) as machine:
        while True:
            seen = machine.observe(bench.order.silence)
            if seen.event is not None and (seen.event.state is State.FAILED or seen.event.ends_phase):
                return seen.event
            resets += seen.sign is Sign.RESET
            if seen.sign not in (Sign.AGENT, Sign.RESET) or resets > MOST_RESETS:
                raise DrillFailed("the machine ended before the rescue system spoke",
                                  found=f"{seen.sign.value}: {seen.reason}")
