"""The typed content of a System Information File set.

Every record is a frozen dataclass; each field is one key of the section named by ``KIND``. The field's
type and its :func:`key` metadata are the schema: the reader, the writer, the checks, ``sif diff`` and
``docs/sif-format.md`` are all driven by them. The classes are in :mod:`sif.records`. Source: docs/sif-format.md.

Units: a name ending in ``_bytes`` counts bytes, ``sectors``/``start_sector`` count the disk's logical
sectors, ``extents`` counts the volume group's extents.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any, Dict, Optional, Tuple, Type, Union

from sif.catalog.section import Catalog as Catalog
from sif.enums import (
    AccessControl as AccessControl,
    BcacheMode as BcacheMode,
    BcachePolicy as BcachePolicy,
    Bitmap as Bitmap,
    BtrfsProfile as BtrfsProfile,
    CacheMode as CacheMode,
    CatalogPolicy as CatalogPolicy,
    Compression as Compression,
    DiskRole as DiskRole,
    Firmware as Firmware,
    Fit as Fit,
    FsType as FsType,
    Grow as Grow,
    Intact as Intact,
    Loader as Loader,
    LvRole as LvRole,
    LvType as LvType,
    MachineId as MachineId,
    MdLevel as MdLevel,
    MdMetadata as MdMetadata,
    Mode as Mode,
    MountSource as MountSource,
    Need as Need,
    NetManager as NetManager,
    OmittedWhy as OmittedWhy,
    OneDisk as OneDisk,
    Overwrite as Overwrite,
    Phase as Phase,
    Progress as Progress,
    SecretSource as SecretSource,
    StoreKind as StoreKind,
    TableType as TableType,
    Then as Then,
)
from sif.foreign import Foreign as Foreign
from sif.keys import Form as Form, Ref as Ref, key as key
from sif.plain import dataclass, fields
from sif.records.bcache import Bcache as Bcache, CacheSet as CacheSet
from sif.records.disks import (
    Disk as Disk,
    Partition as Partition,
    Raw as Raw,
)
from sif.records.filesystems import (
    Btrfs as Btrfs,
    FileSystem as FileSystem,
    Mount as Mount,
    Omitted as Omitted,
    Subvolume as Subvolume,
    Swap as Swap,
)
from sif.records.machine import (
    Boot as Boot,
    Device as Device,
    EfiEntry as EfiEntry,
    System as System,
)
from sif.records.network import (
    Bond as Bond,
    Bridge as Bridge,
    Dns as Dns,
    Nic as Nic,
    Route as Route,
    Vlan as Vlan,
)
from sif.records.restore import (
    Command as Command,
    Driver as Driver,
    Include as Include,
    Policy as Policy,
    SecretsFile as SecretsFile,
    SetFile as SetFile,
    Store as Store,
    Version as Version,
)
from sif.records.volumes import (
    LogicalVolume as LogicalVolume,
    Luks as Luks,
    MdArray as MdArray,
    PhysicalVolume as PhysicalVolume,
    VolumeGroup as VolumeGroup,
)

Record = Union[
    Version, Include, System, Policy, Disk, Partition, Raw, MdArray, CacheSet, Bcache, Luks, PhysicalVolume,
    VolumeGroup, LogicalVolume, Btrfs, Subvolume, FileSystem, Swap, Mount, Omitted, Boot, EfiEntry, Nic, Bond, Vlan,
    Bridge, Route, Dns, Device, Driver, SetFile, Store, Command, Catalog, SecretsFile,
]

RECORDS: Tuple[Type[Any], ...] = (
    Version, Include, System, Policy, Disk, Partition, Raw, MdArray, CacheSet, Bcache, Luks, PhysicalVolume,
    VolumeGroup, LogicalVolume, Btrfs, Subvolume, FileSystem, Swap, Mount, Omitted, Boot, EfiEntry, Nic, Bond, Vlan,
    Bridge, Route, Dns, Device, Driver, SetFile, Store, Command, Catalog, SecretsFile,
)
"""Every known kind, in the canonical order of sections."""


@dataclass(frozen=True)
class SystemInformation:
    """The merged content of a whole set: every part's sections, in canonical order.

    ``foreign`` is what this version has no meaning for; it is no record, so that nothing acts on it.
    """

    version: Version
    system: System
    policy: Policy = Policy()
    boot: Optional[Boot] = None
    dns: Optional[Dns] = None
    secrets: Optional[SecretsFile] = None
    includes: Tuple[Include, ...] = ()
    disks: Tuple[Disk, ...] = ()
    partitions: Tuple[Partition, ...] = ()
    raws: Tuple[Raw, ...] = ()
    arrays: Tuple[MdArray, ...] = ()
    cachesets: Tuple[CacheSet, ...] = ()
    bcaches: Tuple[Bcache, ...] = ()
    luks: Tuple[Luks, ...] = ()
    pvs: Tuple[PhysicalVolume, ...] = ()
    vgs: Tuple[VolumeGroup, ...] = ()
    lvs: Tuple[LogicalVolume, ...] = ()
    btrfs: Tuple[Btrfs, ...] = ()
    subvolumes: Tuple[Subvolume, ...] = ()
    filesystems: Tuple[FileSystem, ...] = ()
    swaps: Tuple[Swap, ...] = ()
    mounts: Tuple[Mount, ...] = ()
    omitted: Tuple[Omitted, ...] = ()
    efi_entries: Tuple[EfiEntry, ...] = ()
    nics: Tuple[Nic, ...] = ()
    bonds: Tuple[Bond, ...] = ()
    vlans: Tuple[Vlan, ...] = ()
    bridges: Tuple[Bridge, ...] = ()
    routes: Tuple[Route, ...] = ()
    devices: Tuple[Device, ...] = ()
    drivers: Tuple[Driver, ...] = ()
    files: Tuple[SetFile, ...] = ()
    stores: Tuple[Store, ...] = ()
    commands: Tuple[Command, ...] = ()
    catalogs: Tuple[Catalog, ...] = ()
    foreign: Tuple[Foreign, ...] = ()

    def records(self) -> Tuple[Record, ...]:
        """Every record, in the canonical order of sections."""
        found: list[Record] = []
        for field in _CANONICAL_FIELDS:
            value = getattr(self, field)
            if value is None:
                continue
            found.extend(value if isinstance(value, tuple) else (value,))
        return tuple(found)

    def find(self, kind: str, ident: str) -> Optional[Record]:
        """The record of that kind and id, or None."""
        return self._index.get((kind, ident))

    @cached_property
    def _index(self) -> Dict[Tuple[str, str], Record]:
        """The first record of each kind and id: a check of thousands of references must not search for each."""
        return {(record.KIND, str(getattr(record, "id", ""))): record for record in reversed(self.records())}


_CANONICAL_FIELDS = (
    "version", "includes", "system", "policy", "disks", "partitions", "raws", "arrays", "cachesets", "bcaches",
    "luks", "pvs", "vgs", "lvs", "btrfs", "subvolumes", "filesystems", "swaps", "mounts", "omitted", "boot",
    "efi_entries", "nics", "bonds", "vlans", "bridges", "routes", "dns", "devices", "drivers", "files",
    "stores", "commands", "catalogs", "secrets",
)

FIELD_OF_KIND = dict(zip((r.KIND for r in RECORDS), _CANONICAL_FIELDS))
"""Section kind → attribute of :class:`SystemInformation`."""

assert {*_CANONICAL_FIELDS, "foreign"} == {f.name for f in fields(SystemInformation)}
