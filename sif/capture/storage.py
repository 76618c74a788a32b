"""The storage of a machine, from disks to file systems, as records: read from the devices, mounted or not.

The same probe serves the capture on the healthy machine and the rescue agent, which holds what it has rebuilt
against what was captured.
"""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Set, Tuple, TypeVar

from sif import look
from sif.capture.adopt import with_saved_ids
from sif.capture.blocks import BlockDevice, descendants
from sif.capture.disks import describe_disk, disks_and_partitions, table_files, table_problems
from sif.capture.emptiness import holds_data
from sif.capture.errors import Unrestorable
from sif.capture.exclude import Exclusion
from sif.capture.filesystems import NotDescribed, made_again, probe_content
from sif.capture.foreign import foreign
from sif.capture.late import bcache_layer, btrfs_layer, luks_layer, md_layer
from sif.capture.layers import Layer, Layered, Surroundings, walk
from sif.capture.lvm import LvmLayer
from sif.capture.multipath import probe_machine
from sif.capture.tables import Table, probe_table
from sif.model import (
    Bcache,
    Btrfs,
    CacheSet,
    Disk,
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
    TableType,
    VolumeGroup,
)
from sif.plain import dataclass, replace
from sif.raw.choose import RESERVED_ONLY, KeptRaw, RawWish, choose
from sif.raw.types import NEVER

_EXTENDED_TYPES = frozenset({"0x05", "0x0f", "0x85"})

R = TypeVar("R")


@dataclass(frozen=True)
class Storage:
    """Everything on the disks that were asked for.

    ``paths`` maps ids of whatever can carry something to device paths, ``files`` are the medium's files that the
    records name, ``unsupported`` says what was found that can't be made again, ``notes`` what should be known,
    ``left_out`` what the administrator left out: (word, kernel names of the devices), ``raw`` the partitions that are
    kept sector by sector: what lies on them is not described.
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
    cachesets: Tuple[CacheSet, ...] = ()
    bcaches: Tuple[Bcache, ...] = ()
    luks: Tuple[Luks, ...] = ()
    btrfs: Tuple[Btrfs, ...] = ()
    subvolumes: Tuple[Subvolume, ...] = ()
    raws: Tuple[Raw, ...] = ()
    omitted: Tuple[Omitted, ...] = ()
    notes: Tuple[str, ...] = ()
    left_out: Tuple[Tuple[str, Set[str]], ...] = ()
    raw: Tuple[KeptRaw, ...] = ()

    def into(self, info: SystemInformation) -> SystemInformation:
        """``info`` with its storage replaced by this one's."""
        return replace(
            info, disks=self.disks, partitions=self.partitions, raws=self.raws, arrays=self.arrays,
            cachesets=self.cachesets, bcaches=self.bcaches, luks=self.luks,
            pvs=self.pvs, vgs=self.vgs, lvs=self.lvs, btrfs=self.btrfs, subvolumes=self.subvolumes,
            filesystems=self.filesystems, swaps=self.swaps, omitted=self.omitted)


def probe_storage(disks: Mapping[str, str], *, isolate: bool = False,
                  blocks: Optional[Sequence[BlockDevice]] = None, exclude: Sequence[str] = (),
                  raw: RawWish = RESERVED_ONLY) -> Storage:
    """Read the disks ``{section id: kernel name}`` and what lies on them.

    ``isolate`` keeps the layers' tools to these disks; file systems inside volumes are read if these are active.
    ``exclude`` names what is left out, with all that lies on it.
    Raises CommandFailed or ToolMissing when a tool does, UsageError when a name to leave out names nothing;
    nothing is written.
    """
    exclusion = Exclusion(exclude)
    around = Surroundings(tuple(blocks) if blocks is not None else probe_machine(), isolate,
                          lambda ident, path: exclusion.hides(around, ident, path))
    by_name = {d.kname: d for d in around.devices}
    tables = {ident: probe_table(by_name[name], ident) for ident, name in disks.items()}
    layers: Tuple[Layer, ...] = (md_layer(), bcache_layer(), luks_layer(), LvmLayer(), btrfs_layer())
    paths = disks_and_partitions(disks, tables, around.devices)
    carriers, layered = walk(paths, layers, around)
    exclusion.require_all_hit(tuple(d.kname for d in around.devices if d.kname not in disks.values()))
    layered = replace(layered, records=(*layered.records, *exclusion.omitted(around)),
                      taken=layered.taken | exclusion.hit.keys(),
                      explained=layered.explained | exclusion.explained(around))
    leaves = _leaves(carriers.paths, tables, layered)
    kept = choose([p for table in tables.values() for p in table.partitions], carriers.paths, leaves, raw,
                  lambda path: made_again(around.signature(path)), {ident: table.id for ident, table in tables.items()})
    leaves = tuple(ident for ident in leaves if ident not in {one.partition for one in kept})
    types = {p.id: p.type.lower() for table in tables.values() for p in table.partitions}
    filesystems, swaps, more = _contents(leaves, carriers.paths, around, types)
    return Storage(
        disks=tuple(describe_disk(by_name[name], ident, tables[ident]) for ident, name in disks.items()),
        partitions=tuple(p for table in tables.values() for p in table.partitions),
        pvs=_of(PhysicalVolume, layered), vgs=_of(VolumeGroup, layered), lvs=_of(LogicalVolume, layered),
        arrays=_of(MdArray, layered), cachesets=_of(CacheSet, layered), bcaches=_of(Bcache, layered),
        luks=_of(Luks, layered), btrfs=_of(Btrfs, layered),
        subvolumes=_of(Subvolume, layered), raws=_of(Raw, layered), omitted=_of(Omitted, layered),
        filesystems=filesystems, swaps=swaps, paths=carriers.paths, files=(*table_files(tables), *layered.files),
        notes=(*(f"disk {disks[ident]}: {note}" for ident, table in tables.items() for note in table.notes),
               *layered.notes),
        left_out=exclusion.devices(around), raw=kept,
        unsupported=(*table_problems(disks, tables, carriers.paths), *layered.unsupported, *more,
                     *_unexplained(disks, carriers.paths, layered, around.devices)))


def _of(kind: "type[R]", layered: Layered) -> Tuple[R, ...]:
    return tuple(record for record in layered.records if isinstance(record, kind))


def _leaves(paths: Mapping[str, str], tables: Mapping[str, Table],
            layered: Layered) -> Tuple[str, ...]:
    """Ids of what can hold a file system: carriers that no layer has taken, without tables and extended partitions."""
    boxes = {ident for ident, table in tables.items() if table.type is not TableType.NONE or table.problem}
    boxes |= {p.id for table in tables.values() for p in table.partitions if p.type in _EXTENDED_TYPES}
    return tuple(ident for ident in paths if ident not in boxes and ident not in layered.taken)


def _contents(
    leaves: Sequence[str], paths: Mapping[str, str], around: Surroundings, partitions: Mapping[str, str],
) -> Tuple[Tuple[FileSystem, ...], Tuple[Swap, ...], Tuple[str, ...]]:
    """What lies on the leaves; ``partitions`` maps ids to types, some of which boot loaders fill.

    Data that no tool knows is somebody's; but after a rebuild it is what the disk held before, where nothing was made.
    """
    filesystems: List[FileSystem] = []
    swaps: List[Swap] = []
    unsupported: List[str] = []
    for ident in leaves:
        path = paths[ident]
        if not look.exists(path):
            unsupported.append(Unrestorable(f"{path}: not active, so what is on it can't be seen",
                                            path[len("/dev/"):]))
            continue
        signature = around.signature(path)
        try:
            content = probe_content(path, ident, signature)
        except NotDescribed as error:
            unsupported.append(Unrestorable(f"{signature.type} on {path}: {error}", path.rpartition("/")[2]))
            continue
        if isinstance(content, FileSystem):
            filesystems.append(content)
        elif isinstance(content, Swap):
            swaps.append(content)
        elif signature.clash or signature.type:
            unsupported.append(foreign(signature, path))
        elif signature.table:
            unsupported.append(Unrestorable(f"partition table ({signature.table}) on {path}", path[len("/dev/"):]))
        elif not around.isolate and partitions.get(ident) not in NEVER and holds_data(path):
            name = path[len("/dev/"):]
            raw = f", or keep it sector by sector: --raw {name}" if ident in partitions else ""
            unsupported.append(Unrestorable(f"data that no tool knows on {path}{raw}", name))
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
    storage = with_saved_ids(storage, saved)
    fs_at: Dict[Ref, FileSystem] = {fs.device: fs for fs in saved.filesystems}
    swap_at: Dict[Ref, Swap] = {swap.device: swap for swap in saved.swaps if swap.path is None}
    luks_at: Dict[Ref, Luks] = {luks.device: luks for luks in saved.luks}
    tree_at: Dict[str, Btrfs] = {btrfs.uuid: btrfs for btrfs in saved.btrfs}
    ids = {found.id: tree_at[found.uuid].id for found in storage.btrfs if found.uuid in tree_at}
    inside = {(sub.btrfs, sub.path): sub for sub in saved.subvolumes}
    subvolumes = tuple(replace(sub, btrfs=Ref(ids.get(sub.btrfs, sub.btrfs))) for sub in storage.subvolumes)
    named = {sub.id: inside[sub.btrfs, sub.path].id for sub in subvolumes if (sub.btrfs, sub.path) in inside}
    return replace(
        storage, luks=tuple(_adopt_luks(luks, luks_at.get(luks.device)) for luks in storage.luks),
        btrfs=tuple(_adopt_tree(found, tree_at.get(found.uuid), named) for found in storage.btrfs),
        subvolumes=tuple(_adopt_subvolume(sub, inside.get((sub.btrfs, sub.path))) for sub in subvolumes),
        filesystems=tuple(_adopt(fs, fs_at.get(fs.device)) for fs in storage.filesystems),
        swaps=tuple(_adopt_swap(swap, swap_at.get(swap.device)) for swap in storage.swaps))


def _adopt_luks(found: Luks, saved: Optional[Luks]) -> Luks:
    """Name, options and key file are configuration; passphrase and header are the set's."""
    if saved is None:
        return found
    return replace(found, id=saved.id, name=saved.name, options=saved.options, key_file=saved.key_file,
                   passphrase=saved.passphrase, header=saved.header)


def _adopt_tree(found: Btrfs, saved: Optional[Btrfs], named: Mapping[str, str]) -> Btrfs:
    default = Ref(named.get(found.default, found.default)) if found.default is not None else None
    if saved is None:
        return replace(found, default=default)
    return replace(found, id=saved.id, default=default, mount=saved.mount, options=saved.options)


def _adopt_subvolume(found: Subvolume, saved: Optional[Subvolume]) -> Subvolume:
    if saved is None:
        return found
    return replace(found, id=saved.id, mount=saved.mount, options=saved.options, content=saved.content)


def _adopt_swap(found: Swap, saved: Optional[Swap]) -> Swap:
    return found if saved is None else replace(found, id=saved.id, options=saved.options)


def _adopt(found: FileSystem, saved: Optional[FileSystem]) -> FileSystem:
    if saved is None:
        return found
    return replace(found, id=saved.id, mount=saved.mount, options=saved.options, content=saved.content)
