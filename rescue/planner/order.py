"""Pass: the actions, each after what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Tuple

from rescue.plan import Action, ActionKind
from rescue.planner.draft import Draft, Placement
from rescue.planner.layout import Layout, is_extended
from rescue.planner.words import human
from sif.model import Partition, TableType


def order_actions(draft: Draft) -> Draft:
    """List what is done: disks, tables, partitions, physical volumes, groups, logical volumes, file systems, swap."""
    layout = Layout(draft.saved)
    actions: List[Action] = []
    for placement in draft.placements:
        actions.append(_wipe(placement))
    for placement in draft.placements:
        if placement.saved.table is not TableType.NONE:
            actions.append(_table(placement))
    for placement in draft.placements:
        actions += _partitions(layout, placement)
    for placement in draft.placements:
        actions += _raws(layout, placement)
    actions += _lvm(layout)
    actions += _contents(layout)
    return replace(draft, actions=tuple(actions))


def _wipe(placement: Placement) -> Action:
    disk, present = placement.saved, placement.present
    what = "blank" if present.blank else "holds " + "; ".join(present.signatures)
    return Action(f"wipe:{disk.id}", ActionKind.WIPE_DISK, disk.id, disk.id,
                  f"Wipe {present.path} ({human(present.size_bytes)}, {what})", destructive=True)


def _table(placement: Placement) -> Action:
    disk = placement.saved
    return Action(f"table:{disk.id}", ActionKind.WRITE_TABLE, disk.id, disk.id,
                  f"Write the {disk.table.value.upper()} partition table of {disk.id} on {placement.present.path}",
                  (f"wipe:{disk.id}",), destructive=True)


def _partitions(layout: Layout, placement: Placement) -> List[Action]:
    disk = placement.saved
    return [Action(f"partition:{part.id}", ActionKind.CREATE_PARTITION, part.id, disk.id,
                   f"{'Container' if is_extended(part) else 'Partition'} {part.number} of {placement.present.path}, "
                   f"{human(part.sectors * disk.logical_sector)}", (f"table:{disk.id}",))
            for part in layout.partitions_on(disk.id)]


def _raws(layout: Layout, placement: Placement) -> List[Action]:
    """What is kept sector by sector: left as it is where the disk holds the saved content already."""
    made = []
    for raw in layout.saved.raws:
        if layout.under(raw.device) == (placement.saved.id,):
            keep = raw.id in placement.present.raws
            made.append(Action(
                f"raw:{raw.id}", ActionKind.KEEP_RAW if keep else ActionKind.WRITE_RAW, raw.id, placement.saved.id,
                f"Keep the content of {raw.device}, {human(raw.size_bytes)}: it is what was saved" if keep else
                f"Write the image of {raw.device}, {human(raw.size_bytes)}, from {raw.path}",
                _needs(layout, raw.device)))
    return made


def _lvm(layout: Layout) -> List[Action]:
    groups = [vg for vg in layout.saved.vgs if layout.all_critical(layout.under_vg(vg.id))]
    pvs, vgs, lvs = [], [], []
    for vg in groups:
        for pv in (pv for ref in vg.pvs if (pv := layout.pv(ref))):
            pvs.append(Action(f"pv:{pv.id}", ActionKind.CREATE_PV, pv.id, layout.under_pv(pv.id)[0],
                              f"Physical volume of {vg.name} on {pv.device}", _needs(layout, pv.device)))
        disk = layout.under_vg(vg.id)[0]
        vgs.append(Action(f"vg:{vg.id}", ActionKind.CREATE_VG, vg.id, disk, f"Volume group {vg.name}",
                          tuple(f"pv:{ref}" for ref in vg.pvs)))
        for lv in (lv for lv in layout.saved.lvs if lv.vg == vg.id):
            lvs.append(Action(f"lv:{lv.id}", ActionKind.CREATE_LV, lv.id, disk,
                              f"Logical volume {vg.name}/{lv.name}, {human(lv.extents * vg.pe_bytes)}",
                              (f"vg:{vg.id}",)))
    return [*pvs, *vgs, *lvs]


def _contents(layout: Layout) -> List[Action]:
    made = []
    for fs in layout.saved.filesystems:
        under = layout.under(fs.device)
        if layout.all_critical(under):
            made.append(Action(f"fs:{fs.id}", ActionKind.MAKE_FS, fs.id, under[0],
                               f"File system {fs.type.value} {fs.mount or fs.label or fs.id} on {fs.device}",
                               _needs(layout, fs.device)))
    for swap in layout.saved.swaps:
        under = layout.under(swap.device)
        if layout.all_critical(under):
            made.append(Action(f"swap:{swap.id}", ActionKind.MAKE_SWAP, swap.id, under[0],
                               f"Swap area on {swap.device}", _needs(layout, swap.device)))
    return made


def _needs(layout: Layout, device: str) -> Tuple[str, ...]:
    """The action that makes what something lies on."""
    found = layout.carrier(device)
    if found is None:
        return ()
    kind = "partition" if isinstance(found, Partition) else "wipe" if device in layout.under(device) else "lv"
    return (f"{kind}:{device}",)
