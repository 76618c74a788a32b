"""blivet devices and formats that carry the SIF's identity: what they make is exactly what was saved.

blivet's device tree and action queue order and run the work; these classes do each step with the distribution's own
tool, check the effect, and report it. They derive from blivet's general classes and not from its ``DiskLabel``,
``PartitionDevice`` and LVM classes, because those commit the partition table again for every partition and cannot set
ids.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any, Dict, List, Sequence

from blivet.devices.disk import DiskDevice
from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.formats.fs import F2FS, FATFS, NTFS, XFS, Ext2FS, Ext3FS, Ext4FS
from blivet.formats.swap import SwapSpace
from blivet.size import Size

from rescue.multipath import show_partitions, start_of
from rescue.plan import DiskMatch
from rescue.planner import hidden
from rescue.planner.layout import is_extended
from rescue.storage import ext_options, lvm_areas, mkfs, raw, records, table
from rescue.storage.check import require, require_superblock
from rescue.storage.clearing import clear_disk, clear_rest, require_nothing_spared
from rescue.storage.groups import Group
from rescue.storage.isolation import require_ours
from rescue.storage.lvm_metadata import dm_name
from rescue.storage.signatures import clean_volume
from rescue.storage.site import Site
from sif.model import (
    FileSystem,
    FsType,
    LogicalVolume,
    LvRole,
    LvType,
    Partition,
    PhysicalVolume,
    Raw,
    Swap,
    TableType,
    VolumeGroup,
)
from sif.run import run

_TIMEOUT = 600.0


class _Exact:
    """What all exact formats share. A copy (blivet keeps one of each made format) shares the site."""

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return copy.copy(self)


class ExactDiskLabel(_Exact, DeviceFormat):  # type: ignore[misc]
    """The partition table: clears the disk and writes the whole table, with every id, in one commit."""

    _type = "exact disklabel"
    _name = "partition table"
    _formattable = True
    _supported = True

    def __init__(self, site: Site, match: DiskMatch) -> None:
        super().__init__()
        self.site, self.match = site, match

    def _create(self, **_kwargs: Any) -> None:
        site, path = self.site, self.match.path
        disk = site.disk(self.match)
        parts = site.layout.partitions_on(disk.id)
        if site.kept(f"table:{disk.id}"):
            show_partitions(path)
            clear_rest(site, self.match)
            return
        with site.unlocked(), site.holds.writing(path):
            clear_disk(site, self.match)
            require_nothing_spared(site, self.match)
            with site.step(f"table:{disk.id}"):
                # What is kept sector by sector may be there already: only the other partitions are wiped.
                kept = {raw.device for raw in site.saved.raws}
                run(("sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "never" if kept else "always", path),
                    timeout=_TIMEOUT, input=table.script(disk, parts, path))
                records.put(disk, parts, path)
                show_partitions(path)
                for part in (part for part in parts if kept and part.id not in kept and not is_extended(part)):
                    run(("wipefs", "--all", "--force", table.node(path, part.number)), timeout=_TIMEOUT)
                require("partition table", path, table.differences(
                    disk, parts, path, run(("sfdisk", "-J", path), timeout=_TIMEOUT).stdout))
            site.mark(self.match)  # again: sfdisk clears the first sector's boot code


class ExactPartition(StorageDevice):  # type: ignore[misc]
    """A partition of the table that was written whole: creation only verifies what the kernel sees."""

    _type = "exact partition"

    def __init__(self, site: Site, part: Partition, parents: Sequence[Any], fmt: Any) -> None:
        self.site, self.part = site, part
        node = site.device(part.id)
        self._dev_dir = str(Path(node).parent)
        self._sector = site.saved.find("DISK", part.disk).logical_sector  # type: ignore[union-attr]
        super().__init__(Path(node).name, parents=list(parents), fmt=fmt,
                         size=Size(part.sectors * self._sector))

    def _create(self) -> None:
        if self.site.kept(f"partition:{self.part.id}"):
            return
        with self.site.step(f"partition:{self.part.id}"):
            wanted = {"start": self.part.start_sector * self._sector // 512,
                      "size": self.part.sectors * self._sector // 512}
            if is_extended(self.part):
                del wanted["size"]  # the kernel shows the container of logical partitions as two sectors
            found = start_of(self.name)
            require(f"partition {self.part.id}", self.path, tuple(
                f"{name} is {found.get(name)}, not {value} (in 512 bytes)" for name, value in wanted.items()
                if found.get(name) != value))

    def _post_create(self) -> None:
        self.exists = True


class ExactPV(_Exact, DeviceFormat):  # type: ignore[misc]
    """A physical volume with the saved uuid and extent layout, taken from the group's metadata."""

    _type = "exact pv"
    _name = "physical volume"
    _formattable = True
    _supported = True

    def __init__(self, site: Site, pv: PhysicalVolume, metadata: Path) -> None:
        super().__init__()
        self.site, self.pv, self.metadata = site, pv, metadata

    def _create(self, **_kwargs: Any) -> None:
        if self.site.kept(f"pv:{self.pv.id}"):
            return
        with self.site.step(f"pv:{self.pv.id}"):
            require_ours(self.site, self.device)
            clean_volume(self.device)
            run(("pvcreate", "--devices", ",".join(self.site.pv_devices()), "--quiet", "--yes", "--force", "--uuid",
                 self.pv.uuid, "--restorefile", str(self.metadata), self.device), timeout=_TIMEOUT)
            require_superblock(self.device, {"TYPE": "LVM2_member", "UUID": self.pv.uuid})


class ExactVG(StorageDevice):  # type: ignore[misc]
    """A volume group restored from its metadata: every extent of every volume where it was."""

    _type = "exact vg"
    _dev_dir = "/dev"
    _unsynchronized_methods = ["_prepare_hidden", "_volumes"]

    def __init__(self, site: Site, vg: VolumeGroup, parents: Sequence[Any], metadata: Path) -> None:
        self.site, self.vg, self.metadata, self.group = site, vg, metadata, Group(site, vg)
        super().__init__(vg.name, parents=list(parents), size=Size(0))

    @property
    def status(self) -> bool:
        """A group has no node of its own; it is there as soon as it is restored."""
        return bool(self.exists)

    def update_sysfs_path(self) -> None:
        """A group has no place in sysfs."""

    def _create(self) -> None:
        if self.site.kept(f"vg:{self.vg.id}"):
            return
        with self.site.step(f"vg:{self.vg.id}"):
            self._prepare_hidden()
            self.group.restore(self.metadata)

    def _volumes(self) -> List[LogicalVolume]:
        return [lv for lv in self.site.saved.lvs if lv.vg == self.vg.id]

    def _prepare_hidden(self) -> None:
        """Make what the group's hidden volumes will find on the disks: zeros, and thin pools without a block."""
        site, vg = self.site, self.vg
        volumes = self._volumes()
        pvs = {pv.id: pv for pv in site.saved.pvs if pv.id in vg.pvs}
        nodes = {pv.id: site.device(pv.device) for pv in pvs.values()}
        for volume in volumes:
            for area in lvm_areas.flat(lvm_areas.areas(vg, volume, pvs, nodes)):
                lvm_areas.hide(area)
        for volume in hidden.stale(volumes):
            for area in lvm_areas.flat(lvm_areas.areas(vg, volume, pvs, nodes)):
                lvm_areas.zero(area)
        for pool in (lv for lv in volumes if lv.type is LvType.THIN_POOL and lv.role is LvRole.VOLUME):
            number = lvm_areas.transaction_id(self.metadata.read_text("utf-8"), pool.name)
            thin = [lv for lv in volumes if lv.pool == pool.id and lv.type is LvType.THIN]
            xml = lvm_areas.thin_xml(pool, thin, vg.pe_bytes, number)
            for one in hidden.copies(hidden.metadata_of(pool, volumes), volumes):
                lvm_areas.write_thin_metadata(one, lvm_areas.areas(vg, one, pvs, nodes), xml, site.work_dir)

    def _post_create(self) -> None:
        self.exists = True


class ExactLV(StorageDevice):  # type: ignore[misc]
    """A logical volume that came with its group's metadata: creation activates it and verifies it."""

    _type = "exact lv"
    _dev_dir = "/dev/mapper"

    def __init__(self, site: Site, lv: LogicalVolume, group: ExactVG, fmt: Any) -> None:
        self.site, self.lv, self.vg, self.group = site, lv, group.vg, group.group
        super().__init__(dm_name(group.vg.name, lv.name), parents=[group], fmt=fmt,
                         size=Size(lv.extents * group.vg.pe_bytes))

    def _create(self) -> None:
        with self.site.step_or_kept(f"lv:{self.lv.id}"):
            wanted = {"lv_uuid": self.lv.uuid, "lv_size": str(self.lv.extents * self.vg.pe_bytes)}
            # A cache pool in reserve has no device before it caches something, and LVM leaves a thin snapshot alone.
            if self.lv.type is not LvType.CACHE_POOL and self.lv.active:
                wanted["lv_active"] = "active"
            if self.lv.type is LvType.CACHE:
                wanted["cache_dirty_blocks"] = "0"  # else it was not made anew, and holds what the old disk had
            row = self.group.volume(self.lv)
            require(f"logical volume {self.lv.name}", self.path, tuple(
                f"{name} is {row[name]}, not {value}" for name, value in wanted.items() if row[name] != value))

    def _post_create(self) -> None:
        self.exists = True


class _ExactFS(_Exact):
    """Makes the file system with every saved option, and checks its superblock."""

    site: Site
    fs: FileSystem
    device: str

    def _create(self, **_kwargs: Any) -> None:
        if self.site.kept(f"fs:{self.fs.id}"):
            return
        with self.site.step(f"fs:{self.fs.id}"):
            require_ours(self.site, self.device)
            clean_volume(self.device)
            run(mkfs.command(self.fs, self.device), timeout=_TIMEOUT)
            if self.fs.type in mkfs.EXT:
                self._finish_ext()
            if self.fs.type is FsType.NTFS:
                run(("ntfslabel", f"--new-serial={self.fs.uuid}", self.device), timeout=_TIMEOUT)
            require_superblock(self.device, {"TYPE": self.fs.type.value, "UUID": self.fs.uuid,
                                             "LABEL": self.fs.label or ""})

    def _finish_ext(self) -> None:
        """Set what mke2fs does not, and check the geometry that is listed then."""
        shown = run(("tune2fs", *ext_options.tune2fs_arguments(self.fs), "-l", self.device), timeout=_TIMEOUT).stdout
        require(f"file system {self.fs.id}", self.device, mkfs.ext_differences(self.fs, shown))


class ExactExt2(_ExactFS, Ext2FS):  # type: ignore[misc]
    """ext2 as it was made."""


class ExactExt3(_ExactFS, Ext3FS):  # type: ignore[misc]
    """ext3 as it was made."""


class ExactExt4(_ExactFS, Ext4FS):  # type: ignore[misc]
    """ext4 as it was made."""


class ExactXFS(_ExactFS, XFS):  # type: ignore[misc]
    """XFS as it was made."""


class ExactVFAT(_ExactFS, FATFS):  # type: ignore[misc]
    """FAT as it was made."""


class ExactNTFS(_ExactFS, NTFS):  # type: ignore[misc]
    """NTFS as it was made."""


class ExactF2FS(_ExactFS, F2FS):  # type: ignore[misc]
    """F2FS as it was made."""


_CLASSES = {FsType.EXT2: ExactExt2, FsType.EXT3: ExactExt3, FsType.EXT4: ExactExt4, FsType.XFS: ExactXFS,
            FsType.VFAT: ExactVFAT, FsType.NTFS: ExactNTFS, FsType.F2FS: ExactF2FS}


class ExactRaw(_Exact, DeviceFormat):  # type: ignore[misc]
    """The content of a partition that is kept sector by sector: left if it is there, else written from its image."""

    _type = "exact raw"
    _name = "saved sectors"
    _formattable = True
    _supported = True

    def __init__(self, site: Site, saved: Raw) -> None:
        super().__init__()
        self.site, self.saved = site, saved

    def _create(self, **_kwargs: Any) -> None:
        if self.site.kept(f"raw:{self.saved.id}"):
            return
        with self.site.step(f"raw:{self.saved.id}"):
            require_ours(self.site, self.device)
            raw.put_back(self.saved, self.device, self.site.images.get(self.saved.id))


class ExactSwap(_Exact, SwapSpace):  # type: ignore[misc]
    """A swap area with the saved uuid and label."""

    def __init__(self, site: Site, swap: Swap) -> None:
        super().__init__()
        self.site, self.swap = site, swap

    def _create(self, **_kwargs: Any) -> None:
        if self.site.kept(f"swap:{self.swap.id}"):
            return
        with self.site.step(f"swap:{self.swap.id}"):
            require_ours(self.site, self.device)
            clean_volume(self.device)
            label = ("--label", self.swap.label) if self.swap.label else ()
            run(("mkswap", "--force", "--pagesize", str(self.swap.page_bytes), "--uuid", self.swap.uuid, *label,
                 self.device), timeout=_TIMEOUT)
            require_superblock(self.device, {"TYPE": "swap", "UUID": self.swap.uuid, "LABEL": self.swap.label or ""})


def file_system(site: Site, fs: FileSystem) -> Any:
    """The blivet format that makes the saved file system."""
    made = _CLASSES[fs.type]()
    made.site, made.fs = site, fs
    return made


def disk_device(site: Site, match: DiskMatch) -> Any:
    """The blivet device of a target disk, without scanning anything."""
    return DiskDevice(match.name, fmt=None, size=Size(match.fingerprint.size_bytes), exists=True,
                      sysfs_path=os.path.realpath(f"/sys/class/block/{match.name}"))


def has_table(site: Site, match: DiskMatch) -> bool:
    """Whether the saved disk carries a partition table."""
    return site.disk(match).table is not TableType.NONE
