"""The restore plan: what will be done to which disk and why, as data that can be shown, stored and run later."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple


class ActionKind(str, Enum):
    """What an action does to its subject. The subject is a SIF id."""

    WIPE_DISK = "wipe-disk"
    WRITE_TABLE = "write-table"
    CREATE_PARTITION = "create-partition"
    CREATE_PV = "create-pv"
    CREATE_VG = "create-vg"
    CREATE_LV = "create-lv"
    MAKE_FS = "make-fs"
    MAKE_SWAP = "make-swap"
    KEEP_RAW = "keep-raw"
    WRITE_RAW = "write-raw"


RAW_KINDS = (ActionKind.KEEP_RAW, ActionKind.WRITE_RAW)


@dataclass(frozen=True)
class Fingerprint:
    """What a disk looked like when the plan was made; checked again immediately before the first write.

    ``content`` is a digest over the disk's table, its signatures and samples of its sectors.
    """

    path: str
    size_bytes: int
    serial: Optional[str]
    wwn: Optional[str]
    content: str


@dataclass(frozen=True)
class DiskMatch:
    """Saved disk ``saved`` (SIF id) goes to the present disk ``name``; ``evidence`` says why this one."""

    saved: str
    name: str
    path: str
    evidence: str
    fingerprint: Fingerprint


@dataclass(frozen=True)
class Rejection:
    """A present disk that is not touched, and the reason."""

    name: str
    path: str
    reason: str


@dataclass(frozen=True)
class Action:
    """One step of the rebuild.

    ``disk`` is the SIF id of the disk it writes to (of the first one, when a volume group spans several).
    ``needs`` are ids of actions that come first. ``destructive`` actions end what the disk held before: the
    disk's fingerprint is checked immediately before the first of them.
    """

    id: str
    kind: ActionKind
    subject: str
    disk: str
    title: str
    needs: Tuple[str, ...] = ()
    destructive: bool = False


@dataclass(frozen=True)
class Adjustment:
    """One difference between the saved and the planned layout, explained."""

    code: str
    subject: str
    before: str
    after: str
    reason: str
    consequence: str
    consent: bool = False


@dataclass(frozen=True)
class ConsentNeeded:
    """A disk that holds something and will be overwritten: a person, or the policy, must agree.

    ``disk`` is the SIF id of the saved disk that goes there, ``path`` the present device, ``same_disk`` whether
    it is the recorded disk itself (same serial number or WWN, same size).
    """

    disk: str
    path: str
    holds: Tuple[str, ...]
    same_disk: bool


@dataclass(frozen=True)
class RestorePlan:
    """Everything phase 1 will do. ``set_id`` names the SIF set it was made from."""

    set_id: str
    hostname: str
    matches: Tuple[DiskMatch, ...]
    rejections: Tuple[Rejection, ...]
    actions: Tuple[Action, ...]
    adjustments: Tuple[Adjustment, ...] = ()
    consents: Tuple[ConsentNeeded, ...] = ()

    def path_of(self, saved_disk: str) -> str:
        """The device path that the saved disk goes to; KeyError if the plan does not place it."""
        for match in self.matches:
            if match.saved == saved_disk:
                return match.path
        raise KeyError(saved_disk)
