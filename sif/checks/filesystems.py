"""File systems and swap: what lies on what, ids, sizes, mount points."""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, Tuple, Union

from sif.checks.common import GUID, bad, device, is_power_of_two, repeated, size_of
from sif.fs_parameters import is_number, parameters_of
from sif.keys import CARRIERS, MOUNTABLE
from sif.later import regex
from sif.model import (
    Bcache,
    Btrfs,
    CacheSet,
    Disk,
    DiskRole,
    FileSystem,
    FsType,
    Luks,
    MdArray,
    PhysicalVolume,
    Raw,
    Subvolume,
    Swap,
    SystemInformation,
    TableType,
)
from sif.problems import Problem

NTFS_SERIAL = regex(r"[0-9A-F]{16}")
FAT_SERIAL = regex(r"[0-9A-F]{4}-[0-9A-F]{4}")
UUIDS = {FsType.VFAT: (FAT_SERIAL, "XXXX-XXXX, hexadecimal in upper case"),
         FsType.NTFS: (NTFS_SERIAL, "16 hexadecimal digits in upper case")}
LABEL_BYTES = {FsType.EXT2: 16, FsType.EXT3: 16, FsType.EXT4: 16, FsType.XFS: 12, FsType.VFAT: 11,
               FsType.NTFS: 256, FsType.F2FS: 1024}
FEATURE = regex(r"[A-Za-z0-9_-]+(?:=[A-Za-z0-9.]+)?|FEATURE_[CIR][0-9]+")
OPTIONS = regex(r"[!-~]+")
COPY_OF = "copy-of:"

Holder = Union[PhysicalVolume, FileSystem, Swap, Luks, MdArray, Btrfs, Raw, CacheSet, Bcache]


def check_holders(info: SystemInformation) -> Iterator[Problem]:
    """One thing on each device, and nothing directly on a disk that has a table or is not rebuilt."""
    taken: Dict[str, Holder] = {}
    for holder, key, ident in _held(info):
        below = device(info, ident, CARRIERS)
        if isinstance(below, Disk) and (below.table is not TableType.NONE or below.role is not DiskRole.CRITICAL):
            yield bad(holder, key, f"{below.id} cannot hold this directly",
                      found=f"role {below.role.value}, table {below.table.value}",
                      wanted="a critical disk without a table")
        if ident in taken:
            other = taken[ident]
            yield bad(holder, key, f"{ident} already holds [{other.KIND} {other.id}]")
        taken[ident] = holder


def _held(info: SystemInformation) -> Iterator[Tuple[Holder, str, str]]:
    """What lies on something: (record, key, id of what it lies on)."""
    plain: Tuple[Union[PhysicalVolume, Luks, FileSystem, Raw, CacheSet, Bcache], ...] = (
        *info.pvs, *info.luks, *info.filesystems, *info.raws, *info.cachesets, *info.bcaches)
    for holder in plain:
        yield holder, "device", holder.device
    for swap in info.swaps:
        if swap.path is None:
            yield swap, "device", swap.device
    for array in info.arrays:
        for member in array.members:
            yield array, "members", member
        for spare in array.spares:
            yield array, "spares", spare
        if array.journal is not None:
            yield array, "journal", array.journal
    for btrfs in info.btrfs:
        for member in btrfs.devices:
            yield btrfs, "devices", member


def check_filesystems(info: SystemInformation) -> Iterator[Problem]:
    """Ids, labels and sizes; everything that ends up in the argument list of a mkfs."""
    for fs in info.filesystems:
        yield from _check_identity(fs)
        yield from _check_parameters(fs)
        yield from _check_geometry(info, fs)
        yield from _check_content(info, fs)
    for swap in info.swaps:
        if len((swap.label or "").encode("utf-8")) > 15:
            yield bad(swap, "label", "the label is too long for swap", wanted="at most 15 bytes")
        if not is_power_of_two(swap.page_bytes) or not 4096 <= swap.page_bytes <= 65536:
            yield bad(swap, "page_bytes", "not a page size", found=str(swap.page_bytes), wanted="4096 to 65536")
    formats: Tuple[Union[FileSystem, Swap], ...] = (*info.filesystems, *info.swaps)
    for later, earlier in repeated([(item, item.uuid) for item in formats]):
        yield bad(later, "uuid", f"the same UUID as [{earlier.KIND} {earlier.id}]", found=later.uuid)


def _check_identity(fs: FileSystem) -> Iterator[Problem]:
    pattern, wanted = UUIDS.get(fs.type, (GUID, "a UUID in lower case"))
    if not pattern.fullmatch(fs.uuid):
        yield bad(fs, "uuid", f"not a UUID of {fs.type.value}", found=fs.uuid, wanted=wanted)
    if len((fs.label or "").encode("utf-8")) > LABEL_BYTES[fs.type]:
        yield bad(fs, "label", f"the label is too long for {fs.type.value}", found=fs.label,
                  wanted=f"at most {LABEL_BYTES[fs.type]} bytes")
    if (fs.label or "").startswith("-"):
        yield bad(fs, "label", "a label that programs would take for an option", found=fs.label)
    for feature in fs.features:
        number = fs.type is not FsType.XFS or is_number(feature.partition("=")[2])
        if not number or not FEATURE.fullmatch(feature):
            yield bad(fs, "features", "not a feature's name", found=feature,
                      wanted="name or name=value; of xfs name=number")


def _check_parameters(fs: FileSystem) -> Iterator[Problem]:
    """Everything here may end up in an option of a mkfs, or be reckoned with."""
    known = parameters_of(fs.type)
    for parameter in fs.parameters:
        name, equals, value = parameter.partition("=")
        if not equals or name not in known:
            yield bad(fs, "parameters", f"not a parameter of {fs.type.value}", found=parameter,
                      wanted="name=value with one of " + ", ".join(known) if known else "none")
        elif not known[name].fits(value):
            yield bad(fs, "parameters", f"not a value of {name}", found=value, wanted=known[name].wanted)
    for later, _ in repeated([(parameter, parameter.partition("=")[0]) for parameter in fs.parameters]):
        yield bad(fs, "parameters", "the same parameter twice", found=later)


def _check_geometry(info: SystemInformation, fs: FileSystem) -> Iterator[Problem]:
    for key, low, high in (("block_size", 512, 65536 * 4), ("sector_size", 512, 65536), ("inode_size", 128, 65536)):
        value = getattr(fs, key)
        if value is not None and (not is_power_of_two(value) or not low <= value <= high):
            yield bad(fs, key, f"not a {key.replace('_', ' ')}", found=str(value),
                      wanted=f"a power of two from {low} to {high}")
    size = size_of(info, device(info, fs.device, CARRIERS))
    needed = (fs.blocks or 0) * (fs.block_size or 0)
    if size is not None and needed > size:
        yield bad(fs, "blocks", f"the file system is larger than {fs.device}", found=f"{needed} bytes",
                  wanted=f"at most {size} bytes")
    if fs.fat_bits is not None and (fs.type is not FsType.VFAT or fs.fat_bits not in (12, 16, 32)):
        yield bad(fs, "fat_bits", "not a FAT width", found=str(fs.fat_bits), wanted="12, 16 or 32, for vfat only")


def _check_content(info: SystemInformation, fs: FileSystem) -> Iterator[Problem]:
    if fs.content in ("restore", "none"):
        return
    source = info.find("FS", fs.content[len(COPY_OF):]) if fs.content.startswith(COPY_OF) else None
    if not isinstance(source, FileSystem):
        yield bad(fs, "content", "not a kind of content", found=fs.content, wanted="restore, none or copy-of:FS")
    elif source.content != "restore":
        yield bad(fs, "content", f"{source.id} is itself not restored", found=source.content,
                  wanted="a copy of a file system that is restored")


def check_mounts(info: SystemInformation) -> Iterator[Problem]:
    """Mount points are absolute, plain, and used once; the machine's own file systems are where they must be."""
    mounted: Tuple[Union[FileSystem, Btrfs, Subvolume], ...] = (*info.filesystems, *info.btrfs, *info.subvolumes)
    for fs in mounted:
        if fs.mount is None:
            continue
        if not fs.mount.startswith("/") or posixpath.normpath(fs.mount) != fs.mount or fs.mount.startswith("//"):
            yield bad(fs, "mount", "not a plain absolute path", found=fs.mount, wanted="/, /srv, /boot/efi, ...")
        if fs.options is not None and not OPTIONS.fullmatch(fs.options):
            yield bad(fs, "options", "not mount options as in fstab", found=fs.options, wanted="no spaces")
    for later, earlier in repeated([(fs, fs.mount) for fs in mounted]):
        if later.mount == earlier.mount:
            yield bad(later, "mount", f"{earlier.id} is mounted there too", found=later.mount)
    root = device(info, info.system.root_fs, MOUNTABLE)
    if isinstance(root, (FileSystem, Btrfs, Subvolume)) and root.mount != "/":
        yield bad(info.system, "root_fs", f"{root.id} is not mounted at /", found=root.mount or "no mount point")
