"""The rescue disc leaves the drive when the restore is done, or a machine that prefers the drive starts it again."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Tuple

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.readonly import looked_into
from sif.errors import CommandFailed

_CDROMEJECT = 0x5309
_LOOK = Path("/run/lifeboat/look/disc")


def optical_media(devices: BlockDevices) -> Tuple[BlockDevice, ...]:
    """Unmounted ISO 9660 discs in optical drives."""
    return tuple(d for d in devices.devices if d.type == "rom" and d.fstype == "iso9660" and not d.mount_points)


def eject_rescue_disc(devices: BlockDevices) -> Tuple[str, ...]:
    """Eject every disc that holds the rescue system; returns the devices. A drive that refuses is no error."""
    ejected = []
    for device in optical_media(devices):
        try:
            with looked_into(device.path, "iso9660", _LOOK) as root:
                ours = (root / "live/filesystem.squashfs").is_file()
            if ours and _eject(device.path):
                ejected.append(device.path)
        except CommandFailed:
            continue
    return tuple(ejected)


def _eject(path: str) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        fcntl.ioctl(handle, _CDROMEJECT)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True
