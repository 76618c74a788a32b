"""Pass: the actions, each after what it needs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, List, Sequence, Set, Tuple, Type

from rescue.plan import Action, ActionKind
from rescue.planner.draft import Draft, Placement
from rescue.planner.layout import Layout, array_devices, is_extended, is_zeroed
from rescue.planner.words import human
from sif.model import Bcache, Disk, LogicalVolume, Luks, LvRole, LvType, MdArray, Partition, TableType


def order_actions(draft: Draft) -> Draft:
    """List what is done: disks, tables, partitions, then whatever lies on what is there by then.

    Volumes of one layer stay in the order arrays, encrypted volumes, LVM, file systems, swap.
    """
    layout = Layout(draft.target)
    places = {part.id: (part.start_sector, part.sectors) for part in draft.saved.partitions}
    moved = {part.id for part in draft.target.partitions if places.get(part.id) != (part.start_sector, part.sectors)}
    actions: List[Action] = []
    for placement in draft.placements:
        actions.append(_wipe(placement))
    for placement in draft.placements:
        if placement.saved.table is not TableType.NONE:
            actions.append(_table(placement))
    for placement in draft.placements:
        actions += _partitions(layout, placement)
    for placement in draft.placements:
        actions += _raws(layout, placement, moved)
    stacked = [*_arrays(layout), *_cached(layout), *_encrypted(layout), *_lvm(layout), *_contents(layout)]
    return replace(draft, actions=(*actions, *_in_turn(stacked, {action.id for action in actions})))


def _in_turn(actions: Sequence[Action], done: Set[str]) -> List[Action]:
    """The actions, each after those it needs, else in the order given. What can never come is left out."""
    ordered: List[Action] = []
    waiting = list(actions)
    while waiting:
        ready = next((action for action in waiting if done.issuperset(action.needs)), None)
        if ready is None:
            break  # a circle, or something on what is not there: both are refused by the checks
        waiting.remove(ready)
        ordered.append(ready)
        done.add(ready.id)
    return ordered


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


def _arrays(layout: Layout) -> List[Action]:
    made = []
    for array in layout.saved.arrays:
        under = layout.under(array.id)
        if layout.all_critical(under):
            title = f"Array {array.name or array.id}, {array.level.value} of {array.devices}, {human(array.size_bytes)}"
            if is_zeroed(array):
                title += ", zeroed before use because it lacks a disk"
            needs = tuple(dict.fromkeys(need for device in array_devices(array) for need in _needs(layout, device)))
            made.append(Action(f"md:{array.id}", ActionKind.CREATE_ARRAY, array.id, under[0], title, needs))
    return made


def _cached(layout: Layout) -> List[Action]:
    made = []
    for one in layout.saved.cachesets:
        under = layout.under(one.device)
        if layout.all_critical(under):
            made.append(Action(f"cacheset:{one.id}", ActionKind.CREATE_CACHESET, one.id, under[0],
                               f"Cache set {one.label or one.uuid} of bcache on {one.device}",
                               _needs(layout, one.device)))
    for bcache in layout.saved.bcaches:
        under = layout.under(bcache.id)
        if layout.all_critical(under):
            cache = (f"cacheset:{bcache.cache}",) if bcache.cache is not None else ()
            made.append(Action(f"bcache:{bcache.id}", ActionKind.CREATE_BCACHE, bcache.id, under[0],
                               f"Cached device {bcache.label or bcache.id} (bcache, {bcache.mode.value}) on "
                               f"{bcache.device}", (*_needs(layout, bcache.device), *cache)))
    return made


def _encrypted(layout: Layout) -> List[Action]:
    made = []
    for luks in layout.saved.luks:
        under = layout.under(luks.device)
        if layout.all_critical(under):
            made.append(Action(f"luks:{luks.id}", ActionKind.CREATE_LUKS, luks.id, under[0],
                               f"Encrypted volume {luks.name or luks.id} (LUKS{luks.version}) on {luks.device}",
                               _needs(layout, luks.device)))
    return made


def _raws(layout: Layout, placement: Placement, moved: Set[str]) -> List[Action]:
    """What is kept sector by sector: left as it is where the disk holds the saved content already."""
    made = []
    for raw in layout.saved.raws:
        if layout.under(raw.device) == (placement.saved.id,):
            keep = raw.id in placement.present.raws and raw.device not in moved
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
        for lv in (lv for lv in layout.saved.lvs if lv.vg == vg.id and lv.role is LvRole.VOLUME):
            lvs.append(Action(f"lv:{lv.id}", ActionKind.CREATE_LV, lv.id, disk,
                              f"Logical volume {vg.name}/{lv.name}, {human(lv.extents * vg.pe_bytes)}",
                              (f"vg:{vg.id}", *((f"lv:{lv.pool}",) if lv.type is LvType.THIN else ()))))
    return [*pvs, *vgs, *lvs]


def _contents(layout: Layout) -> List[Action]:
    made = []
    for btrfs in layout.saved.btrfs:
        under = tuple(dict.fromkeys(disk for device in btrfs.devices for disk in layout.under(device)))
        if layout.all_critical(under):
            needs = tuple(dict.fromkeys(need for device in btrfs.devices for need in _needs(layout, device)))
            made.append(Action(f"btrfs:{btrfs.id}", ActionKind.MAKE_BTRFS, btrfs.id, under[0],
                               f"File system btrfs {btrfs.label or btrfs.id} on {', '.join(btrfs.devices)}", needs))
    for fs in layout.saved.filesystems:
        under = layout.under(fs.device)
        if layout.all_critical(under):
            made.append(Action(f"fs:{fs.id}", ActionKind.MAKE_FS, fs.id, under[0],
                               f"File system {fs.type.value} {fs.mount or fs.label or fs.id} on {fs.device}",
                               _needs(layout, fs.device)))
    for swap in (swap for swap in layout.saved.swaps if swap.path is None):
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
    return (f"{_MAKER[type(found)]}:{device}",)


_MAKER: Dict[Type[Any], str] = {Partition: "partition", Disk: "wipe", LogicalVolume: "lv", MdArray: "md", Luks: "luks",
                                Bcache: "bcache"}
