"""What needs a module: the currency between those who look for needs and those who find the files."""

from __future__ import annotations

from typing import Optional

from sif.model import Need
from sif.plain import dataclass


@dataclass(frozen=True)
class Wanted:
    """A module, by name or alias, and what the machine reaches by it.

    ``device`` is the id that a DEVICE section of that device has. ``certain`` is true when the kernel itself named
    the module: then it must be found. An alias may as well be part of the kernel, or not be needed there at all.
    """

    name: str
    need: Need
    device: Optional[str] = None
    certain: bool = False
