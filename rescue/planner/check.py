"""Passes: is this the right kind of machine, and does the planned layout hold together."""

from __future__ import annotations

from dataclasses import replace
from typing import Iterable, Iterator, List, Tuple

from rescue.planner.draft import Draft
from rescue.planner.errors import Reason
from rescue.planner.hidden import copies, metadata_of
from rescue.planner.layout import Layout, array_devices, gpt_bounds, is_extended
from sif.features import FEATURES, not_rebuilt
from sif.model import Disk, LogicalVolume, LvType, MdLevel, Partition, TableType


def check_machine(draft: Draft) -> Draft:
    """Refuse a machine of another architecture, and what cannot be kept."""
    system, hardware = draft.saved.system, draft.hardware
    reasons: List[Reason] = []
    if hardware.arch != system.arch:
        reasons.append(Reason("architecture", system.id, f"it is {system.arch}, this machine is {hardware.arch}"))
    if not draft.critical():
        reasons.append(Reason("no-disk", system.id, "the SIF has no disk with role critical: nothing to rebuild"))
    for name in not_rebuilt(draft.saved):
        reasons.append(Reason("feature", system.id, f"it has {name} ({FEATURES[name]}), which this rescue system "
                              "does not make again", "use a rescue system that does; nothing was changed"))
    layout = Layout(draft.saved)
    for role, ident in (("boot", system.boot_fs), ("root", system.root_fs)):
        if not layout.all_critical(layout.under_tree(ident)):
            reasons.append(Reason("system-volume", ident, f"the {role} file system is not on a disk with role critical",
                                  "correct the SIF: set role = critical for the disks of the system"))
    return draft.refuse(reasons)


def check_saved(draft: Draft) -> Draft:
    """Refuse a set that contradicts itself: the planner adapts machines, it does not repair descriptions."""
    layout = Layout(draft.saved)
    disks = [(disk, disk.size_bytes, disk.id) for disk in draft.critical()]
    reasons = _sound(layout, disks)
    return replace(draft, contradictory=bool(reasons)).refuse(reasons)


def check_layout(draft: Draft) -> Draft:
    """Refuse overlaps, things that stick out of what carries them, and volumes that are only partly rebuilt."""
    reasons: List[Reason] = []
    if draft.planned is not None:
        reasons += _sound(Layout(draft.planned), [(p.saved, p.present.size_bytes, p.present.name)
                                                  for p in draft.placements])
    return draft.refuse(reasons)


def _sound(layout: Layout, disks: Iterable[Tuple[Disk, int, str]]) -> List[Reason]:
    """Everything about a layout that cannot be; ``disks`` with the bytes and the name of what they are written to."""
    return [*(reason for disk, size, name in disks for reason in _partitions(layout, disk, size, name)),
            *_volume_groups(layout), *_partly(layout), *_only_by_metadata(layout), *_layouts(layout),
            *_carriers(layout)]


def _partitions(layout: Layout, disk: Disk, size_bytes: int, name: str) -> Iterator[Reason]:
    parts = layout.partitions_on(disk.id)
    if disk.table is TableType.NONE:
        for part in parts:
            yield Reason("bounds", part.id, f"{disk.id} has no partition table")
        return
    first, last = usable(disk, size_bytes)
    for part in parts:
        end = part.start_sector + part.sectors - 1
        if part.sectors < 1 or part.start_sector < first or end > last:
            yield Reason("bounds", part.id, f"sectors {part.start_sector} to {end} are not within {first} to {last} "
                         f"of {name}")
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


def _partly(layout: Layout) -> Iterator[Reason]:
    """An array or a file system of several devices that has some of them on disks that are not rebuilt."""
    several = [(array.id, array_devices(array)) for array in layout.saved.arrays]
    several += [(bcache.id, layout.bcache_devices(bcache)) for bcache in layout.saved.bcaches]
    several += [(btrfs.id, btrfs.devices) for btrfs in layout.saved.btrfs]
    for ident, devices in several:
        under = tuple(dict.fromkeys(disk for device in devices for disk in layout.under(device)))
        ours = [disk for disk in under if layout.all_critical((disk,))]
        if ours and len(ours) < len(under):
            yield Reason("mixed", ident, "it lies partly on disks that are not rebuilt: "
                         + ", ".join(disk for disk in under if disk not in ours),
                         "give all of its disks the role critical")


def _only_by_metadata(layout: Layout) -> Iterator[Reason]:
    """Volumes that only LVM's own metadata text describes in full."""
    for vg in layout.saved.vgs:
        special = [lv.name for lv in layout.saved.lvs if lv.vg == vg.id and lv.type is not LvType.LINEAR]
        if vg.metadata is None and special:
            yield Reason("lvm-metadata", vg.id, f"{', '.join(special)} cannot be made without the metadata text of "
                         "the volume group, which the set does not have", "capture the machine again")
    for pool in (lv for lv in layout.saved.lvs if lv.type is LvType.THIN_POOL):
        if not copies(metadata_of(pool, layout.saved.lvs), layout.saved.lvs):
            yield Reason("thin-metadata", pool.id, "its metadata volume is neither linear, striped nor a mirror, and "
                         "thin pools of other kinds are not made again", "use another metadata volume (lvmthin(7))")


def _layouts(layout: Layout) -> Iterator[Reason]:
    """mdadm makes a RAID 10 with near, far or offset copies, the kernel runs those with two kinds at once too."""
    for array in layout.saved.arrays:
        if array.level is MdLevel.RAID10 and "," in (array.layout or ""):
            yield Reason("array-layout", array.id, f"no tool makes an array with the layout {array.layout}",
                         "make it again by hand, with one kind of copies, and capture the machine again")


def _segments(layout: Layout, lvs: List[LogicalVolume]) -> Iterator[Reason]:
    used: List[Tuple[str, int, int, str]] = []
    for lv in lvs:
        parsed = [parse_stripes(text) for text in lv.segments]
        pieces = [piece for stripes in parsed for piece in stripes]
        if not all(parsed) or (pieces and sum(count for _, _, count in pieces) != lv.extents):
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


def parse_stripes(text: str) -> Tuple[Tuple[str, int, int], ...]:
    """``pv0:0:512+pv1:0:512`` as one piece for each stripe; empty when one of them is malformed."""
    pieces = tuple(parse_segment(leg) for leg in text.split("+"))
    return tuple(piece for piece in pieces if piece) if all(pieces) else ()


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
        + [(swap.id, swap.device) for swap in saved.swaps if swap.path is None] \
        + [(luks.id, luks.device) for luks in saved.luks] \
        + [(one.id, one.device) for one in saved.cachesets] + [(one.id, one.device) for one in saved.bcaches] \
        + [(array.id, device) for array in saved.arrays for device in array_devices(array)] \
        + [(btrfs.id, device) for btrfs in saved.btrfs for device in btrfs.devices]
    for ident, device in places:
        if layout.carrier(device) is None:
            yield Reason("dangling", ident, f"{device} is not there")
        elif device in seen:
            yield Reason("overlap", ident, f"{device} already holds {seen[device]}")
        seen.setdefault(device, ident)
    for lv in layout.saved.lvs:
        if layout.vg(lv.vg) is None:
            yield Reason("dangling", lv.id, f"volume group {lv.vg} is not there")
