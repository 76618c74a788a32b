"""Carries out a plan: the disks come out exactly as the SIF describes them."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path
from typing import Any, Dict, Mapping, Optional

from rescue.plan import RestorePlan
from rescue.storage import disks, exact
from rescue.storage.errors import RebuildFailed
from rescue.storage.lvm_metadata import metadata_text
from rescue.storage.site import OnAction, Site
from sif.errors import CommandFailed, LifeboatError
from sif.model import SystemInformation, VolumeGroup


def rebuild(plan: RestorePlan, saved: SystemInformation, files_dir: Path, on_action: OnAction,
            images: Optional[Mapping[str, Path]] = None) -> None:
    """Write the plan's disks. ``files_dir`` is the directory of the SIF set (``media:`` paths start there).

    ``images`` maps ids of RAW sections to their image files (:func:`rescue.images.find_images`).

    ``on_action`` hears of every action when it starts, finishes or fails. Raises :class:`DiskChanged` before
    anything is written to a disk that is not as planned, :class:`RebuildFailed` when a step did not have its
    effect. Idempotent: after an interruption, make a new plan and run again.
    """
    with tempfile.TemporaryDirectory(prefix="lifeboat-rebuild-") as work:
        site = Site(plan, saved, files_dir, Path(work), on_action, images or {})
        metadata = {vg.id: _metadata(site, vg) for vg in saved.vgs if f"vg:{vg.id}" in site.actions}
        for match in plan.matches:
            disks.require_unchanged(match)
        for match in plan.matches:
            disks.deactivate(match.path)
        _require_free_names(site)
        tree = _tree(site, metadata)
        _run(tree)
        _require_done(site)


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
    return path


def _require_free_names(site: Site) -> None:
    """Refuse a volume name that a disk outside the plan uses: LVM would mix the two up."""
    for lv in site.saved.lvs:
        path = site.device(lv.id)
        if f"lv:{lv.id}" in site.actions and Path(path).exists():
            raise RebuildFailed("another volume group of that name is active on a disk that is not in the plan",
                                where=path, hint="disconnect that disk for the time of the restore")


def _tree(site: Site, metadata: Dict[str, Path]) -> Any:
    """blivet's device tree of the plan, built from the records instead of a scan, with every action scheduled."""
    tree = exact.empty_tree(site)
    formats = _formats(site, metadata)
    carriers: Dict[str, Any] = {}
    for match in site.plan.matches:
        disk = carriers[match.saved] = exact.disk_device(site, match)
        tree.devicetree._add_device(disk)
        if exact.has_table(site, match):
            exact.format_disk(tree, disk, exact.ExactDiskLabel(site, match))
            continue
        with disks.locked(match.path):
            exact.clear_disk(site, match)
        if match.saved in formats:
            exact.format_disk(tree, disk, formats[match.saved])
    for part in site.saved.partitions:
        if f"partition:{part.id}" in site.actions:
            carriers[part.id] = exact.ExactPartition(site, part, [carriers[part.disk]], formats.get(part.id))
            tree.create_device(carriers[part.id])
    for vg in (vg for vg in site.saved.vgs if vg.id in metadata):
        pvs = [pv for ref in vg.pvs for pv in site.saved.pvs if pv.id == ref]
        group = exact.ExactVG(site, vg, [carriers[pv.device] for pv in pvs], metadata[vg.id])
        tree.create_device(group)
        for lv in (lv for lv in site.saved.lvs if lv.vg == vg.id):
            tree.create_device(exact.ExactLV(site, lv, group, formats.get(lv.id)))
    return tree


def _formats(site: Site, metadata: Dict[str, Path]) -> Dict[str, Any]:
    """What goes on each partition, volume or disk, by its SIF id."""
    formats: Dict[str, Any] = {}
    for vg in site.saved.vgs:
        for pv in site.saved.pvs:
            if pv.id in vg.pvs and f"pv:{pv.id}" in site.actions:
                formats[pv.device] = exact.ExactPV(site, pv, metadata[vg.id])
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


def _run(tree: Any) -> None:
    """Let blivet order and execute the actions; whatever goes wrong becomes a typed error."""
    try:
        tree.do_it()
    except CommandFailed as error:
        raise RebuildFailed(error.what, where=error.where, found=error.found, hint=error.hint) from error
    except LifeboatError:
        raise
    except Exception as error:  # noqa: BLE001 - blivet and libblockdev raise dozens of unrelated classes
        raise RebuildFailed("a step of the rebuild failed", found=f"{type(error).__name__}: {error}",
                            hint="keep the logs; make a new plan to try again") from error


def _require_done(site: Site) -> None:
    """Refuse to call it done when a volume is not there: blivet drops actions it holds to be redundant."""
    made = [(f"fs:{fs.id}", fs.device, fs.uuid) for fs in site.saved.filesystems]
    made += [(f"swap:{swap.id}", swap.device, swap.uuid) for swap in site.saved.swaps]
    for action, device, uuid in made:
        if action in site.actions:
            exact.require_superblock(site.device(device), {"UUID": uuid})
    disks.settle()

