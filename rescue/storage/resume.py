"""What an interrupted rebuild has finished: found on the disks, because there is no other place to remember it yet.

An action counts as finished when a capture finds no difference in what it makes, everything below it is finished too,
what it makes comes up, and a file system is whole, empty and never mounted: the action would make the same. Whatever
makes a container (table, array, encrypted volume, group) erases first what would show in it; so a file system that has
been used is one of an old system, whose disks nobody has begun, and nothing on those disks is kept.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Collection, FrozenSet, Iterable, Set, Tuple

from rescue.detect import list_nodes, parse_wipefs
from rescue.multipath import show_partitions
from rescue.plan import RestorePlan
from rescue.storage.bringup import bring_up_layer, in_order
from rescue.storage.btrfs_copies import forget_copies
from rescue.storage.disks import look_again, settle
from rescue.storage.fresh import Freshness, look, look_at_btrfs
from rescue.storage.site import Site
from rescue.storage.teardown import tear_down
from rescue.verify import compare
from sif.diff import Difference
from sif.errors import LifeboatError
from sif.model import (
    Bcache,
    Btrfs,
    CacheSet,
    FileSystem,
    Luks,
    MdArray,
    PhysicalVolume,
    SystemInformation,
    VolumeGroup,
)
from sif.run import run

_TIMEOUT = 120.0

_MADE_BY = {"MD": ("md",), "LUKS": ("luks",), "CACHESET": ("cacheset",), "BCACHE": ("bcache",), "PV": ("pv",),
            "VG": ("vg",), "BTRFS": ("btrfs",), "FS": ("fs",),
            "SWAP": ("swap",), "RAW": ("raw",), "DISK": ("table", "wipe")}
"""The actions that make a record of that kind."""


_KINDS = {MdArray: "md", CacheSet: "cacheset", Bcache: "bcache", Luks: "luks", VolumeGroup: "vg"}


def find_finished(site: Site) -> None:
    """Set ``site.finished`` to what of the plan is there already; afterwards the disks are free again.

    Arrays are assembled, volumes opened and activated for it, so nothing may use the plan's disks. Where the look
    itself fails nothing counts as finished.
    """
    if not site.plan.consents:
        return  # every disk is blank
    try:
        site.finished = _look(site, _bring_up(site))
    except LifeboatError:
        site.finished = frozenset()  # what cannot be captured is made again
    finally:
        tear_down([match.name for match in site.plan.matches])
    site.plan = look_again(site.plan)


def undone(saved: SystemInformation, differences: Iterable[Difference]) -> Set[str]:
    """The ids of the actions that have to be done (again), because what they make is not there or is different."""
    found: Set[str] = set()
    for difference in differences:
        if difference.kind == "PARTITION":
            found.update(f"table:{part.disk}" for part in saved.partitions if part.id == difference.id)
        elif difference.kind == "LV":
            found.update(f"vg:{lv.vg}" for lv in saved.lvs if lv.id == difference.id)
        elif difference.kind == "SUBVOLUME":
            found.update(f"btrfs:{sub.btrfs}" for sub in saved.subvolumes if sub.id == difference.id)
        else:
            found.update(f"{action}:{difference.id}" for action in _MADE_BY.get(difference.kind, ()))
    return found


def keepable(plan: RestorePlan, wrong: Collection[str]) -> FrozenSet[str]:
    """The actions that need not be done: none of them, and nothing that they need, is among the wrong ones."""
    kept: Set[str] = set()
    for action in plan.actions:  # each comes after what it needs
        if action.id not in wrong and kept.issuperset(action.needs):
            kept.add(action.id)
    return frozenset(kept)


def _look(site: Site, down: Collection[str]) -> FrozenSet[str]:
    """What is finished; ``down`` are the actions whose volumes do not come up, whatever is written on the disks: a
    group's metadata may be there, and what its hidden volumes need only half."""
    # What the plan announces differs from the saved machine, and counts here all the same: it is to be made.
    differences, _ = compare(site.saved, replace(site.plan, adjustments=()))
    wrong = undone(site.saved, differences) | set(down)
    wrong -= _bare_volumes(site, wrong)
    # What is kept sector by sector is compared by its own action; data checksums of integrity come when all is made.
    wrong |= {f"raw:{one.id}" for one in site.saved.raws} | {f"luks:{one.id}" for one in site.saved.luks
                                                             if one.integrity}
    there = keepable(site.plan, wrong)
    for action in site.plan.actions:
        if there.issuperset(action.needs):
            state = _state(site, action.id)
            if state is not Freshness.MADE:
                wrong.add(action.id)
            if state is Freshness.USED:
                wrong.update(f"{kind}:{disk}" for disk in _disks_of(site, action.id) for kind in ("wipe", "table"))
    # A disk without a table differs in nothing, whatever lies on it: it counts by what is kept on it.
    kept = keepable(site.plan, wrong)
    wrong |= {wipe for wipe in kept if wipe.startswith("wipe:") and not any(
        wipe in site.actions[other].needs for other in kept)}
    kept = keepable(site.plan, wrong)
    wiped = {f"wipe:{match.saved}" for match in site.plan.matches if _wiped(match.path)}
    return kept | wiped


def _state(site: Site, action: str) -> Freshness:
    kind, _, ident = action.partition(":")
    record = site.saved.find(kind.upper(), ident) if kind in ("fs", "btrfs") else None
    if isinstance(record, FileSystem):
        return look(record, site.device(record.device))
    if isinstance(record, Btrfs):
        nodes = [site.device(device) for device in record.devices]
        forget_copies(record.uuid, nodes)
        return look_at_btrfs(nodes,
                             [sub.path for sub in site.saved.subvolumes if sub.btrfs == record.id])
    return Freshness.MADE


def _bare_volumes(site: Site, wrong: Collection[str]) -> Set[str]:
    """Those actions that made a physical volume whose group is not restored yet: a capture does not describe it."""
    found: Set[str] = set()
    for pv in (pv for pv in site.saved.pvs if f"pv:{pv.id}" in wrong):
        node = site.device(pv.device)
        shown = run(("pvs", "--devices", node, "--noheadings", "--nosuffix", "--units=b", "--separator=,",
                     "--options=vg_name,pv_uuid,pe_start", node), timeout=_TIMEOUT, check=False)
        if is_bare(pv, shown.stdout):
            found.add(f"pv:{pv.id}")
    return found


def is_bare(pv: PhysicalVolume, shown: str) -> bool:
    """Whether a line of ``pvs`` (group, uuid, first extent's place) is the saved volume in no group."""
    return shown.strip().split(",") == ["", pv.uuid, str(pv.pe_start_bytes)]


def _disks_of(site: Site, action: str) -> Tuple[str, ...]:
    """The saved disks that a file system lies on."""
    return site.layout.under_tree(action.partition(":")[2])


def _wiped(path: str) -> bool:
    """Whether a disk has neither partitions nor any signature."""
    if parse_wipefs(run(("wipefs", "-J", "--no-act", path), timeout=_TIMEOUT).stdout):
        return False
    # The kernel may have kept the old partitions in mind: whoever wipes cannot have it forget them while udev looks.
    run(("blockdev", "--rereadpt", path), timeout=_TIMEOUT, check=False)
    (disk,) = list_nodes(path)
    return not disk.children


def _bring_up(site: Site) -> FrozenSet[str]:
    """Bring up what there is, as far as it goes; returns the actions that made what does not come up."""
    down: Set[str] = set()
    for match in site.plan.matches:
        show_partitions(match.path)
    for layer in in_order(site.saved):
        kind = _KINDS[type(layer)]
        if f"{kind}:{layer.id}" not in site.actions:
            continue
        try:
            bring_up_layer(site.saved, site.plan, site.layout, layer, site.secret)
        except LifeboatError:
            down.add(f"{kind}:{layer.id}")
    settle()
    return frozenset(down)
