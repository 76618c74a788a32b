"""Whether a set describes a machine that can exist: every rule that needs more than one value to judge.

Pure: the content in, the problems out. The rules live in :mod:`sif.checks`, one module per part of a machine.
"""

from __future__ import annotations

from importlib import import_module
from itertools import islice
from typing import Any, Callable, Iterable, NamedTuple, Tuple

from sif.model import SystemInformation
from sif.problems import Problem
from sif.text import MAX_PROBLEMS


class Rule(NamedTuple):
    """A check by the name of its module below :mod:`sif.checks` and its own: loaded for a set that has what it judges.

    ``about`` are the fields of a set whose records it judges; none: it is asked of every set.
    """

    module: str
    function: str
    about: Tuple[str, ...] = ()

    def applies(self, info: SystemInformation) -> bool:
        """Whether the set has anything for it to judge."""
        return not self.about or any(getattr(info, name) for name in self.about)

    def load(self) -> Callable[[SystemInformation], Iterable[Problem]]:
        """The check itself."""
        found: Any = getattr(import_module(f"sif.checks.{self.module}"), self.function)
        return found  # type: ignore[no-any-return]


RULES = (
    Rule("references", "check_references"),
    Rule("cycles", "check_cycles"),
    Rule("disks", "check_disks"),
    Rule("disks", "check_partitions"),
    Rule("tables", "check_tables"),
    Rule("arrays", "check_arrays", ("arrays",)),
    Rule("raws", "check_raws", ("raws",)),
    Rule("volumes", "check_groups", ("pvs", "vgs")),
    Rule("volumes", "check_volumes", ("vgs", "lvs")),
    Rule("lvm_kinds", "check_kinds", ("lvs",)),
    Rule("bcache", "check_bcache", ("cachesets", "bcaches")),
    Rule("encrypted", "check_luks", ("luks",)),
    Rule("mirrors", "check_mirrors", ("arrays", "btrfs", "lvs")),
    Rule("filesystems", "check_holders"),
    Rule("filesystems", "check_filesystems"),
    Rule("filesystems", "check_mounts"),
    Rule("btrfs", "check_btrfs", ("btrfs", "subvolumes")),
    Rule("btrfs", "check_subvolumes", ("btrfs", "subvolumes")),
    Rule("swapfiles", "check_swap_files", ("swaps",)),
    Rule("swapfiles", "check_other_mounts", ("mounts",)),
    Rule("swapfiles", "check_omitted", ("omitted",)),
    Rule("machine", "check_system"),
    Rule("machine", "check_boot"),
    Rule("machine", "check_elsewhere"),
    Rule("machine", "check_hardware"),
    Rule("network", "check_network", ("nics", "bonds", "vlans", "bridges", "routes", "dns")),
    Rule("network", "check_topology", ("nics", "bonds", "vlans", "bridges", "routes", "dns")),
    Rule("commands", "check_stores"),
    Rule("commands", "check_commands"),
    Rule("catalogs", "check_catalogs", ("catalogs",)),
    Rule("secrets", "check_secrets", ("secrets",)),
    Rule("secrets", "check_addresses", ("stores", "commands", "mounts")),
    Rule("drivers", "check_drivers", ("drivers", "files")),
)
"""Every check, in the order in which its findings are shown."""


def check(info: SystemInformation) -> Tuple[Problem, ...]:
    """Everything that is impossible or unsafe about the set (the first 1,000); empty when it can be planned with."""
    found = (problem for rule in RULES if rule.applies(info) for problem in rule.load()(info))
    return tuple(islice(found, MAX_PROBLEMS))
