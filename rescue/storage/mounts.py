"""Mounts a restored system's file systems as one tree, and takes it down again."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Optional, Tuple

from rescue.plan import RestorePlan
from rescue.planner.layout import Layout
from rescue.storage.bringup import bring_up, node
from rescue.storage.btrfs_copies import forget_copies
from rescue.storage.covered import COVERED, forget, mount_covered
from rescue.storage.errors import RebuildFailed
from rescue.storage.site import Secrets, no_secrets
from sif.errors import CommandFailed
from sif.model import SystemInformation
from sif.run import run

_TIMEOUT = 300.0

_FOR_INIT = re.compile(r"(noauto|nofail|auto|_netdev|user|users|nouser|owner|group|defaults|ro|rw|x-[^=]*(=.*)?"
                       r"|comment=.*|errors=.*)")
"""Options of fstab that speak to the init system, or that must not steer a restore."""


@dataclass(frozen=True)
class Place:
    """Something that is mounted: where, from which device, as what, with which options of the SIF."""

    mount: str
    device: str
    type: str
    options: Optional[str]
    extra: str = ""
    alone: bool = False


def places(saved: SystemInformation, plan: Optional[RestorePlan], alone: Collection[str] = ()) -> Tuple[Place, ...]:
    """Everything of the saved machine that has a mount point, outer before inner."""
    layout = Layout(saved)
    found = [Place(fs.mount, node(saved, plan, layout, fs.device), fs.type.value, fs.options, alone=fs.id in alone)
             for fs in saved.filesystems if fs.mount]
    for btrfs in saved.btrfs:
        device = node(saved, plan, layout, btrfs.devices[0])
        if btrfs.mount:
            found.append(Place(btrfs.mount, device, "btrfs", btrfs.options, "subvolid=5"))
        found += [Place(sub.mount, device, "btrfs", sub.options, f"subvol=/{sub.path}")
                  for sub in saved.subvolumes if sub.btrfs == btrfs.id and sub.mount]
    return tuple(sorted((place for place in found if place.mount.startswith("/")),
                        key=lambda place: Path(place.mount).parts))


def mount_tree(saved: SystemInformation, plan: Optional[RestorePlan], target: Path, read_only: bool = False,
               secrets: Secrets = no_secrets, alone: Collection[str] = ()) -> None:
    """Mount every saved file system that has a mount point below ``target``, the root first; those whose ids are in
    ``alone`` so that not a byte of them changes (:mod:`rescue.storage.covered`).

    Arrays, encrypted volumes and volume groups are brought up before, confined to the plan's disks when there is a
    plan. Devices are found by the plan, else by what is written on them. Raises :class:`RebuildFailed`; what was
    mounted is then unmounted again.
    """
    saved = saved if plan is None else plan.target_of(saved)
    bring_up(saved, plan, secrets)
    planned = {action.id for action in plan.actions} if plan is not None else set()
    for btrfs in (btrfs for btrfs in saved.btrfs if f"btrfs:{btrfs.id}" in planned):
        forget_copies(btrfs.uuid, [node(saved, plan, Layout(saved), device) for device in btrfs.devices])
    try:
        for place in places(saved, plan, alone):
            _mount(place, target, read_only)
    except (RebuildFailed, OSError):
        unmount_tree(target)
        raise


def unmount_tree(target: Path) -> None:
    """Unmount everything at and below ``target``, the deepest first; it is no error if there is nothing.

    Never lazily: when a mount is busy this raises :class:`CommandFailed`, because data may not be on the disk yet.
    """
    run(("sync",), timeout=_TIMEOUT)
    mounts = Path("/proc/self/mountinfo").read_text("utf-8")
    for tree in (target, COVERED):  # what lies under a layer is free once the layer is gone
        for point in reversed(mount_points(mounts, tree)):
            run(("umount", point), timeout=_TIMEOUT)
    forget()


def mount_points(mountinfo: str, target: Path) -> Tuple[str, ...]:
    """The mount points at and below ``target``, in the order they were mounted. Source: proc(5), mountinfo."""
    points = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), line.split(" ")[4])
              for line in mountinfo.splitlines()]
    base = str(target.resolve())
    return tuple(point for point in points if point == base or point.startswith(base.rstrip("/") + "/"))


def mount_options(options: Optional[str], read_only: bool, extra: str = "") -> str:
    """The options to mount with: those that change what files look like (umask, subvol, acl), no others."""
    words = [word for word in (options or "").split(",") if word and not _FOR_INIT.fullmatch(word)]
    if extra:
        words = [*(word for word in words if not word.startswith(("subvol=", "subvolid="))), extra]
    return ",".join(["ro" if read_only else "rw", *words])


_NO_JOURNAL = {"xfs": "norecovery", "ext3": "noload", "ext4": "noload"}
"""What keeps a read-only mount from replaying a journal."""


def options_of(place: Place, read_only: bool) -> str:
    """The options that a place is mounted with."""
    # A copy of an XFS may be mounted from another disk; only its uuid is the same.
    extra = "nouuid" if place.type == "xfs" else place.extra
    if place.alone and place.type in _NO_JOURNAL:
        extra = ",".join(word for word in (extra, _NO_JOURNAL[place.type]) if word)
    return mount_options(place.options, read_only or place.alone, extra)


def _mount(place: Place, target: Path, read_only: bool) -> None:
    point = target / place.mount.lstrip("/")
    if not point.is_dir() and not read_only:
        point.mkdir(parents=True)
    options = options_of(place, read_only)
    try:
        if place.alone and not read_only:
            mount_covered(place.type, options, place.device, point)
        else:
            run(("mount", "-t", place.type, "-o", options, place.device, str(point)), timeout=_TIMEOUT)
    except CommandFailed as error:
        raise RebuildFailed("a file system cannot be mounted", where=f"{place.device} at {point}", found=error.found,
                            hint="see the kernel's log; if the disk is damaged, start again with phase 1") from error
