"""The only places where a restored server may differ from the manifest, each with its reason.

The backup leaves nothing out: what is listed here is saved and restored too, but a running machine changes it
between the manifest and the proof.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional, Tuple


class Scope(Enum):
    """How much may differ. Owner, mode and type of the path itself must always agree."""

    TIMES = "the time of this directory"
    CONTENT = "size, content and times of this file"
    GROWS = "times, sizes and content of files below; new ones; those of the manifest must still be there"
    BELOW = "everything below"
    NEW = "this may be new, with everything below"


@dataclass(frozen=True)
class Volatile:
    """One such place."""

    path: str
    scope: Scope
    reason: str


VOLATILE: Tuple[Volatile, ...] = (
    Volatile("/", Scope.TIMES, "restic keeps what is in the root directory, not the root directory itself"),
    Volatile("/var/log/journal", Scope.BELOW, "journald starts new files, with their own creation time, after a crash"),
    Volatile("/var/log", Scope.GROWS, "every start writes logs; the recovery leaves its own in /var/log/lifeboat"),
    Volatile("/boot/grub/grubenv", Scope.CONTENT, "grub-common.service clears GRUB's failure mark at every start"),
    Volatile("/var/lib/systemd/random-seed", Scope.CONTENT, "systemd renews the seed at every start and shutdown"),
    Volatile("/var/lib/systemd/timers", Scope.GROWS, "stamps of when timers last ran"),
    Volatile("/var/tmp", Scope.BELOW, "private temporary directories of running services"),
)


def rule_for(path: str, rules: Tuple[Volatile, ...] = VOLATILE) -> Optional[Volatile]:
    """The rule that covers a path, or None: the path must come back exactly."""
    for rule in rules:
        below = rule.scope in (Scope.GROWS, Scope.BELOW, Scope.NEW) and path.startswith(rule.path + "/")
        if path == rule.path or below:
            return rule
    return None
