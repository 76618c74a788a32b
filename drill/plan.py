"""What one drill is given and what its steps hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from drill.compare import Manifest
from drill.events import AgentEvent
from drill.progress import Progress
from drill.spec import Accel
from sif.model import Firmware


@dataclass(frozen=True)
class Check:
    """One thing the proof looked at."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Order:
    """What was asked for. ``silence`` is the longest time, in seconds, a machine may give no sign of life."""

    firmware: Firmware
    iso: Path
    evidence: Path
    memory: int = 1536
    silence: float = 300.0
    keep: bool = False


@dataclass(frozen=True)
class Bench:
    """Where a drill works: ``disks`` holds the disk images, ``logs`` lies in the evidence folder."""

    order: Order
    disks: Path
    logs: Path
    accel: Accel
    progress: Progress

    @property
    def stick(self) -> Path:
        return self.disks / "stick.img"

    @property
    def key_stick(self) -> Path:
        return self.disks / "key.img"

    @property
    def store(self) -> Path:
        return self.disks / "store.img"

    @property
    def foreign(self) -> Path:
        return self.disks / "foreign.img"

    @property
    def original_set(self) -> Path:
        return self.order.evidence / "sif-original"

    @property
    def restored_set(self) -> Path:
        return self.order.evidence / "sif-restored"


@dataclass(frozen=True)
class Hashes:
    """SHA-256 of what the recovery must not write to; ``stick`` has that of the set's stick and the key's."""

    stick: str
    store: str
    foreign: str


@dataclass(frozen=True)
class Original:
    """What is known of the server before the disaster."""

    manifest: Manifest
    password: bytes


@dataclass(frozen=True)
class Wreck:
    """The machine after the disaster: blank disks, blank variables, and what must stay as it is."""

    system: Path
    data: Path
    vars_file: Path
    untouched: Hashes


@dataclass(frozen=True)
class Recovery:
    """How the rescue system brought the machine back."""

    events: Tuple[AgentEvent, ...]


@dataclass(frozen=True)
class Verdict:
    """The end of a drill. ``error`` is why it did not get to its checks."""

    firmware: Firmware
    checks: Tuple[Check, ...]
    seconds: float
    error: Optional[str] = None

    @property
    def passed(self) -> bool:
        return self.error is None and bool(self.checks) and all(check.ok for check in self.checks)
