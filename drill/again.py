"""The medium stays in the drive of a machine that starts from it first: nothing may be restored a second time."""

from __future__ import annotations

from dataclasses import replace

from drill import images
from drill.errors import DrillFailed
from drill.events import AgentEvent, State
from drill.plan import Bench, Wreck
from drill.recover import MOST_RESETS, rescue_spec
from drill.vm import Machine, Sign

REFUSING_STEP = "repeat"
"""The agent's step that looks for a finished restore of the same set."""


def refused(bench: Bench, wreck: Wreck) -> str:
    """Start the recovered machine with everything attached as for the recovery; its disks must keep every byte.

    Returns what the agent said. Raises :class:`DrillFailed` if it did anything but refuse.
    """
    before = (images.sha256(wreck.system), images.sha256(wreck.data))
    event = _last_words(bench, wreck)
    if event.step != REFUSING_STEP or event.state is not State.FAILED:
        raise DrillFailed("the rescue system did not refuse to restore a second time",
                          found=f"{event.step} {event.state.value}: {event.error or event.title}",
                          wanted=f"{REFUSING_STEP} failed")
    if before != (images.sha256(wreck.system), images.sha256(wreck.data)):
        raise DrillFailed("the recovered disks were written to", wanted="the same bytes as before")
    return (event.error or event.title).splitlines()[0]


def _last_words(bench: Bench, wreck: Wreck) -> AgentEvent:
    """The agent's first failed step, or the event with which a phase ends."""
    resets = 0
    with Machine(replace(rescue_spec(bench, wreck), name="4-again")) as machine:
        while True:
            seen = machine.observe(bench.order.silence)
            if seen.event is not None and (seen.event.state is State.FAILED or seen.event.ends_phase):
                return seen.event
            resets += seen.sign is Sign.RESET
            if seen.sign not in (Sign.AGENT, Sign.RESET) or resets > MOST_RESETS:
                raise DrillFailed("the machine ended before the rescue system spoke",
                                  found=f"{seen.sign.value}: {seen.reason}")
