"""What the operator decides about a restore, beyond what the SIF's own POLICY says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Iterable, Optional, Tuple

from sif.enums import Fit, Grow, Intact, Mode, OneDisk
from sif.errors import UsageError
from sif.model import Policy, Ref


@dataclass(frozen=True)
class DiskChoice:
    """The operator sends the saved disk (SIF id) to ``present``: a name, a path, a serial number, a WWN or a slot."""

    saved: str
    present: str


@dataclass(frozen=True)
class RestorePolicy:
    """The operator's part of the decisions; empty for an unattended run.

    What is None or empty is as the SIF's own POLICY says. ``accept`` has codes of adjustments that are agreed to;
    ``replica`` names the clone that is made instead of the machine itself. ``intact_sample``: so many files of each
    volume are compared before it is kept.
    """

    disk_map: Tuple[DiskChoice, ...] = ()
    fit: Optional[Fit] = None
    grow: Optional[Grow] = None
    grow_volumes: Tuple[str, ...] = ()
    one_disk: Optional[OneDisk] = None
    accept: Tuple[str, ...] = ()
    replica: Optional[str] = None
    intact: Optional[Intact] = None
    intact_sample: Optional[int] = None

    def over(self, saved: Policy) -> Policy:
        """The SIF's policy with the operator's decisions in it."""
        return replace(
            saved, mode=Mode.REPLICATE if self.replica else saved.mode, fit=self.fit or saved.fit,
            grow=self.grow or saved.grow,
            grow_volumes=tuple(Ref(name) for name in self.grow_volumes) or saved.grow_volumes,
            one_disk=self.one_disk or saved.one_disk, accept=tuple(dict.fromkeys((*saved.accept, *self.accept))))


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
