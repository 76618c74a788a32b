"""Whether a set describes a machine that can exist: every rule that needs more than one value to judge.

Pure: the content in, the problems out. The rules live in :mod:`sif.checks`, one module per part of a machine.
"""

from __future__ import annotations

from itertools import islice
from typing import Tuple

from sif.checks import (
    arrays,
    btrfs,
    catalogs,
    commands,
    cycles,
    disks,
    drivers,
    encrypted,
    filesystems,
    lvm_kinds,
    machine,
    mirrors,
    network,
    raws,
    references,
    secrets,
    swapfiles,
    tables,
    volumes,
)
from sif.model import SystemInformation
from sif.problems import Problem
from sif.text import MAX_PROBLEMS

CHECKS = (
    references.check_references,
    cycles.check_cycles,
    disks.check_disks,
    disks.check_partitions,
    tables.check_tables,
    arrays.check_arrays,
    raws.check_raws,
    volumes.check_groups,
    volumes.check_volumes,
    lvm_kinds.check_kinds,
    encrypted.check_luks,
    mirrors.check_mirrors,
    filesystems.check_holders,
    filesystems.check_filesystems,
    filesystems.check_mounts,
    btrfs.check_btrfs,
    btrfs.check_subvolumes,
    swapfiles.check_swap_files,
    swapfiles.check_other_mounts,
    swapfiles.check_omitted,
    machine.check_system,
    machine.check_boot,
    machine.check_elsewhere,
    machine.check_hardware,
    network.check_network,
    network.check_topology,
    commands.check_stores,
    commands.check_commands,
    catalogs.check_catalogs,
    secrets.check_secrets,
    drivers.check_drivers,
)
"""Every check, in the order in which its findings are shown."""


def check(info: SystemInformation) -> Tuple[Problem, ...]:
    """Everything that is impossible or unsafe about the set (the first 1,000); empty when it can be planned with."""
    return tuple(islice((problem for rule in CHECKS for problem in rule(info)), MAX_PROBLEMS))
