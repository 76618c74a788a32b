"""What lies on a device and can't be made again: recognised, and named as its own tools name it."""

from __future__ import annotations

import posixpath
import uuid
from typing import Optional

from sif import look
from sif.capture.errors import Unrestorable
from sif.capture.signature import Signature

_TITLES = {
    "zfs_member": "ZFS pool", "bcache": "bcache", "drbd": "DRBD resource", "drbdmanage_control_volume": "DRBD resource",
    "ceph_bluestore": "Ceph OSD", "vdo": "VDO volume", "stratis": "Stratis pool", "VMFS": "VMFS volume",
    "VMFS_volume_member": "VMFS volume", "isw_raid_member": "Intel firmware RAID (IMSM) member",
    "ddf_raid_member": "firmware RAID (DDF) member", "linux_raid_member": "member of a RAID that is not running",
    "LVM2_member": "physical volume of no volume group that is captured", "LVM1_member": "LVM1 physical volume",
    "BitLocker": "BitLocker volume", "DM_integrity": "dm-integrity volume", "DM_verity_hash": "dm-verity hash area",
    "mpath_member": "path of a multipath disk that is not in use", "swsuspend": "hibernated system",
    "swap_V0": "swap area of the old format",
}
"""blkid's type → what people call it. Every other type is a file system, and shown by its own name."""

_BCACHE_SUPERBLOCK = (4096, 104)
"""Offset and length. Source: the kernel's include/uapi/linux/bcache.h."""
_BCACHE_BACKING = (1, 4)


def foreign(signature: Signature, path: str) -> Unrestorable:
    """The words for a device whose content this version can't make again; ``signature`` has a type, or clashes."""
    device = posixpath.basename(path)
    if signature.clash:
        return Unrestorable(f"signatures that contradict each other on {path}", device)
    title = _TITLES.get(signature.type, f"file system {signature.type}")
    if signature.type == "bcache":
        title, name = _bcache(look.data(path, _BCACHE_SUPERBLOCK[1], _BCACHE_SUPERBLOCK[0]))
    elif signature.usage == "raid" and signature.type.endswith("_raid_member") and signature.type not in _TITLES:
        title, name = f"firmware RAID ({signature.type[:-len('_raid_member')]}) member", None
    else:
        name = signature.label or None
    return Unrestorable(" ".join(word for word in (title, name, "on", path) if word), signature.label or device)


def _bcache(superblock: bytes) -> "tuple[str, Optional[str]]":
    """What part of a bcache a device is, and its label or the uuid of its cache set."""
    version = int.from_bytes(superblock[16:24], "little")
    backing = version in _BCACHE_BACKING
    label = superblock[72:104].partition(b"\0")[0].decode("utf-8", "replace")
    name = label or str(uuid.UUID(bytes=superblock[56:72]))
    return f"bcache {'backing device of' if backing else 'cache set'}", name
