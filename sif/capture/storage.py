"""The storage of a machine, from disks to file systems, as records: read from the devices, mounted or not.

The same probe serves the capture on the healthy machine and the rescue agent, which holds what it has rebuilt
against what was captured.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, TypeVar

from sif import look
from sif.capture.blocks import BlockDevice, descendants, probe_blocks
from sif.capture.filesystems import NotDescribed, probe_content
from sif.capture.layers import Layer, Layered, Surroundings, walk
from sif.capture.lvm import LvmLayer
from sif.capture.md import MdLayer
from sif.capture.tables import Table, partition_number, probe_table
from sif.model import (
    Btrfs,
    Disk,
    DiskRole,
    FileSystem,
    LogicalVolume,
    Luks,
    MdArray,
    Omitted,
    Partition,
    PhysicalVolume,
    Raw,
    Ref,
    Subvolume,
    Swap,
    SystemInformation,
    VolumeGroup,
)

_EXTENDED_TYPES = frozenset({"0x05", "0x0f", "0x85"})

R = TypeVar("R")


@dataclass(frozen=True)
class Storage:
    """Everything on the disks that were asked for.

    ``paths`` maps ids of whatever can carry something to device paths, ``files`` are the medium's files that the
    records name, ``unsupported`` says what was found that can't be made again, ``notes`` what should be known.
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
    arrays: Tuple[MdArray, ...] = ()
    luks: Tuple[Luks, ...] = ()
    btrfs: Tuple[Btrfs, ...] = ()
    subvolumes: Tuple[Subvolume, ...] = ()
    raws: Tuple[Raw, ...] = ()
    omitted: Tuple[Omitted, ...] = ()
    notes: Tuple[str, ...] = ()

    def into(self, info: SystemInformation) -> SystemInformation:
        """``info`` with its storage replaced by this one's."""
        return replace(
            info, disks=self.disks, partitions=self.partitions, raws=self.raws, arrays=self.arrays, luks=self.luks,
            pvs=self.pvs, vgs=self.vgs, lvs=self.lvs, btrfs=self.btrfs, subvolumes=self.subvolumes,
            filesystems=self.filesystems, swaps=self.swaps, omitted=self.omitted)


def probe_storage(disks: Mapping[str, str], *, isolate: bool = False,
                  blocks: Optional[Sequence[BlockDevice]] = None) -> Storage:
    """Read the disks ``{section id: kernel name}`` and what lies on them.

    ``isolate`` keeps the layers' tools to these disks; file systems inside volumes are read if these are active.
    Raises CommandFailed or ToolMissing when a tool does; nothing is written.
    """
    around = Surroundings(tuple(blocks) if blocks is not None else probe_blocks(), isolate)
    by_name = {d.kname: d for d in around.devices}
    tables = {ident: probe_table(by_name[name], ident) for ident, name in disks.items()}
    layers: Tuple[Layer, ...] = (MdLayer(), LvmLayer())
    carriers, layered = walk(_disks_and_partitions(disks, tables, around.devices), layers, around)
    filesystems, swaps, more = _contents(_leaves(carriers.paths, tables, layered), carriers.paths, around)
    return Storage(
        disks=tuple(_disk(by_name[name], ident, tables[ident]) for ident, name in disks.items()),
        partitions=tuple(p for table in tables.values() for p in table.partitions),
        pvs=_of(PhysicalVolume, layered), vgs=_of(VolumeGroup, layered), lvs=_of(LogicalVolume, layered),
        arrays=_of(MdArray, layered), luks=_of(Luks, layered), btrfs=_of(Btrfs, layered),
        subvolumes=_of(Subvolume, layered), raws=_of(Raw, layered), omitted=_of(Omitted, layered),
        filesystems=filesystems, swaps=swaps, paths=carriers.paths, files=(*_table_files(tables), *layered.files),
        notes=(*(f"disk {disks[ident]}: {note}" for ident, table in tables.items() for note in table.notes),
               *layered.notes),
        unsupported=(*_table_problems(disks, tables, carriers.paths), *layered.unsupported, *more,
                     *_unexplained(disks, carriers.paths, layered, around.devices)))


def _of(kind: "type[R]", layered: Layered) -> Tuple[R, ...]:
    return tuple(record for record in layered.records if isinstance(record, kind))


def _disk(device: BlockDevice, ident: str, table: Table) -> Disk:
    code, gap = (_file_of(data) for data in (table.boot_code, table.gap))
    return Disk(
        id=ident, role=DiskRole.CRITICAL, size_bytes=device.size_bytes, logical_sector=device.logical_sector,
        physical_sector=device.physical_sector, table=table.type, table_id=table.id, gpt_entries=table.gpt_entries,
        first_lba=table.first_lba, last_lba=table.last_lba, hybrid=table.hybrid, pmbr_active=table.pmbr_active,
        boot_code=code and f"media:boot/{ident}.mbr", boot_code_sha256=code, boot_gap=gap and f"media:boot/{ident}.gap",
        boot_gap_sha256=gap, model=device.model, serial=device.serial, wwn=device.wwn, bus=device.bus,
        by_path=device.by_path, device=device.kname)


def _file_of(data: bytes) -> Optional[str]:
    return hashlib.sha256(data).hexdigest() if data else None


def _table_files(tables: Mapping[str, Table]) -> Tuple[Tuple[str, bytes], ...]:
    return tuple((f"boot/{ident}.{suffix}", data) for ident, table in tables.items()
                 for suffix, data in (("mbr", table.boot_code), ("gap", table.gap)) if data)


def _table_problems(disks: Mapping[str, str], tables: Mapping[str, Table], paths: Mapping[str, str]) -> Tuple[str, ...]:
    """What is wrong with the tables, and partitions that the running kernel does not have."""
    found = [f"disk {disks[ident]}: {table.problem}" for ident, table in tables.items() if table.problem]
    found += [f"disk {disks[ident]}: partition {part.number} is in its table, but the running kernel does not know it"
              for ident, table in tables.items() if not table.problem
              for part in table.partitions if part.id not in paths]
    return tuple(found)


def _disks_and_partitions(disks: Mapping[str, str], tables: Mapping[str, Table],
                          devices: Sequence[BlockDevice]) -> Dict[str, str]:
    """Section id → device path, for the disks and their partitions."""
    paths: Dict[str, str] = {}
    for ident, name in disks.items():
        numbers = {p.number: p.id for p in tables[ident].partitions}
        for device in devices:
            if device.kname == name:
                paths[ident] = device.path
            elif device.type == "part" and name in device.parents:
                number = partition_number(device.kname)
                if number in numbers:
                    paths[numbers[number]] = device.path
    return paths


def _leaves(paths: Mapping[str, str], tables: Mapping[str, Table],
            layered: Layered) -> Tuple[str, ...]:
    """Ids of what can hold a file system: carriers that no layer has taken, without tables and extended partitions."""
    boxes = {ident for ident, table in tables.items() if table.partitions}
    boxes |= {p.id for table in tables.values() for p in table.partitions if p.type in _EXTENDED_TYPES}
    return tuple(ident for ident in paths if ident not in boxes and ident not in layered.taken)


def _contents(
    leaves: Sequence[str], paths: Mapping[str, str], around: Surroundings,
) -> Tuple[Tuple[FileSystem, ...], Tuple[Swap, ...], Tuple[str, ...]]:
    filesystems: List[FileSystem] = []
    swaps: List[Swap] = []
    unsupported: List[str] = []
    for ident in leaves:
        path = paths[ident]
        if not look.exists(path):
            unsupported.append(f"{path}: not active, so what is on it can't be seen")
            continue
        signature = around.signature(path)
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


def _unexplained(disks: Mapping[str, str], paths: Mapping[str, str], layered: Layered,
                 devices: Sequence[BlockDevice]) -> Tuple[str, ...]:
    """Devices on the disks that no layer accounts for."""
    known = set(paths.values())
    strange = {
        device.path: f"{device.path}: {device.type}"
        for name in disks.values() for device in descendants(devices, name)
        if device.type != "part" and device.path not in known and device.kname not in layered.explained}
    return tuple(strange.values())


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
