"""Questions about the saved layout: what lies on what."""

from __future__ import annotations

from typing import Dict, Optional, Tuple, Union

from sif.model import Disk, DiskRole, LogicalVolume, Partition, PhysicalVolume, SystemInformation, VolumeGroup

Carrier = Union[Partition, LogicalVolume, Disk]
"""What a file system, a swap area or (LVs aside) a physical volume can lie on."""

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
        """The partition, logical volume or disk of that id."""
        return self._partitions.get(ident) or self._lvs.get(ident) or self._disks.get(ident)

    def partitions_on(self, disk: str) -> Tuple[Partition, ...]:
        """The partitions of a disk, by number."""
        return tuple(sorted((p for p in self.saved.partitions if p.disk == disk), key=lambda p: p.number))

    def under(self, ident: str) -> Tuple[str, ...]:
        """The ids of the disks that a partition, a logical volume or a disk lies on, each once, in order."""
        found = self.carrier(ident)
        if isinstance(found, Partition):
            return (found.disk,) if found.disk in self._disks else ()
        if isinstance(found, LogicalVolume):
            return self.under_vg(found.vg)
        return (found.id,) if found else ()

    def under_pv(self, ident: str) -> Tuple[str, ...]:
        """The disk that a physical volume lies on."""
        pv = self._pvs.get(ident)
        found = self._partitions.get(pv.device) or self._disks.get(pv.device) if pv else None
        return self.under(found.id) if found else ()

    def under_vg(self, ident: str) -> Tuple[str, ...]:
        """The disks that a volume group lies on, each once, in the order of its physical volumes."""
        group = self._vgs.get(ident)
        return tuple(dict.fromkeys(d for pv in group.pvs for d in self.under_pv(pv))) if group else ()

    def all_critical(self, disks: Tuple[str, ...]) -> bool:
        """Whether there are such disks and all of them are rebuilt."""
        return bool(disks) and all(self._disks[d].role is DiskRole.CRITICAL for d in disks)

    def size_of(self, ident: str) -> Optional[int]:
        """Bytes of a partition, logical volume or disk."""
        found = self.carrier(ident)
        if isinstance(found, Partition):
            disk = self._disks.get(found.disk)
            return found.sectors * disk.logical_sector if disk else None
        if isinstance(found, LogicalVolume):
            group = self._vgs.get(found.vg)
            return found.extents * group.pe_bytes if group else None
        return found.size_bytes if found else None


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
