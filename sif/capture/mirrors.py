"""Mirrors that the machine itself has on one disk: described as they are, with the consent that this takes."""

from __future__ import annotations

from typing import Tuple

from sif.checks.mirrors import shared_mirrors
from sif.model import SystemInformation
from sif.plain import replace


def mirrors_as_found(info: SystemInformation) -> Tuple[SystemInformation, Tuple[str, ...]]:
    """The captured machine with POLICY.shared_disk_mirror where it has such a mirror, and a note for each.

    The administrator built it so, and a restore makes the same again; a set from elsewhere must say so itself.
    """
    notes = tuple(f"{shared}: a mirror that does not survive its disk; [POLICY] says shared_disk_mirror = true"
                  for shared in shared_mirrors(info))
    return (replace(info, policy=replace(info.policy, shared_disk_mirror=True)) if notes else info), notes
