"""blivet devices and formats that carry the SIF's identity: what they make is exactly what was saved.

blivet's device tree and action queue order and run the work; these classes do each step through libblockdev
(or the distribution's tool where libblockdev has no call), check the effect, and report it. They derive from
blivet's general classes and not from its ``DiskLabel``, ``PartitionDevice`` and LVM classes, because those
commit the partition table again for every partition and cannot set ids.
"""

from __future__ import annotations

import copy
import json
import os
import re
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import blivet
from blivet.deviceaction import ActionCreateFormat
from blivet.devicelibs.lvm import lvm_devices_add
from blivet.devices.disk import DiskDevice
from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.formats.fs import FATFS, XFS, Ext2FS, Ext3FS, Ext4FS
from blivet.formats.swap import SwapSpace
from blivet.size import Size
from gi.repository import BlockDev

from rescue.plan import DiskMatch
from rescue.planner.layout import is_extended
from rescue.storage import disks, ext_options, mkfs, raw, table
from rescue.storage.errors import RebuildFailed
from rescue.storage.lvm_metadata import dm_name
from rescue.storage.site import Site
from sif.model import FileSystem, FsType, LogicalVolume, Partition, PhysicalVolume, Raw, Swap, TableType, VolumeGroup
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
        with disks.locked(path):
            clear_disk(site, self.match)
            with site.step(f"table:{disk.id}"):
                # What is kept sector by sector may be there already: only the other partitions are wiped.
                kept = {raw.device for raw in site.saved.raws}
                run(("sfdisk", "--quiet", "--wipe", "always", "--wipe-partitions", "never" if kept else "always", path),
                    timeout=_TIMEOUT, input=table.script(disk, parts, path))
                for part in (part for part in parts if kept and part.id not in kept and not is_extended(part)):
                    run(("wipefs", "--all", "--force", table.node(path, part.number)), timeout=_TIMEOUT)
                require("partition table", path, table.differences(
                    disk, parts, path, run(("sfdisk", "-J", path), timeout=_TIMEOUT).stdout))
        disks.settle()


def clear_disk(site: Site, match: DiskMatch) -> None:
    """Erase what the (locked) disk holds, after a last look that it is the planned one and that nobody uses it."""
    with site.step(f"wipe:{match.saved}"):
        disks.require_unchanged(match)
        disks.require_unused(match.path)
        disks.clear(match.path, raw.stretches(site.saved, match.saved))


class ExactPartition(StorageDevice):  # type: ignore[misc]
    """A partition of the table that was written whole: creation only verifies what the kernel sees."""

    _type = "exact partition"

    def __init__(self, site: Site, part: Partition, parents: Sequence[Any], fmt: Any) -> None:
        self.site, self.part = site, part
        self._sector = site.saved.find("DISK", part.disk).logical_sector  # type: ignore[union-attr]
        super().__init__(Path(site.device(part.id)).name, parents=list(parents), fmt=fmt,
                         size=Size(part.sectors * self._sector))

    def _create(self) -> None:
        with self.site.step(f"partition:{self.part.id}"):
            folder = Path("/sys/class/block", self.name)
            wanted = {"start": self.part.start_sector * self._sector // 512,
                      "size": self.part.sectors * self._sector // 512}
            if is_extended(self.part):
                del wanted["size"]  # the kernel shows the container of logical partitions as two sectors
            found = {name: int((folder / name).read_text("ascii")) for name in wanted if (folder / name).exists()}
            require(f"partition {self.part.id}", self.path, tuple(
                f"{name} is {found.get(name)}, not {value} (in 512 bytes)" for name, value in wanted.items()
                if found.get(name) != value))

    def _post_create(self) -> None:
        self.exists = True
        self.update_sysfs_path()


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
        with self.site.step(f"pv:{self.pv.id}"):
            BlockDev.fs.clean(self.device, force=True)
            BlockDev.lvm.pvcreate(self.device, 0, 0, extra={
                "--uuid": self.pv.uuid, "--restorefile": str(self.metadata), "--yes": "", "--force": ""})
            require_superblock(self.device, {"TYPE": "LVM2_member", "UUID": self.pv.uuid})


class ExactVG(StorageDevice):  # type: ignore[misc]
    """A volume group restored from its metadata: every extent of every volume where it was."""

    _type = "exact vg"
    _dev_dir = "/dev"

    def __init__(self, site: Site, vg: VolumeGroup, parents: Sequence[Any], metadata: Path) -> None:
        self.site, self.vg, self.metadata = site, vg, metadata
        super().__init__(vg.name, parents=list(parents), size=Size(0))

    @property
    def status(self) -> bool:
        """A group has no node of its own; it is there as soon as it is restored."""
        return bool(self.exists)

    def update_sysfs_path(self) -> None:
        """A group has no place in sysfs."""

    def _create(self) -> None:
        with self.site.step(f"vg:{self.vg.id}"):
            only = lvm_devices(self.site)
            run(("vgcfgrestore", *only, "--yes", "--file", str(self.metadata), self.vg.name), timeout=_TIMEOUT)
            self._verify(only)

    def _verify(self, only: Tuple[str, ...]) -> None:
        (group,) = lvm_report("vg", ("vgs", *only, "-o", "vg_uuid,vg_extent_size", self.vg.name))
        found = [f"{name} is {got}, not {wanted}" for name, got, wanted in (
            ("uuid", group["vg_uuid"], self.vg.uuid),
            ("extent size", int(group["vg_extent_size"]), self.vg.pe_bytes)) if got != wanted]
        there = {row["pv_uuid"]: row for row in lvm_report(
            "pv", ("pvs", *only, "-o", "pv_uuid,pe_start,pv_pe_count", "-S", f"vg_uuid={self.vg.uuid}"))}
        for pv in (pv for pv in self.site.saved.pvs if pv.id in self.vg.pvs):
            row = there.get(pv.uuid)
            got = (int(row["pe_start"]), int(row["pv_pe_count"])) if row else None
            if got != (pv.pe_start_bytes, pv.extents):
                found.append(f"{pv.id} (start, extents) is {got}, not {(pv.pe_start_bytes, pv.extents)}")
        require(f"volume group {self.vg.name}", ", ".join(self.site.pv_devices()), tuple(found))

    def _post_create(self) -> None:
        self.exists = True


class ExactLV(StorageDevice):  # type: ignore[misc]
    """A logical volume that came with its group's metadata: creation activates it and verifies it."""

    _type = "exact lv"
    _dev_dir = "/dev/mapper"

    def __init__(self, site: Site, lv: LogicalVolume, group: ExactVG, fmt: Any) -> None:
        self.site, self.lv, self.group = site, lv, group.vg
        super().__init__(dm_name(group.vg.name, lv.name), parents=[group], fmt=fmt,
                         size=Size(lv.extents * group.vg.pe_bytes))

    def _create(self) -> None:
        with self.site.step(f"lv:{self.lv.id}"):
            BlockDev.lvm.lvactivate(self.group.name, self.lv.name, True, False, None)
            (row,) = lvm_report("lv", ("lvs", *lvm_devices(self.site), "-o", "lv_uuid,lv_size,lv_active",
                                       f"{self.group.name}/{self.lv.name}"))
            wanted = {"lv_uuid": self.lv.uuid, "lv_size": str(self.lv.extents * self.group.pe_bytes),
                      "lv_active": "active"}
            require(f"logical volume {self.lv.name}", self.path, tuple(
                f"{name} is {row[name]}, not {value}" for name, value in wanted.items() if row[name] != value))
            disks.settle()

    def _post_create(self) -> None:
        self.exists = True
        self.update_sysfs_path()


class _ExactFS(_Exact):
    """Makes the file system through libblockdev with every saved option, and checks its superblock."""

    site: Site
    fs: FileSystem
    device: str

    def _create(self, **_kwargs: Any) -> None:
        with self.site.step(f"fs:{self.fs.id}"):
            BlockDev.fs.clean(self.device, force=True)
            options = BlockDev.FSMkfsOptions(None, None, False, False)
            BlockDev.fs.mkfs(self.device, self.fs.type.value, options, extra=mkfs.extra_arguments(self.fs))
            if self.fs.type in mkfs.EXT:
                self._finish_ext()
            require_superblock(self.device, {"TYPE": self.fs.type.value, "UUID": self.fs.uuid,
                                             "LABEL": self.fs.label or ""})

    def _finish_ext(self) -> None:
        """Set what mke2fs does not, and check the geometry."""
        options = ext_options.tune2fs_arguments(self.fs)
        if options:
            run(("tune2fs", *options, self.device), timeout=_TIMEOUT)
        shown = run(("dumpe2fs", "-h", self.device), timeout=_TIMEOUT).stdout
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


_CLASSES = {FsType.EXT2: ExactExt2, FsType.EXT3: ExactExt3, FsType.EXT4: ExactExt4, FsType.XFS: ExactXFS,
            FsType.VFAT: ExactVFAT}


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
        with self.site.step(f"raw:{self.saved.id}"):
            raw.put_back(self.saved, self.device, self.site.images.get(self.saved.id))


class ExactSwap(_Exact, SwapSpace):  # type: ignore[misc]
    """A swap area with the saved uuid and label."""

    def __init__(self, site: Site, swap: Swap) -> None:
        super().__init__()
        self.site, self.swap = site, swap

    def _create(self, **_kwargs: Any) -> None:
        with self.site.step(f"swap:{self.swap.id}"):
            BlockDev.fs.clean(self.device, force=True)
            BlockDev.swap.mkswap(self.device, self.swap.label, self.swap.uuid,
                                 extra={"-p": str(self.swap.page_bytes)})
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


def empty_tree(site: Site) -> Any:
    """A blivet without any device, and LVM confined to the plan's physical volumes."""
    tree = blivet.Blivet()  # forgets the devices that LVM may see, so they come after it
    for path in site.pv_devices():
        lvm_devices_add(path)
    return tree


def format_disk(tree: Any, disk: Any, fmt: Any) -> None:
    """Schedule a format for a whole disk.

    Not by blivet's ``format_device``: that schedules a destroy action too, which would wipe the disk before the
    last look at it.
    """
    tree.devicetree.actions.add(ActionCreateFormat(disk, fmt))


def has_table(site: Site, match: DiskMatch) -> bool:
    """Whether the saved disk carries a partition table."""
    return site.disk(match).table is not TableType.NONE


# Reading back

def lvm_devices(site: Site) -> Tuple[str, ...]:
    """The option that confines an LVM command to the plan's physical volumes."""
    return ("--devices", ",".join(site.pv_devices()))


def lvm_report(kind: str, argv: Sequence[str]) -> List[Dict[str, str]]:
    """The rows of an LVM report, sizes in bytes."""
    shown = run((*argv, "--reportformat", "json", "--units", "b", "--nosuffix"), timeout=_TIMEOUT).stdout
    return [row for report in json.loads(shown)["report"] for row in report.get(kind, [])]


def require_superblock(path: str, wanted: Dict[str, str]) -> None:
    """Raise :class:`RebuildFailed` unless the device itself (not udev's memory of it) says what it should."""
    shown = run(("blkid", "-p", "-o", "export", path), timeout=_TIMEOUT, ok=(0, 2)).stdout
    # The export format escapes shell characters with a backslash.
    found = {name: re.sub(r"\\(.)", r"\1", value)
             for name, _, value in (line.partition("=") for line in shown.splitlines())}
    require("superblock", path, tuple(
        f"{name} is {found.get(name, '')!r}, not {value!r}" for name, value in wanted.items()
        if found.get(name, "").lower() != value.lower()))


def require(what: str, where: str, differences: Tuple[str, ...]) -> None:
    """Raise :class:`RebuildFailed` with the differences, if there are any."""
    if differences:
        raise RebuildFailed(f"the {what} did not come out as saved", where=where, found="; ".join(differences),
                            wanted="what the SIF says", hint="keep the logs and report this; the disk is incomplete")
