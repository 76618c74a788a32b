"""Carries out a plan: the disks come out exactly as the SIF describes them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Mapping, Optional

from rescue.plan import Action, DiskMatch, RestorePlan
from rescue.planner.layout import array_devices
from rescue.storage import disks, exact
from rescue.storage.arrays import ExactArray, ExactMember, release
from rescue.storage.bcache import ExactBacking, ExactBcache, ExactCacheSet
from rescue.storage.bringup import bring_up_kept
from rescue.storage.btrfs import ExactBtrfs, ExactBtrfsMember
from rescue.storage.clearing import clear_disk
from rescue.storage.encrypted import ExactLuks, ExactOpened
from rescue.storage.errors import RebuildFailed
from rescue.storage.isolation import set_clashes_aside
from rescue.storage.lvm_metadata import metadata_text, of_replica
from rescue.storage.queue import ExactTree, unlocked
from rescue.storage.resume import find_finished
from rescue.storage.room import one_by_one, room_of, workers_for
from rescue.storage.site import OnAction, Secrets, Site, no_mark, no_secrets
from rescue.storage.teardown import free_disks
from sif.errors import CommandFailed, LifeboatError
from sif.model import Bcache, Btrfs, LogicalVolume, Luks, MdArray, Partition, SystemInformation, VolumeGroup

_LAST_SETTLE = 900.0
"""Seconds: udev may have the events of dozens of disks left to handle on a slow machine."""


def rebuild(plan: RestorePlan, saved: SystemInformation, files_dir: Path, on_action: OnAction,
            images: Optional[Mapping[str, Path]] = None, secrets: Secrets = no_secrets,
            leave_mark: Callable[[DiskMatch], None] = no_mark) -> None:
    """Write the plan's disks. ``files_dir`` is the directory of the SIF set (``media:`` paths start there).

    ``images`` maps ids of RAW sections to their image files (:func:`rescue.images.find_images`); ``secrets`` opens
    encrypted volumes; ``leave_mark`` (:mod:`rescue.storage.marks`) makes a later run know its disks again.

    ``on_action`` hears of every action when it starts, finishes or fails. Raises :class:`DiskChanged` before
    anything is written to a disk that is not as planned, :class:`RebuildFailed` when a step did not have its
    effect. Idempotent: after an interruption, make a new plan and run again; what is finished then is kept.
    """
    saved = plan.target_of(saved)
    whole, plan = plan, plan.to_do()
    with tempfile.TemporaryDirectory(prefix="lifeboat-rebuild-") as work:
        site = Site(plan, saved, files_dir, Path(work), on_action, images or {}, one_by_one(secrets), unlocked,
                    leave_mark=leave_mark, spared=whole.kept_partitions())
        metadata = {vg.id: _metadata(site, vg) for vg in saved.vgs if f"vg:{vg.id}" in site.actions}
        site.plan = free_disks(plan)
        set_clashes_aside(site)
        find_finished(site)
        site.finished |= frozenset(plan.kept)
        site.glance_at_disks()
        tree = _tree(site, metadata)
        try:
            _run(site, tree)
        finally:
            site.holds.release()
        _require_done(site)
        release(site)
        bring_up_kept(saved, whole, secrets)


def _metadata(site: Site, vg: VolumeGroup) -> Path:
    """The group's metadata as a file: the set's own, checked, or one written from the records."""
    if vg.metadata is None:
        pvs = [pv for ref in vg.pvs for pv in site.saved.pvs if pv.id == ref]
        made = site.work_dir / f"{vg.name}.vgcfg"
        made.write_text(metadata_text(vg, pvs, [lv for lv in site.saved.lvs if lv.vg == vg.id],
                                      {pv.id: site.layout.size_of(pv.device) or 0 for pv in pvs}), "utf-8")
        return made
    path = site.files_dir / vg.metadata.partition(":")[2]
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise RebuildFailed("the metadata of a volume group cannot be read", where=str(path), found=str(error),
                            hint="the SIF set is incomplete; capture it again or take another copy") from error
    if vg.metadata_sha256 and found != vg.metadata_sha256:
        raise RebuildFailed("the metadata of a volume group is not what the SIF names", where=str(path),
                            found=f"sha256 {found}", wanted=f"sha256 {vg.metadata_sha256}",
                            hint="the SIF set is damaged; take another copy")
    return _of_replica(site, vg, path)


def _of_replica(site: Site, vg: VolumeGroup, path: Path) -> Path:
    """The metadata with the identities of the replica, when one is made."""
    if not site.plan.renamed:
        return path
    made = site.work_dir / f"{vg.name}.replica.vgcfg"
    made.write_text(of_replica(path.read_text("utf-8"), site.plan.renamed), "utf-8")
    return made


def _tree(site: Site, metadata: Dict[str, Path]) -> ExactTree:
    """blivet's device tree of the plan, built from the records instead of a scan, with every action scheduled."""
    tree = ExactTree()
    formats = _formats(site, metadata)
    carriers: Dict[str, Any] = {}
    groups: Dict[str, exact.ExactVG] = {}
    for match in site.plan.matches:
        disk = carriers[match.saved] = exact.disk_device(site, match)
        tree._add_device(disk)
        if exact.has_table(site, match):
            tree.format(disk, exact.ExactDiskLabel(site, match))
            continue
        with disks.locked(match.path):
            clear_disk(site, match)
        if match.saved in formats:
            tree.format(disk, formats[match.saved])
    for action in site.plan.actions:  # each comes after what it needs
        made = _device(site, action, carriers, groups, formats, metadata)
        if made is not None:
            tree.create(made, action.id)
    return tree


def _device(site: Site, action: Action, carriers: Dict[str, Any], groups: Dict[str, exact.ExactVG],
            formats: Dict[str, Any], metadata: Dict[str, Path]) -> Any:
    """The blivet device that an action makes, entered where later ones find it; None for a format's action."""
    record = site.record(action)
    above = formats.get(action.subject)
    if isinstance(record, Partition):
        carriers[record.id] = exact.ExactPartition(site, record, [carriers[record.disk]], above)
    elif isinstance(record, MdArray):
        carriers[record.id] = ExactArray(site, record, [carriers[d] for d in array_devices(record)], above)
    elif isinstance(record, Bcache):
        below = site.layout.bcache_devices(record)
        carriers[record.id] = ExactBcache(site, record, [carriers[device] for device in below], above)
    elif isinstance(record, Luks):
        carriers[record.id] = ExactOpened(site, record, [carriers[record.device]], above)
    elif isinstance(record, VolumeGroup):
        pvs = [pv for ref in record.pvs for pv in site.saved.pvs if pv.id == ref]
        groups[record.id] = exact.ExactVG(site, record, [carriers[pv.device] for pv in pvs], metadata[record.id])
        return groups[record.id]
    elif isinstance(record, LogicalVolume):
        carriers[record.id] = exact.ExactLV(site, record, groups[record.vg], above)
    elif isinstance(record, Btrfs):
        return ExactBtrfs(site, record, [carriers[device] for device in record.devices])
    else:
        return None
    return carriers[action.subject]


def _formats(site: Site, metadata: Dict[str, Path]) -> Dict[str, Any]:
    """What goes on each partition, volume, array or disk, by its SIF id."""
    formats: Dict[str, Any] = {}
    for vg in site.saved.vgs:
        for pv in site.saved.pvs:
            if pv.id in vg.pvs and f"pv:{pv.id}" in site.actions:
                formats[pv.device] = exact.ExactPV(site, pv, metadata[vg.id])
    for array in (array for array in site.saved.arrays if f"md:{array.id}" in site.actions):
        formats.update((device, ExactMember(f"md:{array.id}" in site.finished)) for device in array_devices(array))
    for cacheset in (one for one in site.saved.cachesets if f"cacheset:{one.id}" in site.actions):
        formats[cacheset.device] = ExactCacheSet(site, cacheset)
    for bcache in (one for one in site.saved.bcaches if f"bcache:{one.id}" in site.actions):
        formats[bcache.device] = ExactBacking(f"bcache:{bcache.id}" in site.finished)
    for luks in (luks for luks in site.saved.luks if f"luks:{luks.id}" in site.actions):
        formats[luks.device] = ExactLuks(site, luks)
    for btrfs in (btrfs for btrfs in site.saved.btrfs if f"btrfs:{btrfs.id}" in site.actions):
        formats.update((device, ExactBtrfsMember(f"btrfs:{btrfs.id}" in site.finished)) for device in btrfs.devices)
    for raw in site.saved.raws:
        if f"raw:{raw.id}" in site.actions:
            formats[raw.device] = exact.ExactRaw(site, raw)
    for fs in site.saved.filesystems:
        if f"fs:{fs.id}" in site.actions:
            formats[fs.device] = exact.file_system(site, fs)
    for swap in site.saved.swaps:
        if f"swap:{swap.id}" in site.actions:
            formats[swap.device] = exact.ExactSwap(site, swap)
    return formats


def _run(site: Site, tree: ExactTree) -> None:
    """Execute blivet's actions, different disks at the same time; whatever goes wrong becomes a typed error."""
    needs = {action.id: action.needs for action in site.plan.actions}
    try:
        tree.actions.carry_out(needs, workers_for(site.plan.matches), room_of(site.plan.matches))
    except CommandFailed as error:
        raise RebuildFailed(error.what, where=error.where, found=error.found, hint=error.hint) from error
    except LifeboatError:
        raise
    except Exception as error:  # noqa: BLE001 - blivet and libblockdev raise dozens of unrelated classes
        raise RebuildFailed("a step of the rebuild failed", found=f"{type(error).__name__}: {error}",
                            hint="keep the logs; make a new plan to try again") from error


def _require_done(site: Site) -> None:
    """Refuse to call it done when a part of the plan was not: blivet drops actions it holds to be redundant."""
    left = [action.title for action in site.plan.actions if action.id not in site.done]
    if left:
        raise RebuildFailed("a part of the plan was not carried out", found="; ".join(left),
                            hint="keep the logs and report this; the disks are incomplete")
    disks.settle(_LAST_SETTLE)
