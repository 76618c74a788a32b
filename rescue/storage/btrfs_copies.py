"""Copies of a btrfs on disks outside the plan: the kernel and mkfs go by its uuid, so they must not see them.

The kernel remembers every btrfs device it was shown, takes those with one uuid for one file system, and mounts the
newest: that would be the copy. mkfs refuses a uuid that another device has. Nothing is written to a copy.
Sources: btrfs-device(8), ``scan --forget``; mkfs.btrfs(8), ``--uuid``.
"""

from __future__ import annotations

from typing import Sequence, Tuple

from rescue.blockdev import BlockDevices, read_block_devices
from rescue.storage.errors import DiskBusy
from sif.run import run

_TIMEOUT = 120.0

_HIDING = """set -eu
while [ "$1" != -- ]; do mount --bind /dev/null "$1"; shift; done
shift
exec "$@"
"""
"""For a mount namespace of its own: nodes that the command shall not find, ``--``, the command."""


def copies(devices: BlockDevices, uuid: str, ours: Sequence[str]) -> Tuple[str, ...]:
    """Nodes of a btrfs with that uuid, other than ours and what lies on the same disks as ours."""
    disks = {disk for node in ours if (device := devices.by_path(node)) for disk in devices.disks_under(device)}
    if not disks:
        return ()
    return tuple(device.path for device in devices.by_uuid(uuid)
                 if device.fstype == "btrfs" and not disks & set(devices.disks_under(device)))


def forget_copies(uuid: str, ours: Sequence[str]) -> Tuple[str, ...]:
    """Have the kernel forget copies of a btrfs; returns their nodes. Raises :class:`DiskBusy` for a mounted one."""
    devices = read_block_devices()
    found = copies(devices, uuid, ours)
    for node in found:
        if not run(("btrfs", "device", "scan", "--forget", node), timeout=_TIMEOUT, check=False).ok:
            device = devices.by_path(node)
            if device is not None and device.mount_points:
                raise DiskBusy("a copy of a btrfs of the plan is mounted", where=node,
                               found=", ".join(device.mount_points), hint="unmount it: its uuid is the same")
    return found


def hiding(nodes: Sequence[str], command: Sequence[str]) -> Tuple[str, ...]:
    """The command, run so that it does not find those nodes."""
    if not nodes:
        return tuple(command)
    return ("unshare", "--mount", "--propagation", "private", "sh", "-c", _HIDING, "sh", *nodes, "--", *command)
