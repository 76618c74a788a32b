"""Pass: where everything goes. The saved geometry is kept exactly where it fits; the rest is adapted and explained."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, List, Tuple

from rescue.planner.draft import Draft, Homeless, Placement
from rescue.planner.elastic import Rank, disk_ranks
from rescue.planner.errors import Reason
from rescue.planner.explain import adjustments_of, unsound
from rescue.planner.firmware import adapt_firmware
from rescue.planner.fit import LARGER_DISK as LARGER_DISK, fit_disk, least_bytes
from rescue.planner.grow import grow
from rescue.planner.house import (
    explain_shared,
    hosts,
    leave_out_disk,
    leave_out_redundant,
    mend_commands,
    mend_omitted,
    move_in,
    move_some_in,
)
from rescue.planner.hybrid import follow_partitions
from rescue.planner.layout import Layout
from rescue.planner.lose import Lost
from rescue.planner.pair import add_mirror
from rescue.planner.replicate import renamed, replicate
from rescue.planner.sectors import adapt_sectors
from rescue.planner.sketch import Cause, Sketch
from rescue.planner.words import exact
from sif.model import Fit, Mode, Ref


def allocate(draft: Draft) -> Draft:
    """Fit every placed disk into its present one, find room for those without a place, and explain what changes."""
    if draft.contradictory:
        return draft  # nothing sound can be made of it
    work = Allocation(draft)
    work.pair()
    work.start_by_firmware()
    work.fit_placed()
    work.house()
    adapt_sectors(work.sketch)
    mend_commands(work.sketch)
    work.grow()
    follow_partitions(work.sketch)
    work.replicate()
    reasons = list(work.reasons)
    target = work.sketch.result()
    adjustments, unexplained = adjustments_of(work.sketch, target, work.policy)
    if target is not draft.saved and not draft.reasons and not reasons:
        reasons += unsound(work.sketch, target)
    if work.policy.fit is Fit.FAIL:
        reasons += [Reason("fit", a.subject, f"{a.before} -> {a.after}, and the SIF's policy is fit = fail",
                           "connect disks of exactly the saved size, or set fit = exact") for a in adjustments]
    new = renamed(draft.saved, target) if work.policy.mode is Mode.REPLICATE else ()
    return replace(draft, placements=work.placements(), renamed=new,
                   planned=None if target is draft.saved or reasons else target,
                   adjustments=draft.adjustments + adjustments).refuse((*reasons, *unexplained))


class Allocation:
    """One allocation: the sketch, and what went wrong."""

    def __init__(self, draft: Draft) -> None:
        self.draft = draft
        self.sketch = Sketch(draft.saved)
        self.policy = draft.policy.over(draft.saved.policy)
        self.reasons: List[Reason] = []
        self.placed = list(draft.placements)

    def placements(self) -> Tuple[Placement, ...]:
        """The draft's placements, each with the planned disk."""
        return tuple(replace(placement, saved=self.sketch.disks.get(placement.saved.id, placement.saved))
                     for placement in self.placed)

    def pair(self) -> None:
        """Make mirrors of what goes to two disks."""
        for twin in self.draft.twins:
            made = add_mirror(self.sketch, twin.saved)
            if made is not None:
                self.placed.append(Placement(made, twin.present, twin.evidence))

    def start_by_firmware(self) -> None:
        """Adapt the boot path first: what it adds needs room on the disks."""
        trial = self.sketch.copy()
        failed = adapt_firmware(trial, self.draft.hardware.firmware)
        if failed is None:
            self.sketch = trial
        else:
            self.reasons.append(failed)

    def fit_placed(self) -> None:
        """Fit each disk into the one that takes its place; those with the system first."""
        ranks = disk_ranks(self.sketch)
        for placement in sorted(self.placed, key=lambda p: -ranks.get(p.saved.id, Rank.DATA)):
            self._fit(placement)

    def _fit(self, placement: Placement) -> None:
        disk, present = placement.saved, placement.present
        added = disk.id not in self.sketch.origin.disks or \
            self.sketch.on_disk(disk.id) != self.sketch.origin.on_disk(disk.id)
        if (present.size_bytes, present.logical_sector) == (disk.size_bytes, disk.logical_sector) and not added:
            return
        for may_lose in (False, True):
            trial = self.sketch.copy()
            lost = fit_disk(trial, disk.id, present.size_bytes, present.logical_sector, may_lose)
            if lost is not None and bearable(lost):
                self.sketch = trial
                return
        self.reasons.append(Reason(
            "too-small", disk.id, f"{present.name} has {exact(present.size_bytes)}, {disk.id} needs at least "
            f"{exact(least_bytes(self.sketch, disk.id))}", "connect a larger disk"))

    def house(self) -> None:
        """Find room for the disks without a place, those that matter most first."""
        ranks = disk_ranks(self.sketch)
        for homeless in sorted(self.draft.homeless, key=lambda h: (-ranks.get(h.saved.id, Rank.DATA), h.saved.id)):
            if not self._house(homeless):
                self.reasons.append(replace(homeless.reason, text=homeless.reason.text + "; what lies on it has no "
                                            "room on the other disks, and the machine is not itself without it"))
        explain_shared(self.sketch)
        mend_omitted(self.sketch)
        self._boot_disks()

    def grow(self) -> None:
        """Let volumes grow as the policy says; what does not come out is left as it was."""
        trial = self.sketch.copy()
        grow(trial, self.policy, self.sizes())
        if not self.reasons:
            self.sketch = trial

    def replicate(self) -> None:
        """Give a replica identities of its own."""
        if self.policy.mode is Mode.REPLICATE:
            self.reasons += replicate(self.sketch, self.draft.policy.replica, self.draft.hardware)

    def sizes(self) -> Dict[str, Tuple[int, int]]:
        """Bytes and sector size of the present disk that each placed one goes to."""
        return {p.saved.id: (p.present.size_bytes, p.present.logical_sector) for p in self.placed}

    def _house(self, homeless: Homeless) -> bool:
        disk = homeless.saved
        base = self.sketch.copy()
        leave_out_redundant(base, disk, self.policy.one_disk)
        sizes = self.sizes()
        holds = any(device in base.holder for device in (disk.id, *(part.id for part in base.on_disk(disk.id))))
        for host in () if homeless.dropped or not holds else hosts(base, sizes, homeless.host):
            trial = base.copy()
            if move_in(trial, disk, host, *sizes[host]):
                self.sketch = trial
                return True
        if (homeless.host is not None and holds) or not sizes:
            return False
        for host in () if homeless.dropped or not holds else hosts(base, sizes, None)[:1]:
            some = move_some_in(base, disk, host, *sizes[host])
            if some is not None and bearable(tuple(some[1])):
                self.sketch = some[0]
                return True
        lost = leave_out_disk(base, disk, homeless)
        if bearable(lost):
            self.sketch = base
            return True
        return False

    def _boot_disks(self) -> None:
        """Take disks that are not there out of those that start the machine."""
        boot = self.sketch.single["BOOT"]
        if boot is None or all(disk in self.sketch.disks for disk in boot.disks):
            return
        left = tuple(disk for disk in boot.disks if disk in self.sketch.disks)
        if not left:
            layout = Layout(self.sketch.result())
            left = tuple(Ref(disk) for disk in layout.under_tree(self.sketch.single["SYSTEM"].boot_fs)[:1])
        self.sketch.put(replace(boot, disks=left), Cause(
            "boot-disks", "not every disk that started the machine is there", "the boot loader is installed on "
            + (", ".join(left) or "none")))


def bearable(lost: Tuple[Lost, ...]) -> bool:
    """Whether a machine that lost this is still the machine: data may be missing, the system and its images may not."""
    return all(found.rank in (Rank.DATA, Rank.SWAP) for found in lost)
