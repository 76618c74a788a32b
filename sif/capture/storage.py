"""The storage of a machine, from disks to file systems, as records: read from the devices, mounted or not.

The same probe serves the capture on the healthy machine and the rescue agent, which holds what it has rebuilt
against what was captured.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, descendants, probe_blocks
from sif.capture.filesystems import NotDescribed, made_again, probe_content, probe_signature
from sif.capture.lvm import LvmFacts, probe_lvm
from sif.capture.tables import NO_TABLE, Table, partition_number, probe_table
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    LogicalVolume,
    Partition,
    PhysicalVolume,
    Ref,
    Swap,
    SystemInformation,
    VolumeGroup,
)
from sif.raw.choose import RESERVED_ONLY, KeptRaw, RawWish, choose

_EXTENDED_TYPES = frozenset({"0x05", "0x0f", "0x85"})


@dataclass(frozen=True)
class Storage:
    """Everything on the disks that were asked for.

    ``paths`` maps ids of partitions and logical volumes to device paths, ``files`` are the medium's files that the
    records name, ``unsupported`` says what was found that can't be made again, ``raw`` are the partitions that are kept
    sector by sector: what lies on them is not described.
    """

    disks: Tuple[Disk, ...]
    partitions: Tuple[Partition, ...]
    pvs: Tuple[PhysicalVolume, ...]
    vgs: Tuple[VolumeGroup, ...]
    lvs: Tuple[LogicalVolume, ...]
    filesystems: Tuple[FileSystem, ...]
    swaps: Tuple[Swap, ...]
    paths: Mapping[str, str]
    files: Tuple[Tuple[str, bytes], ...] = ()
    unsupported: Tuple[str, ...] = ()
    raw: Tuple[KeptRaw, ...] = ()

    def into(self, info: SystemInformation) -> SystemInformation:
        """``info`` with its storage replaced by this one's."""
        return replace(info, disks=self.disks, partitions=self.partitions, pvs=self.pvs, vgs=self.vgs, lvs=self.lvs,
                       filesystems=self.filesystems, swaps=self.swaps)


def probe_storage(disks: Mapping[str, str], *, isolate: bool = False,
                  blocks: Optional[Sequence[BlockDevice]] = None, raw: RawWish = RESERVED_ONLY) -> Storage:
    """Read the disks ``{section id: kernel name}`` and what lies on them.

    ``isolate`` shows LVM these disks only; file systems inside volume groups are read if their volumes are active.
    Raises CommandFailed or ToolMissing when a tool does; nothing is written.
    """
    devices = tuple(blocks) if blocks is not None else probe_blocks()
    by_name = {d.kname: d for d in devices}
    tables = {ident: _table(by_name[name], ident) for ident, name in disks.items()}
    unsupported = [text for table in tables.values() for text in table[1]]
    ids = _device_ids(disks, tables, devices)
    lvm = probe_lvm(ids, only=tuple(ids) if isolate else None)
    unsupported += lvm.unsupported
    paths = {ident: path for path, ident in ids.items()}
    paths.update(lvm.device_of)
    leaves = _leaves(disks, tables, lvm)
    kept = choose([p for table, _ in tables.values() for p in table.partitions], paths, leaves, raw, made_again)
    leaves = tuple(ident for ident in leaves if ident not in {one.partition for one in kept})
    filesystems, swaps, more = _contents(leaves, paths)
    return Storage(
        disks=tuple(_disk(by_name[name], ident, tables[ident][0]) for ident, name in disks.items()),
        partitions=tuple(p for table, _ in tables.values() for p in table.partitions),
        pvs=lvm.pvs, vgs=lvm.vgs, lvs=lvm.lvs, filesystems=filesystems, swaps=swaps, paths=paths, files=lvm.files,
        unsupported=(*unsupported, *more, *_stacked(disks, devices)), raw=kept)


def _table(device: BlockDevice, ident: str) -> Tuple[Table, Tuple[str, ...]]:
    try:
        return probe_table(device.path, ident), ()
    except ValueError as error:
        return NO_TABLE, (f"disk {device.kname}: partition table of kind {error}",)


def _disk(device: BlockDevice, ident: str, table: Table) -> Disk:
    return Disk(
        id=ident, role=DiskRole.CRITICAL, size_bytes=device.size_bytes, logical_sector=device.logical_sector,
        physical_sector=device.physical_sector, table=table.type, table_id=table.id, gpt_entries=table.gpt_entries,
        first_lba=table.first_lba, model=device.model, serial=device.serial, wwn=device.wwn, bus=device.bus,
        by_path=device.by_path, device=device.kname)


def _device_ids(disks: Mapping[str, str], tables: Mapping[str, Tuple[Table, Tuple[str, ...]]],
                devices: Sequence[BlockDevice]) -> Dict[str, str]:
    """Device path → section id, for the disks and their partitions."""
    ids: Dict[str, str] = {}
    for ident, name in disks.items():
        numbers = {p.number: p.id for p in tables[ident][0].partitions}
        for device in devices:
            if device.kname == name:
                ids[device.path] = ident
            elif device.type == "part" and name in device.parents:
                number = partition_number(device.kname)
                if number in numbers:
                    ids[device.path] = numbers[number]
    return ids


def _leaves(disks: Mapping[str, str], tables: Mapping[str, Tuple[Table, Tuple[str, ...]]],
            lvm: LvmFacts) -> Tuple[str, ...]:
    """Ids of what can hold a file system: partitions (no extended ones), disks without a table, logical volumes."""
    used = {pv.device for pv in lvm.pvs}
    plain = [ident for ident in disks if not tables[ident][0].partitions]
    parts = [p.id for table, _ in tables.values() for p in table.partitions if p.type not in _EXTENDED_TYPES]
    return tuple(ident for ident in (*plain, *parts, *(lv.id for lv in lvm.lvs)) if ident not in used)


def _contents(
    leaves: Sequence[str], paths: Mapping[str, str],
) -> Tuple[Tuple[FileSystem, ...], Tuple[Swap, ...], Tuple[str, ...]]:
    filesystems: List[FileSystem] = []
    swaps: List[Swap] = []
    unsupported: List[str] = []
    for ident in leaves:
        path = paths.get(ident)
        if path is None:
            continue
        if not look.exists(path):
            unsupported.append(f"{path}: not active, so what is on it can't be seen")
            continue
        signature = probe_signature(path)
        try:
            content = probe_content(path, ident, signature)
        except NotDescribed as error:
            unsupported.append(f"{path}: {signature.type}: {error}")
            continue
        if isinstance(content, FileSystem):
            filesystems.append(content)
        elif isinstance(content, Swap):
            swaps.append(content)
        elif signature.clash:
            unsupported.append(f"{path}: signatures that contradict each other")
        elif signature.type:
            unsupported.append(f"{path}: {signature.type}")
    return tuple(filesystems), tuple(swaps), tuple(unsupported)


_PLAIN_LAYERS = frozenset({"disk", "part", "lvm"})


def _stacked(disks: Mapping[str, str], devices: Sequence[BlockDevice]) -> Tuple[str, ...]:
    """Layers on the disks that this version does not know: RAID, encryption, multipath."""
    return tuple(
        f"{device.path}: {device.type}"
        for name in disks.values() for device in descendants(devices, name) if device.type not in _PLAIN_LAYERS)


def renamed(storage: Storage, names: Mapping[str, str]) -> Storage:
    """The same storage with file systems and swap areas given other ids (``{old: new}``)."""
    return replace(
        storage,
        filesystems=tuple(replace(fs, id=names.get(fs.id, fs.id)) for fs in storage.filesystems),
        swaps=tuple(replace(swap, id=names.get(swap.id, swap.id)) for swap in storage.swaps))


def adopt_names(storage: Storage, saved: SystemInformation) -> Storage:
    """The same storage with the ids, mount points and options that a saved SIF gives to what lies at the same place.

    Where a file system is mounted is the system's configuration and not on the device: a probe without the
    configuration takes it from the SIF it is compared with.
    """
    fs_at: Dict[Ref, FileSystem] = {fs.device: fs for fs in saved.filesystems}
    swap_at: Dict[Ref, Swap] = {swap.device: swap for swap in saved.swaps}
    return replace(
        storage,
        filesystems=tuple(_adopt(fs, fs_at.get(fs.device)) for fs in storage.filesystems),
        swaps=tuple(replace(swap, id=swap_at[swap.device].id) if swap.device in swap_at else swap
                    for swap in storage.swaps))


def _adopt(found: FileSystem, saved: Optional[FileSystem]) -> FileSystem:
    if saved is None:
        return found
    return replace(found, id=saved.id, mount=saved.mount, options=saved.options, content=saved.content)
