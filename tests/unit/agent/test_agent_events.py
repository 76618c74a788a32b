"""One stream, several renderers; none of them can stop the restore."""

import json
import os
from pathlib import Path
from typing import List, Optional

import pytest

from rescue.events import Event, Events, State
from rescue.renderers import ConsoleLines, EventPort, JsonLines, console_line, consoles
from rescue.report import steps_of
from sif.errors import CommandFailed


class Kept:
    def __init__(self) -> None:
        self.events: List[Event] = []

    def show(self, event: Event) -> None:
        self.events.append(event)

    def close(self) -> None:
        return


def test_a_step_tells_that_it_starts_and_how_long_it_took() -> None:
    kept, times = Kept(), iter([0.0, 1.0, 3.5])
    events = Events(1, [kept], clock=lambda: next(times), now=lambda: 1000.0)
    with events.step("rebuild", "Rebuild the disks"):
        pass
    assert [(e.state, e.seconds) for e in kept.events] == [(State.STARTED, None), (State.FINISHED, 2.5)]
    assert json.loads(kept.events[1].to_json()) == {
        "t": 1000.0, "phase": 1, "step": "rebuild", "state": "finished", "title": "Rebuild the disks", "seconds": 2.5}


def test_a_failure_is_told_once_with_its_full_text() -> None:
    kept = Kept()
    events = Events(2, [kept])
    with pytest.raises(CommandFailed), events.step("restore", "Restore"), events.step("command.2000", "restic"):
        raise CommandFailed("restic failed", found="exit status 1", hint="look at the store")
    failed = [e for e in kept.events if e.state is State.FAILED]
    assert [e.step for e in failed] == ["command.2000", "restore"]
    assert failed[0].error is not None and "look at the store" in failed[0].error
    assert failed[1].error is None


def test_progress_is_limited_to_one_event_a_second_but_the_end_is_always_told() -> None:
    kept, now = Kept(), [0.0]
    events = Events(1, [kept], clock=lambda: now[0])
    with events.step("copy", "Copy") as step:
        for fraction in (0.1, 0.2, 0.3, 1.0):
            step.progress(fraction)
        now[0] = 5.0
    assert [e.fraction for e in kept.events if e.state is State.PROGRESS] == [0.1, 1.0]


@pytest.mark.parametrize(("event", "line"), [
    (Event(0, 1, "s", State.STARTED, "Rebuild the disks"), "[started]  Rebuild the disks"),
    (Event(0, 1, "s", State.FINISHED, "Rebuild the disks", seconds=12.34), "[finished] Rebuild the disks  12.3 s"),
    (Event(0, 1, "s", State.FAILED, "Fünf", seconds=1.0, error="a\nb"), "[failed]   F?nf  1.0 s\n    a\n    b"),
])
def test_console_lines(event: Event, line: str) -> None:
    assert console_line(event) == line


def test_a_console_line_fits_eighty_columns() -> None:
    line = console_line(Event(0, 1, "s", State.FINISHED, "x" * 200, seconds=1.0))
    assert line is not None and len(line) < 80 and line.endswith("...  1.0 s")


def test_a_console_that_is_not_there_is_ignored(tmp_path: Path) -> None:
    console = ConsoleLines(tmp_path / "tty1")
    console.show(Event(0, 1, "s", State.STARTED, "x"))
    console.close()
    assert not (tmp_path / "tty1").exists()


@pytest.mark.parametrize(("active", "found"), [
    ("tty0 ttyS0\n", ["tty1", "ttyS0"]), ("ttyAMA0 tty0\n", ["tty1", "ttyAMA0"]), ("tty0\n", ["tty1"]),
    ("tty0 ttyS1 hvc0\n", ["tty1", "ttyS1", "hvc0"]), ("", ["tty1"]), (None, ["tty1", "ttyS0"])])
def test_people_are_told_where_the_kernel_has_its_consoles(tmp_path: Path, active: Optional[str],
                                                            found: List[str]) -> None:
    if active is not None:
        (tmp_path / "active").write_text(active)
    assert consoles(tmp_path / "active") == tuple(Path("/dev", name) for name in found)


def test_the_port_keeps_events_until_somebody_reads(tmp_path: Path) -> None:
    pipe = tmp_path / "port"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    port = EventPort(pipe)
    many = [Event(0, 1, f"step-{number}", State.INFO, "x" * 500) for number in range(400)]
    for event in many:
        port.show(event)  # 200 kB: more than a pipe holds, and nobody reads
    received = b""
    while True:
        try:
            chunk = os.read(reader, 65536)
        except BlockingIOError:
            break
        received += chunk
        port.show(Event(0, 1, "more", State.INFO, "x"))
        if received.count(b"more") > 3:
            break
    port.close()
    steps = [json.loads(line)["step"] for line in received.splitlines()[:-1]]
    assert steps[:400] == [event.step for event in many]


def test_the_file_survives_a_restart_and_gives_the_steps(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    for phase in (1, 2):
        with Events(phase, [JsonLines(path)]).step("sif", "Read the SIF"):
            pass
    with path.open("a") as out:
        out.write('{"t": 1, "pha')
    assert [(s.phase, s.step, s.state) for s in steps_of(path.read_text())] == [
        (1, "sif", "finished"), (2, "sif", "finished")]
