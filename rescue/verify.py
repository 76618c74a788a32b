"""The proof of a rebuild: the disks are captured again and compared with what was saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from rescue.plan import RestorePlan
from sif.capture.storage import adopt_names, probe_storage
from sif.diff import Difference, diff
from sif.errors import Exit, LifeboatError
from sif.model import SystemInformation
from sif.raw.choose import RawWish

STORAGE_KINDS = ("DISK", "PARTITION", "PV", "VG", "LV", "FS", "SWAP")


class RebuildDiffers(LifeboatError):
    """The rebuilt disks are not what the plan promised."""

    code = Exit.REBUILD_FAILED


_LEFT_OPEN = frozenset({
    ("DISK", "first_lba"), ("DISK", "gpt_entries"), ("FS", "features"), ("FS", "block_size"), ("FS", "sector_size"),
    ("FS", "inode_size"), ("FS", "inodes"), ("FS", "blocks"), ("FS", "reserved_blocks"), ("FS", "fat_bits"),
})
"""Keys that a set may leave open, so that the tools choose. An absent label or name is a statement, not a gap."""

_NOT_MADE = frozenset({("PARTITION", "ebr_sector"), ("DISK", "pmbr_active"), ("FS", "parameters")})
"""Keys that the rebuild of this version leaves to sfdisk: where the records of logical partitions lie, and a flag that
firmware may look at (the partitions are the same); and parameters of file systems, which mkfs gets as they are: that it
rounds one of them is no reason to give up a restore."""


def verify(saved: SystemInformation, plan: RestorePlan) -> None:
    """Capture the rebuilt disks and raise :class:`RebuildDiffers` with every difference that the plan does not name.

    Reads only. Has to run before the file systems are mounted for the first time.
    """
    wanted = planned_part(saved, plan)
    raw = RawWish(tuple(str(raw.device) for raw in wanted.raws), automatic=False)
    storage = probe_storage({match.saved: match.name for match in plan.matches}, isolate=True, raw=raw)
    found = adopt_names(storage, wanted).into(wanted)
    differences = unexplained(diff(wanted, found, identity_only=True), plan)
    if differences or storage.unsupported:
        raise RebuildDiffers(
            "the rebuilt disks differ from the plan; nothing was restored to them",
            where=", ".join(match.path for match in plan.matches),
            found="\n    ".join(["", *map(str, differences), *storage.unsupported]),
            hint="keep the logs; a firmware or tool of another version may have made them: start the medium again "
            "to make a new plan")


def planned_part(saved: SystemInformation, plan: RestorePlan) -> SystemInformation:
    """What was saved, without the disks that the plan leaves alone and what lies on them."""
    disks = {match.saved for match in plan.matches}
    partitions = tuple(p for p in saved.partitions if p.disk in disks)
    carriers = disks | {p.id for p in partitions}
    pvs = tuple(pv for pv in saved.pvs if pv.device in carriers)
    present = {pv.id for pv in pvs}
    vgs = tuple(vg for vg in saved.vgs if present & set(vg.pvs))
    groups = {vg.id for vg in vgs}
    lvs = tuple(lv for lv in saved.lvs if lv.vg in groups)
    carriers |= {lv.id for lv in lvs}
    return replace(
        saved, disks=tuple(d for d in saved.disks if d.id in disks), partitions=partitions, pvs=pvs, vgs=vgs, lvs=lvs,
        raws=tuple(raw for raw in saved.raws if raw.device in carriers),
        filesystems=tuple(fs for fs in saved.filesystems if fs.device in carriers),
        swaps=tuple(swap for swap in saved.swaps if swap.device in carriers))


def unexplained(differences: Tuple[Difference, ...], plan: RestorePlan) -> Tuple[Difference, ...]:
    """The differences of the storage that no adjustment of the plan announced.

    What the set leaves open (a converted one may not know a file system's inode count) cannot have come out wrong.
    """
    announced = {adjustment.subject for adjustment in plan.adjustments}
    return tuple(d for d in differences if d.kind in STORAGE_KINDS and d.id not in announced and not _left_open(d))


def _left_open(difference: Difference) -> bool:
    place = (difference.kind, difference.key)
    return place in _NOT_MADE or (place in _LEFT_OPEN and difference.before in (None, "[]"))
