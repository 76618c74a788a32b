"""Questions about the saved layout: what lies on what."""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple, Union

from sif.model import (
    Bcache,
    CacheSet,
    Disk,
    DiskRole,
    LogicalVolume,
    Luks,
    MdArray,
    MdLevel,
    Partition,
    PhysicalVolume,
    SystemInformation,
    VolumeGroup,
)

Carrier = Union[Partition, LogicalVolume, Disk, MdArray, Luks, Bcache]
"""What a file system, a swap area, a physical volume, an array or an encrypted volume can lie on."""

EXTENDED_TYPES = frozenset({0x05, 0x0F, 0x85})
"""MBR types of the container of logical partitions."""

_GPT_ENTRY_BYTES = 128


class Layout:
    """Lookups over one saved machine; total: an unknown reference finds nothing."""

    def __init__(self, saved: SystemInformation) -> None:
        self.saved = saved
        self._disks: Dict[str, Disk] = {disk.id: disk for disk in saved.disks}
        self._partitions: Dict[str, Partition] = {part.id: part for part in saved.partitions}
        self._pvs: Dict[str, PhysicalVolume] = {pv.id: pv for pv in saved.pvs}
        self._vgs: Dict[str, VolumeGroup] = {vg.id: vg for vg in saved.vgs}
        self._lvs: Dict[str, LogicalVolume] = {lv.id: lv for lv in saved.lvs}
        self._arrays: Dict[str, MdArray] = {array.id: array for array in saved.arrays}
        self._luks: Dict[str, Luks] = {luks.id: luks for luks in saved.luks}
        self._bcaches: Dict[str, Bcache] = {bcache.id: bcache for bcache in saved.bcaches}
        self._sets: Dict[str, CacheSet] = {one.id: one for one in saved.cachesets}
        self._vg_of_pv: Dict[str, VolumeGroup] = {pv: vg for vg in saved.vgs for pv in vg.pvs}

    def disk(self, ident: str) -> Optional[Disk]:
        return self._disks.get(ident)

    def pv(self, ident: str) -> Optional[PhysicalVolume]:
        return self._pvs.get(ident)

    def vg(self, ident: str) -> Optional[VolumeGroup]:
        return self._vgs.get(ident)

    def vg_of_pv(self, ident: str) -> Optional[VolumeGroup]:
        return self._vg_of_pv.get(ident)

    def carrier(self, ident: str) -> Optional[Carrier]:
        """What carries something under that id."""
        return (self._partitions.get(ident) or self._lvs.get(ident) or self._disks.get(ident)
                or self._arrays.get(ident) or self._luks.get(ident) or self._bcaches.get(ident))

    def below(self, ident: str) -> Tuple[str, ...]:
        """The ids of what something lies on directly; none for a disk and for what is not there."""
        found = self.carrier(ident)
        if isinstance(found, Partition):
            return (found.disk,)
        if isinstance(found, LogicalVolume):
            group = self._vgs.get(found.vg)
            return tuple(pv.device for ref in group.pvs if (pv := self._pvs.get(ref))) if group else ()
        if isinstance(found, MdArray):
            return array_devices(found)
        if isinstance(found, Bcache):
            return self.bcache_devices(found)
        return (found.device,) if isinstance(found, Luks) else ()

    def bcache_devices(self, bcache: Bcache) -> Tuple[str, ...]:
        """What a cached device lies on: its backing device, and the one that caches it."""
        cache = self._sets.get(bcache.cache) if bcache.cache is not None else None
        return (bcache.device, *((cache.device,) if cache else ()))

    def partitions_on(self, disk: str) -> Tuple[Partition, ...]:
        """The partitions of a disk, by number."""
        return tuple(sorted((p for p in self.saved.partitions if p.disk == disk), key=lambda p: p.number))

    def under(self, ident: str) -> Tuple[str, ...]:
        """The ids of the disks that a partition, a volume, an array or a disk lies on, each once, in order."""
        disks: List[str] = []
        seen = set()
        waiting = [ident]
        while waiting:
            name = waiting.pop(0)
            if name in seen:
                continue  # reached before, or a circle that the checks have refused
            seen.add(name)
            if name in self._disks:
                disks.append(name)
            waiting = [*self.below(name), *waiting]
        return tuple(disks)

    def under_pv(self, ident: str) -> Tuple[str, ...]:
        """The disks that a physical volume lies on."""
        pv = self._pvs.get(ident)
        return self.under(pv.device) if pv else ()

    def under_vg(self, ident: str) -> Tuple[str, ...]:
        """The disks that a volume group lies on, each once, in the order of its physical volumes."""
        group = self._vgs.get(ident)
        return tuple(dict.fromkeys(d for pv in group.pvs for d in self.under_pv(pv))) if group else ()

    def under_tree(self, ident: str) -> Tuple[str, ...]:
        """The disks under something that is mounted: a file system, a btrfs or one of its subvolumes."""
        for fs in self.saved.filesystems:
            if fs.id == ident:
                return self.under(fs.device)
        owner = next((sub.btrfs for sub in self.saved.subvolumes if sub.id == ident), ident)
        devices = next((btrfs.devices for btrfs in self.saved.btrfs if btrfs.id == owner), ())
        return tuple(dict.fromkeys(disk for device in devices for disk in self.under(device)))

    def all_critical(self, disks: Tuple[str, ...]) -> bool:
        """Whether there are such disks and all of them are rebuilt."""
        return bool(disks) and all(self._disks[d].role is DiskRole.CRITICAL for d in disks)

    def size_of(self, ident: str) -> Optional[int]:
        """Bytes of what carries something; None where the SIF does not say."""
        found = self.carrier(ident)
        if isinstance(found, Partition):
            disk = self._disks.get(found.disk)
            return found.sectors * disk.logical_sector if disk else None
        if isinstance(found, LogicalVolume):
            group = self._vgs.get(found.vg)
            return found.extents * group.pe_bytes if group else None
        if isinstance(found, Luks) and found.size_bytes is None:
            base = self.size_of(found.device)
            return base - found.offset_bytes if base is not None else None
        return found.size_bytes if found else None


def array_devices(array: MdArray) -> Tuple[str, ...]:
    """Everything an array lies on: members in the order of their slots, spares, the journal."""
    return (*array.members, *array.spares, *((array.journal,) if array.journal is not None else ()))


def is_zeroed(array: MdArray) -> bool:
    """Whether the array's members are zeroed, which takes its time: a RAID 6 that lacks one of its disks.

    The kernel starts none whose parity is not known to be right; all-zero sectors agree with theirs.
    """
    return array.level is MdLevel.RAID6 and len(array.missing) == 1


def mbr_type(text: str) -> Optional[int]:
    """The number of an MBR partition type written as ``0x83``; None for a GPT type."""
    try:
        return int(text, 16) if text.lower().startswith("0x") else None
    except ValueError:
        return None


def is_extended(part: Partition) -> bool:
    """Whether the partition is the container of logical ones."""
    return mbr_type(part.type) in EXTENDED_TYPES


def gpt_bounds(disk: Disk, size_bytes: int) -> Tuple[int, int]:
    """First and last usable sector of the saved GPT on a disk of ``size_bytes``.

    UEFI 2.10, 5.3: the header and the entries lie at both ends; the entries take at least 16 KiB.
    """
    entries = disk.gpt_entries or 128
    table = -(-max(entries * _GPT_ENTRY_BYTES, 16384) // disk.logical_sector)
    first = disk.first_lba if disk.first_lba is not None else 2 + table
    return first, size_bytes // disk.logical_sector - 2 - table
