"""What one drill is given and what its steps hand on to each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from drill.compare import Manifest
from drill.events import AgentEvent
from drill.progress import Progress
from drill.scenario import NewDisk, Replacement, Scenario, same_again
from drill.server.facts import Server
from drill.spec import Accel, Disk, DiskFormat
from sif.model import Firmware


@dataclass(frozen=True)
class Check:
    """One thing the proof looked at."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Order:
    """What was asked for. ``silence`` is the longest time, in seconds, a machine may give no sign of life.

    Without a ``scenario`` the server lives, is captured, and comes back on new disks of the same sizes.
    """

    firmware: Firmware
    iso: Path
    evidence: Path
    memory: int = 1536
    silence: float = 300.0
    keep: bool = False
    server: Server = Server.PLAIN
    scenario: Optional[Scenario] = None

    @property
    def recovery(self) -> Scenario:
        return self.scenario or same_again(self.server, self.firmware)


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
    def original_set(self) -> Path:
        return self.order.evidence / "sif-original"

    @property
    def restored_set(self) -> Path:
        return self.order.evidence / "sif-restored"


@dataclass(frozen=True)
class Untouched:
    """Something that the recovery must not write to, with the SHA-256 that it had before."""

    name: str
    path: Path
    sha256: str


@dataclass(frozen=True)
class Original:
    """What is known of the server before the disaster."""

    manifest: Manifest
    password: bytes


@dataclass(frozen=True)
class Placed:
    """A disk of the replacement machine and its image."""

    disk: NewDisk
    path: Path
    format: DiskFormat

    @property
    def attached(self) -> Disk:
        return Disk(self.disk.name, self.path, self.disk.serial, self.format, bus=self.disk.bus, boot=self.disk.used)


@dataclass(frozen=True)
class Wreck:
    """The machine after the disaster: a replacement with its disks, blank variables, and what must stay as it is.

    ``round`` counts the machines of a scenario; ``iso`` is in its drive. ``kept`` are volumes that the recovery leaves
    alone: those must be as they are until the machine starts.
    """

    machine: Replacement
    disks: Tuple[Placed, ...]
    vars_file: Path
    iso: Path
    untouched: Tuple[Untouched, ...] = ()
    kept: Tuple["KeptPart", ...] = ()
    round: int = 1

    @property
    def used(self) -> Tuple[Placed, ...]:
        return tuple(placed for placed in self.disks if placed.disk.used)

    def log(self, name: str) -> str:
        """The name of this machine's logs."""
        return name if self.round == 1 else f"{name}-{self.round}"


@dataclass(frozen=True)
class KeptPart:
    """Bytes of a used disk's image (all of them without ``length``) and their SHA-256 before the recovery."""

    name: str
    placed: Placed
    start: int
    length: Optional[int]
    sha256: str


@dataclass(frozen=True)
class Recovery:
    """How the rescue system brought the machine back."""

    events: Tuple[AgentEvent, ...]


@dataclass(frozen=True)
class Verdict:
    """The end of a drill. ``error`` is why it did not get to its checks; ``scenario`` its name, if it has one."""

    firmware: Firmware
    checks: Tuple[Check, ...]
    seconds: float
    error: Optional[str] = None
    scenario: Optional[str] = None

    @property
    def name(self) -> str:
        return self.scenario or self.firmware.value

    @property
    def passed(self) -> bool:
        return self.error is None and bool(self.checks) and all(check.ok for check in self.checks)
