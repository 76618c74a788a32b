"""What lies on a device and can't be made again: recognised, and named as its own tools name it."""

from __future__ import annotations

import posixpath

from sif.capture.errors import Unrestorable
from sif.capture.signature import Signature

_TITLES = {
    "zfs_member": "ZFS pool", "drbd": "DRBD resource", "drbdmanage_control_volume": "DRBD resource",
    "ceph_bluestore": "Ceph OSD", "vdo": "VDO volume", "stratis": "Stratis pool", "VMFS": "VMFS volume",
    "VMFS_volume_member": "VMFS volume", "isw_raid_member": "Intel firmware RAID (IMSM) member",
    "ddf_raid_member": "firmware RAID (DDF) member", "linux_raid_member": "member of a RAID that is not running",
    "LVM2_member": "physical volume of no volume group that is captured", "LVM1_member": "LVM1 physical volume",
    "BitLocker": "BitLocker volume", "DM_integrity": "dm-integrity volume", "DM_verity_hash": "dm-verity hash area",
    "mpath_member": "path of a multipath disk that is not in use", "swsuspend": "hibernated system",
    "swap_V0": "swap area of the old format",
}
"""blkid's type → what people call it. Every other type is a file system, and shown by its own name."""


def foreign(signature: Signature, path: str) -> Unrestorable:
    """The words for a device whose content this version can't make again; ``signature`` has a type, or clashes."""
    device = posixpath.basename(path)
    if signature.clash:
        return Unrestorable(f"signatures that contradict each other on {path}", device)
    title = _TITLES.get(signature.type, f"file system {signature.type}")
    if signature.usage == "raid" and signature.type.endswith("_raid_member") and signature.type not in _TITLES:
        title, name = f"firmware RAID ({signature.type[:-len('_raid_member')]}) member", None
    else:
        name = signature.label or None
    return Unrestorable(" ".join(word for word in (title, name, "on", path) if word), signature.label or device)

