"""The planned machine while it takes shape: the saved records by id, what lies on what, and why a record changed."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Tuple

from rescue.planner.layout import array_devices
from sif.model import (
    FIELD_OF_KIND,
    Bcache,
    Btrfs,
    Disk,
    FileSystem,
    LogicalVolume,
    Luks,
    MdArray,
    Partition,
    PhysicalVolume,
    Raw,
    Subvolume,
    Swap,
    SystemInformation,
    VolumeGroup,
)

Key = Tuple[str, str]
"""Kind and id of a record."""

LAYERS = ("DISK", "PARTITION", "RAW", "MD", "CACHESET", "BCACHE", "LUKS", "PV", "VG", "LV", "BTRFS",
          "SUBVOLUME", "FS", "SWAP", "EFIENTRY", "COMMAND", "OMITTED", "NIC", "BOND", "VLAN", "BRIDGE")
"""The kinds that a plan may change, add or leave out; SYSTEM, POLICY and BOOT beside them."""

SINGLE = ("SYSTEM", "POLICY", "BOOT")


@dataclass(frozen=True)
class Cause:
    """Why a record is not as it was saved: the part of an adjustment that only the deciding pass knows."""

    code: str
    reason: str
    consequence: str
    consent: bool = False


class Sketch:
    """A machine that passes change record by record. Not shared between plans: a trial works on :meth:`copy`."""

    def __init__(self, saved: SystemInformation) -> None:
        self.saved = saved
        self._origin: Optional[Sketch] = None
        self.growing = False
        """Whether groups and arrays take room that became free below them; file systems always do."""
        self.records: Dict[str, Dict[str, Any]] = {
            kind: {record.id: record for record in getattr(saved, FIELD_OF_KIND[kind])} for kind in LAYERS}
        self.single: Dict[str, Any] = {kind: getattr(saved, FIELD_OF_KIND[kind]) for kind in SINGLE}
        self.causes: Dict[Key, Cause] = {}
        self.holder: Dict[str, Key] = {}
        for kind, ident, device in _held(self):
            self.holder.setdefault(device, (kind, ident))
        self.lvs_of: Dict[str, List[str]] = {}
        for lv in self.lvs.values():
            self.lvs_of.setdefault(lv.vg, []).append(lv.id)
        self.vg_of: Dict[str, str] = {pv: vg.id for vg in self.vgs.values() for pv in vg.pvs}

    # The kinds, typed

    @property
    def disks(self) -> Dict[str, Disk]:
        return self.records["DISK"]

    @property
    def partitions(self) -> Dict[str, Partition]:
        return self.records["PARTITION"]

    @property
    def arrays(self) -> Dict[str, MdArray]:
        return self.records["MD"]

    @property
    def bcaches(self) -> Dict[str, Bcache]:
        return self.records["BCACHE"]

    @property
    def luks(self) -> Dict[str, Luks]:
        return self.records["LUKS"]

    @property
    def pvs(self) -> Dict[str, PhysicalVolume]:
        return self.records["PV"]

    @property
    def vgs(self) -> Dict[str, VolumeGroup]:
        return self.records["VG"]

    @property
    def lvs(self) -> Dict[str, LogicalVolume]:
        return self.records["LV"]

    @property
    def btrfs(self) -> Dict[str, Btrfs]:
        return self.records["BTRFS"]

    @property
    def subvolumes(self) -> Dict[str, Subvolume]:
        return self.records["SUBVOLUME"]

    @property
    def filesystems(self) -> Dict[str, FileSystem]:
        return self.records["FS"]

    @property
    def swaps(self) -> Dict[str, Swap]:
        return self.records["SWAP"]

    @property
    def raws(self) -> Dict[str, Raw]:
        return self.records["RAW"]

    @property
    def origin(self) -> "Sketch":
        """The machine as it was saved."""
        if self._origin is None:
            self._origin = Sketch(self.saved)
        return self._origin

    def copy(self) -> "Sketch":
        """An independent sketch for a trial; records are frozen and shared."""
        twin = copy.copy(self)
        twin.records = {kind: dict(found) for kind, found in self.records.items()}
        twin.single, twin.causes, twin.holder = dict(self.single), dict(self.causes), dict(self.holder)
        twin.lvs_of = {vg: list(lvs) for vg, lvs in self.lvs_of.items()}
        twin.vg_of = dict(self.vg_of)
        return twin

    def put(self, record: Any, cause: Optional[Cause] = None) -> None:
        """Enter a record under its id. The first cause that is given for a record stays, unless a later one asks."""
        kind = record.KIND
        if kind in SINGLE:
            self.single[kind] = record
        else:
            self.records[kind][record.id] = record
        self.explain(kind, str(getattr(record, "id", "")), cause)

    def explain(self, kind: str, ident: str, cause: Optional[Cause]) -> None:
        """Remember why a record changes."""
        known = self.causes.get((kind, ident))
        if cause and (known is None or (cause.consent and not known.consent)):
            self.causes[(kind, ident)] = cause

    def remove(self, kind: str, ident: str, cause: Cause) -> None:
        """Leave a record out. What lies on it is the caller's business."""
        self.records[kind].pop(ident, None)
        self.causes[(kind, ident)] = cause
        for device in [device for device, key in self.holder.items() if key == (kind, ident)]:
            del self.holder[device]

    def on_disk(self, disk: str) -> List[Partition]:
        """The partitions of a disk, by their first sector; a container comes before what it contains."""
        mine = [part for part in self.partitions.values() if part.disk == disk]
        return sorted(mine, key=lambda part: (part.start_sector, -part.sectors))

    def size_of(self, ident: str) -> int:
        """Bytes of what carries something; 0 for what is not there."""
        if part := self.partitions.get(ident):
            return part.sectors * self.disks[part.disk].logical_sector
        if lv := self.lvs.get(ident):
            return lv.extents * self.vgs[lv.vg].pe_bytes
        if luks := self.luks.get(ident):
            return luks.size_bytes if luks.size_bytes is not None else self.size_of(luks.device) - luks.offset_bytes
        if bcache := self.bcaches.get(ident):
            return bcache.size_bytes or self.size_of(bcache.device) - bcache.offset_bytes
        found = self.arrays.get(ident) or self.disks.get(ident)
        return found.size_bytes if found else 0

    def result(self) -> SystemInformation:
        """The planned machine; the saved one itself where nothing changed."""
        changed: Dict[str, Any] = {FIELD_OF_KIND[kind]: tuple(found.values()) for kind, found in self.records.items()}
        changed.update((FIELD_OF_KIND[kind], record) for kind, record in self.single.items())
        if all(getattr(self.saved, name) == value for name, value in changed.items()):
            return self.saved
        fields = {name: getattr(self.saved, name) for name in self.saved.__dataclass_fields__}
        return SystemInformation(**{**fields, **changed})


def _held(sketch: Sketch) -> List[Tuple[str, str, str]]:
    """Kind and id of everything that lies on something, and on what."""
    found = [(kind, record.id, record.device) for kind in ("FS", "PV", "LUKS", "RAW", "CACHESET", "BCACHE")
             for record in sketch.records[kind].values()]
    found += [("SWAP", swap.id, swap.device) for swap in sketch.swaps.values() if swap.path is None]
    found += [("MD", array.id, device) for array in sketch.arrays.values() for device in array_devices(array)]
    found += [("BTRFS", btrfs.id, device) for btrfs in sketch.btrfs.values() for device in btrfs.devices]
    return found
