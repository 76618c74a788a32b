"""The restore plan: what will be done to which disk and why, as data that can be shown, stored and run later."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Dict, FrozenSet, Optional, Set, Tuple

from sif.model import SystemInformation


class ActionKind(str, Enum):
    """What an action does to its subject. The subject is a SIF id."""

    WIPE_DISK = "wipe-disk"
    WRITE_TABLE = "write-table"
    CREATE_PARTITION = "create-partition"
    CREATE_ARRAY = "create-array"
    CREATE_CACHESET = "create-cacheset"
    CREATE_BCACHE = "create-bcache"
    CREATE_LUKS = "create-luks"
    CREATE_PV = "create-pv"
    CREATE_VG = "create-vg"
    CREATE_LV = "create-lv"
    MAKE_BTRFS = "make-btrfs"
    MAKE_FS = "make-fs"
    MAKE_SWAP = "make-swap"
    KEEP_RAW = "keep-raw"
    WRITE_RAW = "write-raw"


PLANNED = ("system", "policy", "boot", "disks", "partitions", "raws", "arrays", "cachesets", "bcaches", "luks",
           "pvs", "vgs", "lvs", "btrfs", "subvolumes", "filesystems", "swaps", "omitted", "efi_entries",
           "nics", "bonds", "vlans", "bridges")
"""What of a machine a plan may decide."""

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
    """Disk ``saved`` (id in the target) goes to the present disk ``name``; ``evidence`` says why this one."""

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
    it is the recorded disk itself (same serial number or WWN, same size), ``begun`` whether all that it holds was made
    by an interrupted run of this very restore, which had the consent. ``kept`` are the volumes on it that stay.
    """

    disk: str
    path: str
    holds: Tuple[str, ...]
    same_disk: bool
    begun: bool = False
    kept: Tuple[str, ...] = ()


@dataclass(frozen=True)
class Renamed:
    """An identity of the saved machine, and that of the replica which takes its place in files."""

    before: str
    after: str


@dataclass(frozen=True)
class RestorePlan:
    """Everything phase 1 will do. ``set_id`` names the SIF set it was made from.

    ``target`` is the machine as it will be, where that differs from the saved one: every difference has its
    adjustment. The ids are those of the set; new sections have new ones. ``renamed`` has, for a replica, what files
    have to say instead of what they said. ``kept`` are the ids of actions that are not done, because what they would
    make is there and whole; everything that such an action needs is kept too. ``differs`` says in words what of the
    present machine is not as the saved one was.
    """

    set_id: str
    hostname: str
    matches: Tuple[DiskMatch, ...]
    rejections: Tuple[Rejection, ...]
    actions: Tuple[Action, ...]
    adjustments: Tuple[Adjustment, ...] = ()
    consents: Tuple[ConsentNeeded, ...] = ()
    target: Optional[SystemInformation] = None
    renamed: Tuple[Renamed, ...] = ()
    kept: Tuple[str, ...] = ()
    differs: Tuple[str, ...] = ()

    def target_of(self, saved: SystemInformation) -> SystemInformation:
        """What is made: the adapted machine, or the saved one where nothing had to be adapted.

        Everything that a plan does not decide is the set's own, which has been verified: of the programs a plan
        only says which are left out, and for which volumes they run.
        """
        if self.target is None:
            return saved
        volumes = {command.id: command.volumes for command in self.target.commands}
        commands = tuple(replace(command, volumes=volumes[command.id]) for command in saved.commands
                         if command.id in volumes)
        planned = {name: getattr(self.target, name) for name in PLANNED}
        return replace(saved, commands=commands, **planned)

    def kept_volumes(self) -> Tuple[str, ...]:
        """The file systems (ids) that are kept."""
        return tuple(ident.partition(":")[2] for ident in self.kept if ident.startswith(("fs:", "btrfs:")))

    def untouched(self) -> Tuple[str, ...]:
        """The disks (ids) on which every action is kept: nothing is written to them."""
        under = disks_under(self.actions)
        written = frozenset().union(*(under[action.id] for action in self.actions if action.id not in self.kept))
        return tuple(match.saved for match in self.matches if match.saved not in written)

    def to_do(self) -> "RestorePlan":
        """The plan as the rebuild needs it: what is made, and of what is kept that which something made lies on.

        Disks that are not written to are not in it.
        """
        gone = set(self.untouched())
        needs = {action.id: action.needs for action in self.actions}
        wanted: Set[str] = set()
        waiting = [action.id for action in self.actions if action.id not in self.kept]
        while waiting:
            ident = waiting.pop()
            if ident not in wanted:
                wanted.add(ident)
                waiting += needs[ident]
        return replace(self, matches=tuple(match for match in self.matches if match.saved not in gone),
                       actions=tuple(action for action in self.actions if action.id in wanted),
                       kept=tuple(ident for ident in self.kept if ident in wanted))

    def kept_partitions(self) -> FrozenSet[str]:
        """The partitions (ids) that something kept lies on: not a byte of them may be written by the way."""
        return frozenset(action.subject for action in self.actions
                         if action.id in self.kept and action.kind is ActionKind.CREATE_PARTITION)

    def path_of(self, saved_disk: str) -> str:
        """The device path that the saved disk goes to; KeyError if the plan does not place it."""
        for match in self.matches:
            if match.saved == saved_disk:
                return match.path
        raise KeyError(saved_disk)


def disks_under(actions: Tuple[Action, ...]) -> Dict[str, FrozenSet[str]]:
    """The disks (ids) that each action writes to, by what it needs; actions come after what they need."""
    found: Dict[str, FrozenSet[str]] = {}
    for action in actions:
        own = frozenset({action.disk}) if not action.needs else frozenset()
        found[action.id] = own.union(*(found.get(need, frozenset()) for need in action.needs))
    return found
