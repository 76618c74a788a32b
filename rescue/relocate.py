"""Finds the plan's disks again after a restart: kernel names are not stable. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.failures import RestoreFailed
from rescue.plan import DiskMatch, RestorePlan
from sif.model import Disk, SystemInformation, TableType


def relocate(plan: RestorePlan, saved: SystemInformation, devices: BlockDevices) -> RestorePlan:
    """The plan with the paths that its disks have now.

    A disk is known by the partition table that phase 1 wrote on it and by its size and serial number.
    Raises :class:`RestoreFailed` when one is gone or two disks look the same.
    """
    target = plan.target_of(saved)
    return replace(plan, matches=tuple(_found(match, target, devices) for match in plan.matches))


def _found(match: DiskMatch, saved: SystemInformation, devices: BlockDevices) -> DiskMatch:
    disk = next(disk for disk in saved.disks if disk.id == match.saved)
    fits = _narrowed(match, tuple(d for d in devices.devices if _is_that_disk(d, disk, match)))
    if len(fits) != 1:
        raise RestoreFailed("a disk of the plan is not there any more" if not fits else
                            "several disks look like one of the plan", where=f"DISK {match.saved}",
                            found=", ".join(f"{d.path} ({d.table_id})" for d in fits or devices.devices
                                            if d.type == "disk"),
                            wanted=f"{match.fingerprint.size_bytes} bytes, table {disk.table_id}, "
                                   f"serial {match.fingerprint.serial or 'none'}",
                            hint="connect the machine's own disks, and only those, then start it again")
    return replace(match, name=fits[0].kname, path=fits[0].path)


def _is_that_disk(device: BlockDevice, disk: Disk, match: DiskMatch) -> bool:
    """Whether a device carries the table that phase 1 wrote; without a table, whether it is the same device."""
    if device.type != "disk" or device.size_bytes != match.fingerprint.size_bytes:
        return False
    if disk.table is TableType.NONE or disk.table_id is None:
        return device.path == match.path or (bool(device.serial) and device.serial == match.fingerprint.serial)
    return (device.table_id or "").lower() == disk.table_id.lower().removeprefix("0x")


def _narrowed(match: DiskMatch, fits: Tuple[BlockDevice, ...]) -> Tuple[BlockDevice, ...]:
    """Among disks with the same table, the one with the planned serial number, if that decides."""
    if len(fits) > 1 and match.fingerprint.serial:
        same = tuple(d for d in fits if d.serial == match.fingerprint.serial)
        return same or fits
    return fits
