"""Drivers: which kernel modules a machine needs to reach its disks, network and stores, and their files."""

from __future__ import annotations

from enum import Enum


class Collect(Enum):
    """Which drivers go into a set: those for disk, network and store; every loaded one too; none."""

    NEEDED = "needed"
    ALL = "all"
    NONE = "none"
