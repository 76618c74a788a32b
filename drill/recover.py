"""Step 5: the rescue ISO brings the machine back; the drill only watches."""

from __future__ import annotations

from enum import Enum
from typing import List

from drill.errors import DrillFailed
from drill.events import AgentEvent, State
from drill.plan import Bench, Recovery, Wreck
from drill.spec import Disk, DiskFormat, MachineSpec
from drill.vm import Machine, Observation, Sign

MOST_RESETS = 4
"""Firmware and shim may reset a machine once or twice before a system starts."""


class Stage(Enum):
    """How far a recovery is. Before the agent's first word the firmware may reset the machine as it likes."""

    STARTING_1 = "phase 1 starts from the medium"
    PHASE_1 = "phase 1"
    REBOOT_1 = "reboot after phase 1"
    STARTING_2 = "phase 2 starts from the machine's disk"
    PHASE_2 = "phase 2"
    REBOOT_2 = "reboot after phase 2"
    DONE = "recovered"


PHASE = {Stage.STARTING_1: 1, Stage.PHASE_1: 1, Stage.STARTING_2: 2, Stage.PHASE_2: 2}
AFTER = {Stage.PHASE_1: Stage.REBOOT_1, Stage.PHASE_2: Stage.REBOOT_2}
NEXT_START = {Stage.REBOOT_1: Stage.STARTING_2, Stage.REBOOT_2: Stage.DONE}
SPEAKS = {Stage.STARTING_1: Stage.PHASE_1, Stage.STARTING_2: Stage.PHASE_2}


def advance(stage: Stage, seen: Observation) -> Stage:
    """The stage after one observation. Raises :class:`DrillFailed` for anything a good recovery does not do."""
    if seen.sign is Sign.AGENT and seen.event is not None:
        return _heard(stage, seen.event)
    if seen.sign is Sign.RESET:
        if stage in NEXT_START:
            return NEXT_START[stage]
        if stage in SPEAKS:
            return stage
        raise DrillFailed(f"the machine was reset in the middle of {stage.value}", found=seen.reason,
                          hint="the serial log shows the last words of its kernel")
    raise DrillFailed(f"the machine failed in {stage.value}", found=f"{seen.sign.value}: {seen.reason}",
                      hint="the serial log and the events show how far it came")


def _heard(stage: Stage, event: AgentEvent) -> Stage:
    if stage in (Stage.REBOOT_1, Stage.REBOOT_2):
        return stage  # last words
    if event.phase != PHASE.get(stage):
        raise DrillFailed(f"phase {event.phase} spoke in {stage.value}", found=f"{event.step}: {event.title}",
                          wanted=f"phase {PHASE.get(stage)}")
    if event.ends_phase:
        if event.state is State.FAILED:
            raise DrillFailed(f"the rescue system gave up in phase {event.phase}: {event.error or event.title}",
                              hint="events.jsonl has every step before it")
        return AFTER[SPEAKS.get(stage, stage)]
    return SPEAKS.get(stage, stage)


def within_limit(stage: Stage, resets: int) -> int:
    """``resets`` if a start may take so many; raises :class:`DrillFailed` for a machine that starts in circles."""
    if resets > MOST_RESETS:
        raise DrillFailed(f"the machine starts again and again: {stage.value}", found=f"{resets} resets",
                          wanted="the rescue agent's first event", hint="the serial log shows what it starts from")
    return resets


def recover(bench: Bench, wreck: Wreck) -> Recovery:
    """Start the wreck with the ISO in its drive and follow it until phase 2 reboots. Raises on failure."""
    events: List[AgentEvent] = []
    stage: Stage = Stage.STARTING_1
    log = bench.order.evidence / "events.jsonl"
    with Machine(rescue_spec(bench, wreck)) as machine, log.open("a", encoding="utf-8") as lines:
        while stage is not Stage.DONE:
            with bench.progress.step(stage.value):
                now: Stage = stage
                resets = 0
                while now is stage:
                    seen = machine.observe(bench.order.silence)
                    resets = within_limit(stage, resets + (seen.sign is Sign.RESET))
                    if seen.event is not None:
                        events.append(seen.event)
                        lines.write(seen.event.line() + "\n")
                        lines.flush()
                        _tell(bench, seen.event)
                    now = advance(stage, seen)
            stage = now
    return Recovery(tuple(events))


def _tell(bench: Bench, event: AgentEvent) -> None:
    if event.state is not State.PROGRESS:
        seconds = f" ({event.seconds:.1f} s)" if event.seconds is not None else ""
        error = f": {event.error}" if event.error else ""
        title = event.title or event.step
        if event.state is State.INFO and event.text and "\n" not in event.text:
            title = event.text
        bench.progress.say(f"<{event.phase}> [{event.state.value}] {title}{seconds}{error}")


def rescue_spec(bench: Bench, wreck: Wreck) -> MachineSpec:
    """The machine to be recovered: ISO first in its boot order all the time, its disks, both sticks and the store."""
    return MachineSpec(
        name=wreck.log("2-recovery"), firmware=wreck.machine.firmware, folder=bench.logs, sockets=bench.logs,
        accel=bench.accel, vars_file=wreck.vars_file, cdrom=wreck.iso, usb_stick=bench.stick,
        key_stick=bench.key_stick, memory=bench.order.memory,
        disks=(*(placed.attached for placed in wreck.disks),
               Disk("store", bench.store, "STORE01", DiskFormat.RAW, boot=False)))
