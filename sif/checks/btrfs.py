"""btrfs: what mkfs.btrfs and btrfs subvolume can make."""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, List, Optional, Tuple, Union

from sif.checks.common import GUID, bad, device, is_power_of_two, repeated, size_of
from sif.keys import CARRIERS
from sif.later import regex
from sif.model import Btrfs, BtrfsProfile, FileSystem, Subvolume, SystemInformation
from sif.problems import Problem

CHECKSUMS = ("crc32c", "xxhash", "sha256", "blake2")
FEATURE = regex(r"[a-z0-9][a-z0-9-]*")
QGROUP = regex(r"(?:0/(?P<path>.*)|[1-9][0-9]{0,4}/[0-9]{1,15}):(?:none|[0-9]{1,19}):(?:none|[0-9]{1,19})")

LEAST_DEVICES = {BtrfsProfile.RAID0: 1, BtrfsProfile.RAID1: 2, BtrfsProfile.RAID1C3: 3, BtrfsProfile.RAID1C4: 4,
                 BtrfsProfile.RAID5: 2, BtrfsProfile.RAID6: 3, BtrfsProfile.RAID10: 2}
"""Profile → devices it needs; one where none is named."""

_LABEL_BYTES, _NAME_BYTES, _PATH_BYTES = 255, 255, 4095
_LEAST_BYTES = 16 << 20


def check_btrfs(info: SystemInformation) -> Iterator[Problem]:
    """Identity, geometry, profiles and limits of every btrfs."""
    for btrfs in info.btrfs:
        yield from _check_identity(btrfs)
        yield from _check_devices(info, btrfs)
        yield from _check_inside(info, btrfs)
    made: List[Tuple[Union[FileSystem, Btrfs], Optional[str]]] = [(fs, fs.uuid) for fs in info.filesystems]
    made += [(btrfs, btrfs.uuid) for btrfs in info.btrfs]
    for later, earlier in repeated(made):
        if isinstance(later, Btrfs):
            yield bad(later, "uuid", f"the same UUID as [{earlier.KIND} {earlier.id}]", found=later.uuid)


def _check_identity(btrfs: Btrfs) -> Iterator[Problem]:
    if not GUID.fullmatch(btrfs.uuid):
        yield bad(btrfs, "uuid", "not a UUID of btrfs", found=btrfs.uuid, wanted="a UUID in lower case")
    label = btrfs.label or ""
    if len(label.encode("utf-8")) > _LABEL_BYTES or label.startswith("-"):
        yield bad(btrfs, "label", "not a label of btrfs", found=label,
                  wanted=f"at most {_LABEL_BYTES} bytes, not beginning with -")
    if btrfs.checksum not in CHECKSUMS:
        yield bad(btrfs, "checksum", "not a checksum of btrfs", found=btrfs.checksum, wanted=" or ".join(CHECKSUMS))
    for feature in btrfs.features:
        if not FEATURE.fullmatch(feature):
            yield bad(btrfs, "features", "not a feature's name", found=feature)
    for key, low in (("sector_size", 4096), ("node_size", btrfs.sector_size)):
        value = getattr(btrfs, key)
        if not is_power_of_two(value) or not low <= value <= 65536:
            yield bad(btrfs, key, f"not a {key.replace('_', ' ')} of btrfs", found=str(value),
                      wanted=f"a power of two from {low} to 65536")


def _check_devices(info: SystemInformation, btrfs: Btrfs) -> Iterator[Problem]:
    if not btrfs.devices:
        yield bad(btrfs, "devices", "a file system needs a device")
    for key in ("data", "metadata", "system"):
        profile: BtrfsProfile = getattr(btrfs, key)
        least = LEAST_DEVICES.get(profile, 0)
        if len(btrfs.devices) < least:
            yield bad(btrfs, key, f"{profile.value} needs more devices", found=str(len(btrfs.devices)),
                      wanted=f"at least {least}")
    if btrfs.mixed and btrfs.data is not btrfs.metadata:
        yield bad(btrfs, "metadata", "data and metadata share block groups, but not their profile",
                  found=btrfs.metadata.value, wanted=btrfs.data.value)
    if btrfs.device_bytes and len(btrfs.device_bytes) != len(btrfs.devices):
        yield bad(btrfs, "device_bytes", "not one size for each device", found=str(len(btrfs.device_bytes)),
                  wanted=str(len(btrfs.devices)))
        return
    for ident, used in zip(btrfs.devices, btrfs.device_bytes):
        size = size_of(info, device(info, ident, CARRIERS))
        if used < _LEAST_BYTES or (size is not None and used > size):
            yield bad(btrfs, "device_bytes", f"the file system does not fit on {ident}", found=f"{used} bytes",
                      wanted=f"{_LEAST_BYTES} to {size if size is not None else '...'} bytes")


def _check_inside(info: SystemInformation, btrfs: Btrfs) -> Iterator[Problem]:
    mine: Dict[str, Subvolume] = {sub.path: sub for sub in info.subvolumes if sub.btrfs == btrfs.id}
    if btrfs.default is not None and btrfs.default not in [sub.id for sub in mine.values()]:
        yield bad(btrfs, "default", f"{btrfs.default} is not one of its subvolumes")
    if btrfs.qgroups and not btrfs.quotas:
        yield bad(btrfs, "qgroups", "limits without quotas", wanted="quotas = true")
    for limit in btrfs.qgroups:
        match = QGROUP.fullmatch(limit)
        if not match:
            yield bad(btrfs, "qgroups", "not a limit", found=limit, wanted="level/id:referenced:exclusive")
        elif match.group("path") and match.group("path") not in mine:
            yield bad(btrfs, "qgroups", f"there is no subvolume {match.group('path')}", found=limit)


def check_subvolumes(info: SystemInformation) -> Iterator[Problem]:
    """Paths that stay inside their file system, each once; content that can be restored."""
    for sub in info.subvolumes:
        parts = sub.path.split("/")
        if (posixpath.normpath(sub.path) != sub.path or sub.path.startswith("/") or ".." in parts or sub.path == "."
                or len(sub.path.encode("utf-8")) > _PATH_BYTES):
            yield bad(sub, "path", "not a path from the top level", found=sub.path, wanted="@, @home, a/b, ...")
        elif any(len(part.encode("utf-8")) > _NAME_BYTES for part in parts) or sub.path.startswith("-"):
            yield bad(sub, "path", "not a name of a subvolume", found=sub.path,
                      wanted=f"at most {_NAME_BYTES} bytes each, not beginning with -")
        if sub.content not in ("restore", "none"):
            yield bad(sub, "content", "not a kind of content", found=sub.content, wanted="restore or none")
    for later, earlier in repeated([(sub, f"{sub.btrfs}:{sub.path}") for sub in info.subvolumes]):
        yield bad(later, "path", f"the same path as {earlier.id}", found=later.path)
