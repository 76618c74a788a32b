"""The machine in front of us, as the planner sees it: frozen facts, no device handles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from sif.model import Firmware


@dataclass(frozen=True)
class PresentPartition:
    """A stretch of a present disk that some partition claims; ``content`` names what lies in it ("" is nothing)."""

    name: str
    start_bytes: int
    size_bytes: int
    content: str = ""


@dataclass(frozen=True)
class PresentDisk:
    """One disk of the present machine.

    ``signatures`` names everything found on it (partition table, file systems, LVM, RAID, LUKS on the disk
    or on any of its partitions), as ``"vda1: ext4"``; empty means blank. ``excluded`` says why the disk can
    never be a target ("the medium", "the rescue disk", "a store"); None means it may be considered.
    ``content`` is the digest that the plan's fingerprint carries, so that a disk that changes between plan
    and rebuild is noticed. ``raws`` are ids of saved images (RAW) whose content lies at its place on this disk already.
    """

    name: str
    path: str
    size_bytes: int
    logical_sector: int
    physical_sector: int
    model: Optional[str] = None
    serial: Optional[str] = None
    wwn: Optional[str] = None
    bus: Optional[str] = None
    by_path: Optional[str] = None
    read_only: bool = False
    removable: bool = False
    signatures: Tuple[str, ...] = ()
    excluded: Optional[str] = None
    partitions: Tuple[PresentPartition, ...] = ()
    content: str = ""
    raws: Tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        return not self.signatures


@dataclass(frozen=True)
class Hardware:
    """The present machine."""

    firmware: Firmware
    arch: str
    disks: Tuple[PresentDisk, ...]
    ram_bytes: int = 0
