"""Passes: is this the right kind of machine, and does the planned layout hold together."""

from __future__ import annotations

from typing import Iterator, List, Tuple

from rescue.planner.draft import Draft, Placement
from rescue.planner.errors import Reason
from rescue.planner.layout import Layout, gpt_bounds, is_extended
from sif.features import FEATURES, not_rebuilt
from sif.model import Disk, Intact, LogicalVolume, Partition, TableType


def check_machine(draft: Draft) -> Draft:
    """Refuse a machine that starts in another way or has another architecture, and what cannot be kept."""
    system, hardware = draft.saved.system, draft.hardware
    reasons: List[Reason] = []
    if hardware.firmware is not system.firmware:
        reasons.append(Reason("firmware", system.id, f"it started by {system.firmware.value.upper()}, this machine was "
                              f"started by {hardware.firmware.value.upper()}",
                              f"start the rescue system in {system.firmware.value.upper()} mode (firmware setup)"))
    if hardware.arch != system.arch:
        reasons.append(Reason("architecture", system.id, f"it is {system.arch}, this machine is {hardware.arch}"))
    if not draft.critical():
        reasons.append(Reason("no-disk", system.id, "the SIF has no disk with role critical: nothing to rebuild"))
    for name in not_rebuilt(draft.saved):
        reasons.append(Reason("feature", system.id, f"it has {name} ({FEATURES[name]}), which this rescue system "
                              "does not make again", "use a rescue system that does; nothing was changed"))
    layout = Layout(draft.saved)
    for role, ident in (("boot", system.boot_fs), ("root", system.root_fs)):
        found = next((fs for fs in draft.saved.filesystems if fs.id == ident), None)
        if found is None or not layout.all_critical(layout.under(found.device)):
            reasons.append(Reason("system-volume", ident, f"the {role} file system is not on a disk with role critical",
                                  "correct the SIF: set role = critical for the disks of the system"))
    return draft.refuse(reasons)


def check_layout(draft: Draft) -> Draft:
    """Refuse overlaps, things that stick out of what carries them, and volumes that are only partly rebuilt."""
    layout = Layout(draft.saved)
    reasons: List[Reason] = []
    for placement in draft.placements:
        reasons += _partitions(layout, placement)
        if draft.saved.policy.intact is not Intact.REBUILD and not placement.present.blank:
            reasons.append(Reason("intact", placement.saved.id, f"the SIF's policy is intact = "
                                  f"{draft.saved.policy.intact.value}, and {placement.present.name} holds "
                                  f"{'; '.join(placement.present.signatures)}: volumes cannot be kept yet",
                                  "set intact = rebuild, or wipe the disk yourself"))
    reasons += _volume_groups(layout)
    reasons += _carriers(layout)
    return draft.refuse(reasons)


def _partitions(layout: Layout, placement: Placement) -> Iterator[Reason]:
    disk = placement.saved
    parts = layout.partitions_on(disk.id)
    if disk.table is TableType.NONE:
        for part in parts:
            yield Reason("bounds", part.id, f"{disk.id} has no partition table")
        return
    first, last = usable(disk, placement.present.size_bytes)
    for part in parts:
        end = part.start_sector + part.sectors - 1
        if part.sectors < 1 or part.start_sector < first or end > last:
            yield Reason("bounds", part.id, f"sectors {part.start_sector} to {end} are not within {first} to {last} "
                         f"of {placement.present.name}")
    numbers = [part.number for part in parts]
    for part in parts:
        if numbers.count(part.number) > 1:
            yield Reason("overlap", part.id, f"several partitions of {disk.id} have the number {part.number}")
    for one, other in overlapping(disk, parts):
        yield Reason("overlap", other.id, f"it overlaps {one.id}")


def usable(disk: Disk, size_bytes: int) -> Tuple[int, int]:
    """First and last sector that a partition of the saved disk may use on a disk of that size."""
    if disk.table is TableType.GPT:
        return gpt_bounds(disk, size_bytes)
    return 1, size_bytes // disk.logical_sector - 1


def overlapping(disk: Disk, parts: Tuple[Partition, ...]) -> Iterator[Tuple[Partition, Partition]]:
    """Neighbours that share sectors; logical partitions lie inside their container by design."""
    mbr = disk.table is TableType.MBR
    outer = [p for p in parts if not (mbr and p.number > 4)]
    logical = [p for p in parts if mbr and p.number > 4]
    yield from _neighbours(outer)
    yield from _neighbours([*logical, *(p for p in outer if not is_extended(p))] if logical else [])
    for part in logical:
        if not any(is_extended(c) and c.start_sector < part.start_sector
                   and part.start_sector + part.sectors <= c.start_sector + c.sectors for c in outer):
            yield part, part


def _neighbours(parts: List[Partition]) -> Iterator[Tuple[Partition, Partition]]:
    ordered = sorted(parts, key=lambda p: (p.start_sector, p.number))
    for one, other in zip(ordered, ordered[1:]):
        if one.start_sector + one.sectors > other.start_sector:
            yield one, other


def _volume_groups(layout: Layout) -> Iterator[Reason]:
    for vg in layout.saved.vgs:
        under = layout.under_vg(vg.id)
        critical = [d for d in under if layout.all_critical((d,))]
        if critical and len(critical) < len(under):
            yield Reason("vg-mixed", vg.id, "it lies partly on disks that are not rebuilt: "
                         + ", ".join(d for d in under if d not in critical),
                         "give all disks of the volume group the role critical")
        for ref in vg.pvs:
            pv = layout.pv(ref)
            room = layout.size_of(pv.device) if pv else None
            if pv is None or room is None:
                yield Reason("dangling", vg.id, f"its physical volume {ref} is not there")
            elif pv.pe_start_bytes + pv.extents * vg.pe_bytes > room:
                yield Reason("bounds", pv.id, f"{pv.extents} extents do not fit on {pv.device} ({room} bytes)")
        yield from _segments(layout, [lv for lv in layout.saved.lvs if lv.vg == vg.id])


def _segments(layout: Layout, lvs: List[LogicalVolume]) -> Iterator[Reason]:
    used: List[Tuple[str, int, int, str]] = []
    for lv in lvs:
        pieces = [piece for text in lv.segments if (piece := parse_segment(text))]
        if len(pieces) != len(lv.segments) or (pieces and sum(count for _, _, count in pieces) != lv.extents):
            yield Reason("bounds", lv.id, f"its segments do not add up to {lv.extents} extents")
        for pv_id, first, count in pieces:
            pv = layout.pv(pv_id)
            if pv is None or first + count > pv.extents:
                yield Reason("bounds", lv.id, f"segment {pv_id}:{first}:{count} is not within its physical volume")
            used.append((pv_id, first, first + count, lv.id))
    used.sort()
    for one, other in zip(used, used[1:]):
        if one[0] == other[0] and one[2] > other[1]:
            yield Reason("overlap", other[3], f"its extents on {one[0]} overlap those of {one[3]}")


def parse_segment(text: str) -> "Tuple[str, int, int] | None":
    """``pv0:0:10240`` as physical volume, first extent, extents; None when it is not one."""
    pv, _, rest = text.partition(":")
    first, _, count = rest.partition(":")
    if not (pv and first.isascii() and first.isdigit() and count.isascii() and count.isdigit() and int(count)):
        return None
    return pv, int(first), int(count)


def _carriers(layout: Layout) -> Iterator[Reason]:
    """Everything that is made must lie on something, and nothing may share its place."""
    seen: dict[str, str] = {}
    saved = layout.saved
    places = [(pv.id, pv.device) for pv in saved.pvs] + [(fs.id, fs.device) for fs in saved.filesystems] \
        + [(swap.id, swap.device) for swap in saved.swaps]
    for ident, device in places:
        if layout.carrier(device) is None:
            yield Reason("dangling", ident, f"{device} is not there")
        elif device in seen:
            yield Reason("overlap", ident, f"{device} already holds {seen[device]}")
        seen.setdefault(device, ident)
    for lv in layout.saved.lvs:
        if layout.vg(lv.vg) is None:
            yield Reason("dangling", lv.id, f"volume group {lv.vg} is not there")
