"""Swap files, and what is known of the machine but not made again: other mounts, things that were left out."""

from __future__ import annotations

import posixpath
from typing import Iterator, Tuple, Union

from sif.checks.common import bad, device, repeated
from sif.keys import MOUNTABLE
from sif.later import regex
from sif.model import Btrfs, FileSystem, Luks, PhysicalVolume, Subvolume, SystemInformation
from sif.problems import Problem

_PLAIN = regex(r"[^\x00-\x1f\x7f]+")
_WORD = regex(r"[!-~]+")
_TYPE = regex(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def check_swap_files(info: SystemInformation) -> Iterator[Problem]:
    """A swap file has a path on the file system that it names, and a length; a swap area has neither."""
    for swap in info.swaps:
        if swap.options is not None and not _WORD.fullmatch(swap.options):
            yield bad(swap, "options", "not options as in fstab", found=swap.options, wanted="no spaces")
        holder = device(info, swap.device, MOUNTABLE)
        if swap.path is None:
            if holder is not None:
                yield bad(swap, "device", f"{swap.device} can hold a swap file only", wanted="path and size_bytes")
            if swap.size_bytes is not None:
                yield bad(swap, "size_bytes", "a swap area is as long as its device")
            continue
        if not swap.path.startswith("/") or posixpath.normpath(swap.path) != swap.path or swap.path in ("/", "//"):
            yield bad(swap, "path", "not a plain absolute path", found=swap.path, wanted="/swapfile")
        if swap.size_bytes is None or swap.size_bytes < 10 * swap.page_bytes:
            yield bad(swap, "size_bytes", "not the length of a swap file", found=str(swap.size_bytes or "nothing"),
                      wanted=f"at least {10 * swap.page_bytes}")
        if not isinstance(holder, (FileSystem, Btrfs, Subvolume)):
            yield bad(swap, "device", f"{swap.device} holds no files", wanted="a file system")
        elif holder.mount is None or not (holder.mount == "/" or swap.path.startswith(holder.mount + "/")):
            yield bad(swap, "path", f"not below where {holder.id} is mounted", found=swap.path,
                      wanted=f"{holder.mount or 'a mount point'}/...")
    for later, earlier in repeated([(swap, swap.path) for swap in info.swaps]):
        yield bad(later, "path", f"the same file as {earlier.id}", found=later.path)


def check_other_mounts(info: SystemInformation) -> Iterator[Problem]:
    """Mounts from elsewhere: plain words, and no place that a file system of the set has."""
    mountable: Tuple[Union[FileSystem, Btrfs, Subvolume], ...] = (
        *info.filesystems, *info.btrfs, *info.subvolumes)
    own = {fs.mount: fs.id for fs in mountable if fs.mount is not None}
    for mount in info.mounts:
        if not mount.where.startswith("/") or posixpath.normpath(mount.where) != mount.where:
            yield bad(mount, "where", "not a plain absolute path", found=mount.where)
        elif mount.where in own:
            yield bad(mount, "where", f"{own[mount.where]} is mounted there too", found=mount.where)
        if not _PLAIN.fullmatch(mount.what):
            yield bad(mount, "what", "not a source as in fstab", found=mount.what)
        if not _TYPE.fullmatch(mount.type):
            yield bad(mount, "type", "not a file system type", found=mount.type)
        if mount.options is not None and not _WORD.fullmatch(mount.options):
            yield bad(mount, "options", "not mount options as in fstab", found=mount.options, wanted="no spaces")


def check_omitted(info: SystemInformation) -> Iterator[Problem]:
    """What was left out lies on something that holds nothing else."""
    holders: Tuple[Union[FileSystem, Luks, PhysicalVolume], ...] = (*info.filesystems, *info.luks, *info.pvs)
    held = {holder.device: holder for holder in holders}
    for omitted in info.omitted:
        if not _PLAIN.fullmatch(omitted.what):
            yield bad(omitted, "what", "not a description", found=omitted.what)
        other = held.get(omitted.device) if omitted.device is not None else None
        if other is not None:
            yield bad(omitted, "device", f"{omitted.device} holds [{other.KIND} {other.id}], which is not left out")
