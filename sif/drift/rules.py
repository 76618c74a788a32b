"""What each kind of difference means for a restore: one table, read from top to bottom."""

from __future__ import annotations

from enum import Enum
from typing import FrozenSet, Mapping, Optional, Tuple

from sif.codec import schemas
from sif.diff import Difference
from sif.model import Driver, SystemInformation


class Area(str, Enum):
    """What part of the machine a change is about, in the words of the report."""

    STORAGE = "disks and volumes"
    BOOT = "how the machine starts"
    SYSTEM = "the system"
    NETWORK = "the network"
    HARDWARE = "hardware and drivers"
    RESTORE = "stores and restore programs"
    FILES = "files of packages"


class Effect(str, Enum):
    """``AGAIN``: a restore from the set would bring back another machine, or none. ``GOOD``: the set still does."""

    AGAIN = "capture-again"
    GOOD = "still-good"


_AREAS: Mapping[str, Area] = {
    **dict.fromkeys(("BOOT", "EFIENTRY"), Area.BOOT),
    **dict.fromkeys(("SYSTEM", "MOUNT"), Area.SYSTEM),
    **dict.fromkeys(("NIC", "BOND", "VLAN", "BRIDGE", "ROUTE", "DNS"), Area.NETWORK),
    **dict.fromkeys(("DEVICE", "DRIVER", "FILE"), Area.HARDWARE),
    **dict.fromkeys(("STORE", "COMMAND"), Area.RESTORE),
}

_NOT_THE_MACHINE = frozenset({"VERSION", "INCLUDE", "POLICY", "CATALOG", "SECRETS"})
"""Sections about the set itself, and what an administrator wrote into it."""

_COMES_AND_GOES: FrozenSet[Tuple[str, str]] = frozenset({
    ("DISK", "device"), ("DISK", "boot_code"), ("DISK", "boot_gap"), ("RAW", "path"), ("RAW", "file_sha256"),
    ("RAW", "compression"), ("RAW", "data_bytes"), ("VG", "metadata"), ("VG", "metadata_sha256"),
    ("SUBVOLUME", "number"), ("DRIVER", "path"), ("FILE", "path"),
})
"""Keys that differ between two captures of one machine: names given at a start, places of files, texts with a date.

LVM's metadata text is one: what it says is in the PV, VG and LV sections.
"""

_GOOD: FrozenSet[Tuple[str, str]] = frozenset({
    ("SYSTEM", "os"), ("SYSTEM", "kernel"), ("SYSTEM", "ram_bytes"), ("SYSTEM", "cpu_threads"),
    ("SYSTEM", "time_zone"), ("SYSTEM", "locale"), ("BOOT", "cmdline"), ("STORE", "snapshot"),
})
"""What the backup brings back, or what no restore depends on, though it belongs to the machine's identity."""

_AGAIN: FrozenSet[Tuple[str, str]] = frozenset({
    ("DISK", "serial"), ("DISK", "wwn"), ("DISK", "role"), ("DISK", "multipath"), ("NIC", "mac"),
})
"""By these an unattended restore knows the disk that it may overwrite, and the interface that reaches the store."""

_INSTRUCTIONS = frozenset({"STORE", "COMMAND"})
"""They have no identity, but the restore runs what the set says."""


def area_of(kind: str) -> Area:
    """The part of the machine that a kind of section describes."""
    return _AREAS.get(kind, Area.STORAGE if kind in schemas() else Area.RESTORE)


def effect_of(difference: Difference, saved: SystemInformation, now: SystemInformation) -> Optional[Effect]:
    """What a difference means; None for one that says nothing about the machine."""
    kind, key = difference.kind, difference.key
    if kind in _NOT_THE_MACHINE or key == "used_bytes" or (kind, key) in _COMES_AND_GOES:
        return None
    if (kind, key) in _AGAIN or kind in _INSTRUCTIONS and (kind, key) not in _GOOD:
        return Effect.AGAIN
    if (kind, key) in _GOOD or kind == "DEVICE" or kind == "FILE":
        return Effect.GOOD
    if kind == "DRIVER":
        return Effect.AGAIN if not key and _needed(difference.id, saved, now) else Effect.GOOD
    if kind not in schemas():
        return Effect.GOOD  # a vendor's own section, which never touches a disk
    if not key:
        return Effect.AGAIN
    known = next((found for found in schemas()[kind].keys if found.name == key), None)
    return Effect.AGAIN if known is not None and known.info.identity else Effect.GOOD


def _needed(ident: str, saved: SystemInformation, now: SystemInformation) -> bool:
    """Whether a disk, the network or a store is reached by the driver."""
    records = (saved.find("DRIVER", ident), now.find("DRIVER", ident))
    return any(isinstance(record, Driver) and bool(record.needs) for record in records)
