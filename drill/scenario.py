"""Scenarios: what stands in the place of the machine that was lost, as data. Nothing here starts anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from drill.server import facts
from drill.server.facts import Server
from drill.spec import Bus
from drill.volatile import Volatile
from sif.model import Firmware


class Content(str, Enum):
    """What a disk holds when the recovery begins.

    FOREIGN: a file system over the whole disk, that no SIF names. OTHER: the disk of another server, installed in the
    same way with ids of its own: it starts, and its volume groups have the names of the lost one's. OLD: the lost
    server's own disk as it was. WITHOUT_ROOT: the same, with the bytes of its root file system gone.
    """

    BLANK = "blank"
    FOREIGN = "foreign"
    OTHER = "other"
    OLD = "old"
    WITHOUT_ROOT = "without-root"


OWN_SIZE = frozenset({Content.OTHER, Content.OLD, Content.WITHOUT_ROOT})
"""These are as large as the disk that they come from."""


@dataclass(frozen=True)
class NewDisk:
    """A disk of the replacement machine. ``size`` in bytes, where the content does not say it.

    ``of``: from which disk of a server its content comes. A disk that is not ``used`` is a bystander: it keeps every
    byte, and the proof runs without it. ``kept``: restored by leaving it alone; it keeps every byte until the machine
    starts. ``kept_volumes``: file systems on it, by mount point, that do.
    """

    name: str
    serial: str
    size: int = 0
    content: Content = Content.BLANK
    bus: Bus = Bus.VIRTIO
    used: bool = True
    of: str = "system"
    kept: bool = False
    kept_volumes: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Replacement:
    """A machine to restore to: its disks are in the order in which the kernel finds them."""

    firmware: Firmware
    disks: Tuple[NewDisk, ...]

    @property
    def used(self) -> Tuple[NewDisk, ...]:
        return tuple(disk for disk in self.disks if disk.used)


@dataclass(frozen=True)
class Refusal:
    """A first try that must end in ``step`` with ``words`` in its error and every disk as it was."""

    policy: Tuple[str, ...]
    step: str
    words: str


@dataclass(frozen=True)
class Scenario:
    """One recovery. ``machines``: usually one; with several, each is captured again and restored as the next.

    ``policy`` and ``edits``: changes of the set's POLICY and of other sections, as `sif edit` takes them. ``arguments``
    are added to the kernel's. ``adjustments``: exactly what the plan may adapt, as `code subject`. ``renamed``: ids
    that a new capture gives to what the plan keeps under another one. ``changes``: what may differ in files, and why.
    ``again``: with the medium left in, nothing may be restored a second time. ``replica``: the machine that comes back
    is one that could run beside the lost one.
    """

    name: str
    title: str
    server: Server
    firmware: Firmware
    machines: Tuple[Replacement, ...]
    bus: Bus = Bus.VIRTIO
    policy: Tuple[str, ...] = ()
    edits: Tuple[Tuple[str, ...], ...] = ()
    arguments: str = ""
    refusal: Optional[Refusal] = None
    adjustments: Tuple[str, ...] = ()
    renamed: Tuple[str, ...] = ()
    changes: Tuple[Volatile, ...] = ()
    again: bool = False
    replica: bool = False


FOREIGN = NewDisk("foreign", "FOREIGN01", facts.FOREIGN_DISK_BYTES, Content.FOREIGN, used=False)


def same_again(server: Server, firmware: Firmware) -> Scenario:
    """The drill without a scenario: new blank disks of the same sizes, and a stranger's disk beside them."""
    blank = tuple(NewDisk(name, f"NEW{name.upper()}77", size)
                  for name, size in zip(facts.disk_names(server), facts.disk_bytes(server)))
    return Scenario(firmware.value, "new disks of the same sizes", server, firmware,
                    (Replacement(firmware, (*blank, FOREIGN)),), again=True)
