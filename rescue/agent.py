"""What both phases share: settings, working directory, events and the operator's console."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from rescue.console import Console, load_answers, open_console
from rescue.events import Events
from rescue.renderers import ConsoleLines, EventPort, JsonLines, consoles
from rescue.settings import Settings, parse_command_line
from rescue.workspace import Workspace
from sif.model import Firmware
from sif.run import run

COMMAND_LINE = Path("/proc/cmdline")


@dataclass(frozen=True)
class Agent:
    """One run of the agent. ``command_line`` is the kernel's, for phase 2 to be started with."""

    settings: Settings
    command_line: str
    workspace: Workspace
    events: Events
    console: Console


def start_agent(phase: Optional[int] = None, answers: Optional[Path] = None,
                workspace: Optional[Workspace] = None) -> Agent:
    """Read the settings and open every output. ``phase`` overrides the kernel command line's."""
    place = workspace or Workspace()
    place.root.mkdir(parents=True, exist_ok=True)
    command_line = COMMAND_LINE.read_text(encoding="utf-8", errors="replace").strip()
    settings = parse_command_line(command_line)
    events = Events(phase or settings.phase, [JsonLines(place.events), *map(ConsoleLines, consoles()), EventPort()])
    return Agent(settings, command_line, place, events, open_console(settings.auto, load_answers(answers)))


def present_firmware() -> Firmware:
    """How this machine was started."""
    return Firmware.UEFI if Path("/sys/firmware/efi").is_dir() else Firmware.BIOS


def reboot(agent: Agent) -> None:
    """Tell that the phase is over, then restart the machine; returns while it is going down."""
    run(["sync"], timeout=600)
    agent.events.phase_finished()
    agent.events.close()
    run(["systemctl", "--no-block", "reboot"], timeout=60)
