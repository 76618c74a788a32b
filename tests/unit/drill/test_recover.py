"""A recovery is followed by its events; anything a good one does not do ends the drill."""

from __future__ import annotations

import pytest

from drill.errors import DrillFailed
from drill.events import AgentEvent, LineSplitter, State, parse_event
from drill.recover import MOST_RESETS, Stage, advance, within_limit
from drill.vm import Observation, Sign


def said(phase: int, step: str, state: State, error: str | None = None) -> Observation:
    return Observation(0.0, Sign.AGENT, event=AgentEvent(0.0, phase, step, state, error=error))


RESET = Observation(0.0, Sign.RESET, "guest-reset")
GOOD = (RESET, said(1, "find", State.STARTED), said(1, "find", State.FINISHED), said(1, "phase", State.FINISHED), RESET,
        RESET, said(2, "restore", State.PROGRESS), said(2, "phase", State.FINISHED), said(2, "bye", State.INFO), RESET)


def follow(*seen: Observation) -> Stage:
    stage = Stage.STARTING_1
    for one in seen:
        stage = advance(stage, one)
    return stage


def test_a_good_recovery_is_done() -> None:
    assert follow(*GOOD) is Stage.DONE


@pytest.mark.parametrize("length", range(len(GOOD)))
def test_nothing_less_is_done(length: int) -> None:
    assert follow(*GOOD[:length]) is not Stage.DONE


@pytest.mark.parametrize(("before", "bad", "word"), [
    (2, said(1, "phase", State.FAILED, "no SIF found"), "no SIF found"),
    (2, RESET, "in the middle of phase 1"),
    (2, said(2, "restore", State.STARTED), "phase 2 spoke in phase 1"),
    (5, said(1, "find", State.STARTED), "phase 1 spoke in phase 2 starts"),
    (7, said(2, "phase", State.FAILED, "disk full"), "disk full"),
    (3, Observation(0.0, Sign.SHUTDOWN, "guest-shutdown"), "guest-shutdown"),
    (5, Observation(0.0, Sign.PANIC, "pause"), "panic"),
    (0, Observation(0.0, Sign.EXIT, "QEMU exit status 1"), "exit status 1"),
    (1, Observation(0.0, Sign.GARBLED, "{oops"), "{oops"),
])
def test_anything_else_ends_the_drill(before: int, bad: Observation, word: str) -> None:
    with pytest.raises(DrillFailed) as failure:
        follow(*GOOD[:before], bad)
    assert word in str(failure.value)


def test_a_machine_that_starts_in_circles_is_stopped() -> None:
    assert within_limit(Stage.STARTING_2, MOST_RESETS) == MOST_RESETS
    with pytest.raises(DrillFailed, match="again and again"):
        within_limit(Stage.STARTING_2, MOST_RESETS + 1)


def test_an_event_keeps_its_fields_through_a_line() -> None:
    event = AgentEvent(12.5, 1, "rebuild", State.PROGRESS, "Rebuild", fraction=0.5, seconds=3.0)
    assert parse_event(event.line()) == event


@pytest.mark.parametrize("line", ["", "[]", "{}", '{"t": 1, "phase": 1, "step": "x", "state": "odd"}', "\x00{"])
def test_a_line_that_is_no_event_is_refused(line: str) -> None:
    with pytest.raises(DrillFailed):
        parse_event(line)


def test_lines_are_put_together_from_any_pieces() -> None:
    splitter = LineSplitter()
    assert [splitter.feed(piece) for piece in (b'{"a"', b": 1}\n\n{", b"}\n")] == [(), ('{"a": 1}',), ("{}",)]
