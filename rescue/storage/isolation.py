"""Keeps the rebuild and the disks outside the plan apart, also where names and uuids are the same.

A volume group of the same name on another disk is no obstacle to LVM, which is shown the plan's disks alone; but device
mapper has one name for one device. So the name of the *other* volume is set aside in this kernel: what has it open or
mounted goes on, nothing is written to its disk, and the next start knows nothing of it. A copy of our own group (same
uuids) cannot be told apart by LVM while it is active: it is deactivated, which does not write to its disk either.
"""

from __future__ import annotations

from pathlib import Path
from typing import List

from rescue.holders import clashing, clones
from rescue.kernel_view import KernelDevice, disks_below, read_kernel
from rescue.processes import users_of
from rescue.storage.disks import settle
from rescue.storage.errors import DiskBusy, RebuildFailed
from rescue.storage.site import Site, mapper_name
from sif.errors import CommandFailed
from sif.run import run

_TIMEOUT = 120.0
_NAME_LENGTH = 127
"""The longest name of device mapper."""


def set_clashes_aside(site: Site) -> None:
    """Free the names that the plan's volumes get from active volumes of other disks, without touching those disks.

    Raises :class:`DiskBusy` when a copy of a planned volume group is active and in use.
    """
    planned = [vg for vg in site.saved.vgs if f"vg:{vg.id}" in site.actions]
    disks = [match.name for match in site.plan.matches]
    copies = list(clones(read_kernel(), disks, [vg.uuid for vg in planned]))
    while copies:
        copies = _deactivate_free(copies)
    opened = [mapper_name(luks) for luks in site.saved.luks if f"luks:{luks.id}" in site.actions]
    for device in clashing(read_kernel(), disks, [vg.name.replace("-", "--") for vg in planned], opened):
        run(("dmsetup", "rename", str(device.mapper), aside_name(device)), timeout=_TIMEOUT)
    settle()


def aside_name(device: KernelDevice) -> str:
    """The name that a volume of another disk has for the time of the restore; unique, as its number is."""
    return f"other-{device.number.replace(':', '-')}-{device.mapper}"[:_NAME_LENGTH]


def require_ours(site: Site, path: str) -> None:
    """Raise :class:`RebuildFailed` unless the device lies on disks of the plan and on no others."""
    ours = {match.name for match in site.plan.matches}
    ground = disks_below(Path(path).resolve().name)
    if not ground or not ours.issuperset(ground):
        raise RebuildFailed("a device is not on the disks of the plan; nothing was written to it", where=path,
                            found=", ".join(ground) or "no disk", wanted=", ".join(sorted(ours)),
                            hint="disconnect copies of the machine's disks and start again")


def _deactivate_free(copies: List[KernelDevice]) -> List[KernelDevice]:
    """Remove those that nothing uses any more; returns the others. Raises when that is all of them."""
    left, why = [], ""
    for device in copies:
        try:
            run(("dmsetup", "remove", "--retry", f"/dev/mapper/{device.mapper}"), timeout=_TIMEOUT)
        except CommandFailed as error:
            left.append(device)
            why = error.found or ""
    if len(left) == len(copies):
        users = ", ".join(map(str, users_of([device.number for device in left])))
        raise DiskBusy("a copy of a volume group of the plan is in use", found=f"{why}; used by {users or 'a mount'}",
                       where=", ".join(f"/dev/mapper/{device.mapper}" for device in left),
                       hint="unmount it: two groups with the same uuids cannot be active together")
    return left
