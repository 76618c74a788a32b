"""The proof of a rebuild: the disks are captured again and compared with what was saved."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from rescue.plan import RestorePlan
from rescue.planner.layout import Layout
from sif.capture.storage import adopt_names, probe_storage
from sif.diff import Difference, diff
from sif.errors import Exit, LifeboatError
from sif.model import Luks, SystemInformation
from sif.raw.choose import RawWish

STORAGE_KINDS = ("DISK", "PARTITION", "MD", "CACHESET", "BCACHE", "LUKS", "PV", "VG", "LV", "BTRFS", "SUBVOLUME",
                 "FS", "SWAP")


class RebuildDiffers(LifeboatError):
    """The rebuilt disks are not what the plan promised."""

    code = Exit.REBUILD_FAILED


_LEFT_OPEN = frozenset({
    ("DISK", "first_lba"), ("DISK", "gpt_entries"), ("FS", "features"), ("FS", "block_size"), ("FS", "sector_size"),
    ("PARTITION", "ebr_sector"),
    ("FS", "inode_size"), ("FS", "inodes"), ("FS", "blocks"), ("FS", "reserved_blocks"), ("FS", "fat_bits"),
})
"""Keys that a set may leave open, so that the tools choose. An absent label or name is a statement, not a gap."""

_NOT_MADE = frozenset({("FS", "parameters")})
"""Parameters of file systems, which mkfs gets as they are: that it rounds one of them is no reason to give up a
restore. The tests of the storage bench compare them too."""


def verify(saved: SystemInformation, plan: RestorePlan) -> None:
    """Capture the rebuilt disks and raise :class:`RebuildDiffers` with every difference that the plan does not name.

    Reads only. Has to run before the file systems are mounted for the first time.
    """
    differences, unsupported = compare(saved, plan)
    if differences or unsupported:
        raise RebuildDiffers(
            "the rebuilt disks differ from the plan; nothing was restored to them",
            where=", ".join(match.path for match in plan.matches),
            found="\n    ".join(["", *map(str, differences), *unsupported]),
            hint="keep the logs; a firmware or tool of another version may have made them: start the medium again "
            "to make a new plan")


def compare(saved: SystemInformation, plan: RestorePlan) -> Tuple[Tuple[Difference, ...], Tuple[str, ...]]:
    """Capture the plan's disks: what differs and is not announced, and what the capture cannot describe. Reads only."""
    wanted = planned_part(plan.target_of(saved), plan)
    raw = RawWish(tuple(str(raw.device) for raw in wanted.raws), automatic=False)
    storage = probe_storage({match.saved: match.name for match in plan.matches}, isolate=True, raw=raw)
    found = adopt_names(storage, wanted).into(wanted)
    return unexplained(diff(wanted, found, identity_only=True), plan), storage.unsupported


def planned_part(saved: SystemInformation, plan: RestorePlan) -> SystemInformation:
    """What was saved, without the disks that the plan leaves alone and what lies on them; as the rebuild leaves it,
    or, of what the plan keeps, as it was."""
    layout = Layout(saved)
    ours = {match.saved for match in plan.matches}

    def planned(*devices: str) -> bool:
        under = {disk for device in devices for disk in layout.under(device)}
        return bool(under) and under <= ours

    vgs = tuple(vg for vg in saved.vgs if planned(*layout.under_vg(vg.id)))
    groups = {vg.id for vg in vgs}
    btrfs = tuple(one for one in saved.btrfs if planned(*one.devices))
    trees = {one.id for one in btrfs}
    # read-only flags are set when the restore has filled the subvolumes
    subvolumes = tuple(sub if f"btrfs:{sub.btrfs}" in plan.kept else replace(sub, readonly=False)
                       for sub in saved.subvolumes if sub.btrfs in trees)
    return replace(
        saved, disks=tuple(d for d in saved.disks if d.id in ours),
        partitions=tuple(p for p in saved.partitions if p.disk in ours),
        arrays=tuple(array for array in saved.arrays if planned(array.id)),
        cachesets=tuple(one for one in saved.cachesets if planned(one.device)),
        bcaches=tuple(one for one in saved.bcaches if planned(one.id)),
        luks=tuple(luks if f"luks:{luks.id}" in plan.kept else _as_made(luks) for luks in saved.luks
                   if planned(luks.device)),
        raws=tuple(raw for raw in saved.raws if planned(raw.device)),
        pvs=tuple(pv for pv in saved.pvs if any(pv.id in vg.pvs for vg in vgs)), vgs=vgs,
        lvs=tuple(lv for lv in saved.lvs if lv.vg in groups), btrfs=btrfs,
        subvolumes=subvolumes,
        filesystems=tuple(fs for fs in saved.filesystems if planned(fs.device)),
        swaps=tuple(swap for swap in saved.swaps if swap.path is None and planned(swap.device)))


def _as_made(luks: Luks) -> Luks:
    """The volume as a rebuild makes it: without the saved header, with the first keyslot only and without tokens.

    The plan announces that (:mod:`rescue.planner.encrypted`); nobody has the passphrases of the other keyslots.
    """
    return luks if luks.header is not None else replace(luks, keyslots=luks.keyslots[:1], tokens=())


def unexplained(differences: Tuple[Difference, ...], plan: RestorePlan) -> Tuple[Difference, ...]:
    """The differences of the storage that no adjustment of the plan announced.

    What the set leaves open (a converted one may not know a file system's inode count) cannot have come out wrong.
    """
    announced = {adjustment.subject for adjustment in plan.adjustments}
    return tuple(d for d in differences if d.kind in STORAGE_KINDS and d.id not in announced and not _left_open(d))


def _left_open(difference: Difference) -> bool:
    place = (difference.kind, difference.key)
    return place in _NOT_MADE or (place in _LEFT_OPEN and difference.before in (None, "[]"))
