"""The machine in front of us, as the planner sees it: frozen facts, no device handles."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple

from sif.model import Firmware


@dataclass(frozen=True)
class PresentPartition:
    """A stretch of a present disk that some partition claims; ``content`` names what lies in it ("" is nothing)."""

    name: str
    start_bytes: int
    size_bytes: int
    content: str = ""


class HolderKind(str, Enum):
    """What uses a disk, and with that how it is stopped."""

    MOUNT = "mounted"
    SWAP = "swap"
    LVM = "LVM volume"
    LUKS = "opened LUKS volume"
    MULTIPATH = "multipath device"
    MAPPER = "mapped device"
    ARRAY = "array"
    BCACHE = "bcache"
    LOOP = "loop device"


@dataclass(frozen=True)
class Holder:
    """Something of the running kernel that uses a disk, and that has to be stopped before the disk is written.

    ``key`` names it among the holders of a machine, ``target`` is what stops it: a mount point, a node, a file of
    sysfs. ``on`` are the keys or kernel names of what it lies on directly; ``others`` the disks that it lies on as
    well. ``pid`` is a process in the mount namespace where it is mounted, when that is not ours.
    """

    key: str
    kind: HolderKind
    name: str
    target: str
    on: Tuple[str, ...]
    height: int
    others: Tuple[str, ...] = ()
    pid: Optional[int] = None


class Wholeness(str, Enum):
    """What a look at a volume found: the saved identity in its place, and clean; beside that, files as the catalog
    says."""

    CLEAN = "clean"
    VERIFIED = "verified"


@dataclass(frozen=True)
class Whole:
    """Something saved that is on the present disks still, in its place and with its identity.

    ``id`` is that of the action that would make it (``fs:srv``, ``vg:vg0``, ``table:d1``), ``disks`` are the kernel
    names of what it lies on.
    """

    id: str
    disks: Tuple[str, ...]
    found: Wholeness = Wholeness.CLEAN


@dataclass(frozen=True)
class PresentDisk:
    """One disk of the present machine.

    ``signatures`` names everything found on it (partition table, file systems, LVM, RAID, LUKS on the disk
    or on any of its partitions), as ``"vda1: ext4"``; empty means blank. ``excluded`` says why the disk can
    never be a target ("the medium", "the rescue disk", "a store"); None means it may be considered.
    ``content`` is the digest that the plan's fingerprint carries, so that a disk that changes between plan
    and rebuild is noticed. ``raws`` are ids of saved images (RAW) whose content lies at its place on this disk already.
    ``begun``: an interrupted run of this very restore has made all that it holds (:mod:`rescue.begun`), but for
    ``keeping``, the volumes (ids of actions) that it found there and left.
    ``holders`` are what the kernel has running on it, in the order in which they can be stopped.
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
    begun: bool = False
    holders: Tuple[Holder, ...] = ()
    keeping: Tuple[str, ...] = ()

    @property
    def blank(self) -> bool:
        return not self.signatures


@dataclass(frozen=True)
class Hardware:
    """The present machine. ``whole`` is what survived on its disks; None where nobody has looked. ``video`` are the
    modaliases of its display adapters; what is 0 or empty is not known."""

    firmware: Firmware
    arch: str
    disks: Tuple[PresentDisk, ...]
    ram_bytes: int = 0
    whole: Optional[Tuple[Whole, ...]] = None
    cpu_threads: int = 0
    video: Tuple[str, ...] = ()
