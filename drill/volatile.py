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

    CONTENT = "size, content and times of this file"
    GROWS = "times, sizes and content of files below; new ones; those of the manifest must still be there"
    BELOW = "everything below"


@dataclass(frozen=True)
class Volatile:
    """One such place."""

    path: str
    scope: Scope
    reason: str


VOLATILE: Tuple[Volatile, ...] = (
    Volatile("/var/log", Scope.GROWS, "every start writes logs; the recovery leaves its own in /var/log/lifeboat"),
    Volatile("/var/lib/systemd/random-seed", Scope.CONTENT, "systemd renews the seed at every start and shutdown"),
    Volatile("/var/lib/systemd/timers", Scope.GROWS, "stamps of when timers last ran"),
    Volatile("/var/tmp", Scope.BELOW, "private temporary directories of running services"),
    Volatile("/etc/lvm/archive", Scope.BELOW, "LVM's own copies of its metadata, one for each change"),
    Volatile("/etc/lvm/backup", Scope.BELOW, "LVM's own copy of its current metadata, with a time and a counter"),
)


def rule_for(path: str, rules: Tuple[Volatile, ...] = VOLATILE) -> Optional[Volatile]:
    """The rule that covers a path, or None: the path must come back exactly."""
    for rule in rules:
        if path == rule.path or (rule.scope is not Scope.CONTENT and path.startswith(rule.path + "/")):
            return rule
    return None
