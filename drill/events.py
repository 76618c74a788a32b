"""The rescue agent's events as they come through the machine's virtio-serial port (docs/architecture.md, Events)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any, Mapping, Optional

from drill.errors import DrillFailed


class State(str, Enum):
    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    INFO = "info"


@dataclass(frozen=True)
class AgentEvent:
    """One thing the rescue agent said. ``t`` is the guest's clock in unix seconds."""

    t: float
    phase: int
    step: str
    state: State
    title: str = ""
    fraction: Optional[float] = None
    seconds: Optional[float] = None
    error: Optional[str] = None
    text: Optional[str] = None

    @property
    def ends_phase(self) -> bool:
        return self.step == "phase" and self.state in (State.FINISHED, State.FAILED)

    def line(self) -> str:
        """The event as one line of JSON, without what it does not say."""
        return json.dumps({name: value for name, value in asdict(self).items() if value is not None})


def parse_event(line: str) -> AgentEvent:
    """The event in one line of JSON. Raises :class:`DrillFailed` for anything else."""
    try:
        raw = json.loads(line)
        if not isinstance(raw, dict):
            raise TypeError("not an object")
        return AgentEvent(
            t=float(raw["t"]), phase=int(raw["phase"]), step=str(raw["step"]), state=State(raw["state"]),
            title=str(raw.get("title", "")), fraction=_number(raw, "fraction"), seconds=_number(raw, "seconds"),
            error=_text(raw, "error"), text=_text(raw, "text"))
    except (ValueError, KeyError, TypeError) as error:
        raise DrillFailed("the rescue agent sent a line that is no event", found=line[:300],
                          wanted='{"t": ..., "phase": 1|2, "step": ..., "state": ..., "title": ...}') from error


def _number(raw: Mapping[str, Any], name: str) -> Optional[float]:
    value = raw.get(name)
    return None if value is None else float(value)


def _text(raw: Mapping[str, Any], name: str) -> Optional[str]:
    value = raw.get(name)
    return None if value is None else str(value)


class LineSplitter:
    """Bytes in, whole lines out: what is read from a port ends anywhere."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> tuple[str, ...]:
        """The lines that ``chunk`` completes, without empty ones."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return tuple(text for text in (line.decode("utf-8", "replace").strip() for line in lines) if text)
