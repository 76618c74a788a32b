"""Mounts a restored system's file systems as one tree, and takes it down again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Optional, Tuple

from rescue.plan import RestorePlan
from rescue.planner.layout import Layout
from rescue.storage.errors import RebuildFailed
from rescue.storage.site import device_node
from sif.errors import CommandFailed
from sif.model import FileSystem, SystemInformation
from sif.run import run

_TIMEOUT = 300.0

_FOR_INIT = re.compile(r"(noauto|nofail|auto|_netdev|user|users|nouser|owner|group|defaults|ro|rw|x-[^=]*(=.*)?"
                       r"|comment=.*|errors=.*)")
"""Options of fstab that speak to the init system, or that must not steer a restore."""


def mount_tree(saved: SystemInformation, plan: Optional[RestorePlan], target: Path, read_only: bool = False) -> None:
    """Mount every saved file system that has a mount point below ``target``, the root first.

    Volume groups are activated before, confined to the plan's disks when there is a plan. Devices are found
    by the plan, else by UUID. Raises :class:`RebuildFailed`; what was mounted is then unmounted again.
    """
    _activate(saved, plan)
    run(("udevadm", "settle", "--timeout=120"), timeout=130)
    try:
        for fs in _in_order(saved):
            _mount(saved, plan, fs, target, read_only)
    except (RebuildFailed, OSError):
        unmount_tree(target)
        raise


def unmount_tree(target: Path) -> None:
    """Unmount everything at and below ``target``, the deepest first; it is no error if there is nothing.

    Never lazily: when a mount is busy this raises :class:`CommandFailed`, because data may not be on the disk yet.
    """
    run(("sync",), timeout=_TIMEOUT)
    for point in reversed(mount_points(Path("/proc/self/mountinfo").read_text("utf-8"), target)):
        run(("umount", point), timeout=_TIMEOUT)


def mount_points(mountinfo: str, target: Path) -> Tuple[str, ...]:
    """The mount points at and below ``target``, in the order they were mounted. Source: proc(5), mountinfo."""
    points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), line.split(" ")[4])
              for line in mountinfo.splitlines()]
    base = str(target.resolve())
    return tuple(point for point in points if point == base or point.startswith(base.rstrip("/") + "/"))


def mount_options(fs: FileSystem, read_only: bool) -> str:
    """The options to mount with: those that change what files look like (umask, subvol, acl), no others."""
    words = [word for word in (fs.options or "").split(",") if word and not _FOR_INIT.fullmatch(word)]
    return ",".join(["ro" if read_only else "rw", *words])


def _in_order(saved: SystemInformation) -> List[FileSystem]:
    """The file systems with a mount point, outer before inner."""
    return sorted((fs for fs in saved.filesystems if (fs.mount or "").startswith("/")),
                  key=lambda fs: Path(fs.mount or "/").parts)


def _mount(saved: SystemInformation, plan: Optional[RestorePlan], fs: FileSystem, target: Path,
           read_only: bool) -> None:
    point = target / (fs.mount or "/").lstrip("/")
    if not point.is_dir() and not read_only:
        point.mkdir(parents=True)
    device = _device(saved, plan, fs)
    try:
        run(("mount", "-t", fs.type.value, "-o", mount_options(fs, read_only), device, str(point)), timeout=_TIMEOUT)
    except CommandFailed as error:
        raise RebuildFailed("a file system cannot be mounted", where=f"{device} at {point}", found=error.found,
                            hint="see the kernel's log; if the disk is damaged, start again with phase 1") from error


def _device(saved: SystemInformation, plan: Optional[RestorePlan], fs: FileSystem) -> str:
    if plan is not None:
        try:
            return device_node(plan, Layout(saved), fs.device)
        except KeyError:
            pass  # it lies on a data disk, which no plan places
    return f"UUID={fs.uuid}"


def _activate(saved: SystemInformation, plan: Optional[RestorePlan]) -> None:
    """Make the volumes of the saved groups appear."""
    planned = {action.id for action in plan.actions} if plan else set()
    for vg in saved.vgs:
        only: Tuple[str, ...] = ()
        if plan is not None and f"vg:{vg.id}" in planned:
            layout = Layout(saved)
            nodes = [device_node(plan, layout, pv.device) for pv in saved.pvs if pv.id in vg.pvs]
            only = ("--devices", ",".join(nodes))
        run(("vgchange", *only, "--activate", "y", "--select", f"vg_uuid={vg.uuid}"), timeout=_TIMEOUT)
