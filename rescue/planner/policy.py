"""What the operator decides about a restore, beyond what the SIF's own POLICY says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Iterable, Tuple

from sif.errors import UsageError


@dataclass(frozen=True)
class DiskChoice:
    """The operator sends the saved disk (SIF id) to ``present``: a name, a path, a serial number, a WWN or a slot."""

    saved: str
    present: str


@dataclass(frozen=True)
class RestorePolicy:
    """The operator's part of the decisions; empty for an unattended run."""

    disk_map: Tuple[DiskChoice, ...] = ()


def parse_disk_map(answers: Iterable[str]) -> Tuple[DiskChoice, ...]:
    """Turn ``d0=vda`` answers into choices. Raises :class:`UsageError` for anything else."""
    choices = []
    for answer in answers:
        saved, equals, present = (part.strip() for part in answer.partition("="))
        if not (saved and equals and present):
            raise UsageError("this is not an entry of a disk map", found=repr(answer), wanted="SAVED=PRESENT",
                             hint="for example --map d0=vda")
        choices.append(DiskChoice(saved, present))
    return tuple(choices)
