"""Which disks of a machine a restore rebuilds, and what everything is called."""

from __future__ import annotations

from typing import Dict, List, Mapping, Sequence, Set

from sif.capture.blocks import BlockDevice, descendants
from sif.model import DiskRole
from sif.plain import dataclass


@dataclass(frozen=True)
class Roles:
    """``names`` maps section ids to kernel names, critical disks first, each group in the order of its slots."""

    names: Mapping[str, str]
    role_of: Mapping[str, DiskRole]

    def critical(self) -> Mapping[str, str]:
        return {ident: name for ident, name in self.names.items() if self.role_of[ident] is DiskRole.CRITICAL}


def assign_roles(disks: Sequence[BlockDevice], devices: Sequence[BlockDevice], used: Set[str],
                 groups: Sequence[Set[str]], excluded: Sequence[str]) -> Roles:
    """Decide the role of each disk.

    ``used`` holds the kernel names of everything that is in fstab, mounted for the system, or swap; ``groups`` the
    sets of disks that a volume group ties together. A disk is ``critical`` if something on it is used, or if it
    shares a volume group with one that is; ``ignore`` if it is excluded by name; else ``data``.
    Removable and USB disks are not part of the machine unless they are used.
    """
    below = {disk.kname: {d.kname for d in descendants(devices, disk.kname)} for disk in disks}
    critical = {name for name, layers in below.items() if (layers | {name}) & used and name not in excluded}
    grew = True
    while grew:
        grew = False
        for group in groups:
            more = {name for name in group if name not in critical and name not in excluded}
            if group & critical and more:
                critical |= more
                grew = True
    members = [disk for disk in disks if disk.kname in critical or not (disk.removable or disk.bus == "usb")]
    ordered = sorted(members, key=lambda disk: disk.kname not in critical)
    names: Dict[str, str] = {}
    roles: Dict[str, DiskRole] = {}
    for number, disk in enumerate(ordered):
        names[f"d{number}"] = disk.kname
        roles[f"d{number}"] = _role(disk.kname, critical, excluded)
    return Roles(names, roles)


def _role(name: str, critical: Set[str], excluded: Sequence[str]) -> DiskRole:
    if name in critical:
        return DiskRole.CRITICAL
    return DiskRole.IGNORE if name in excluded else DiskRole.DATA


def volume_group_disks(devices: Sequence[BlockDevice], disks: Sequence[BlockDevice],
                       groups: Sequence[Sequence[str]] = ()) -> List[Set[str]]:
    """The sets of disks that belong together.

    One for every device that lies on several disks (a logical volume, an array), and one for every volume group:
    ``groups`` holds the paths of each group's physical volumes, for a member can be empty.
    """
    found: Dict[str, Set[str]] = {}
    path_of = {device.kname: device.path for device in devices}
    for disk in disks:
        layers = {device.kname for device in descendants(devices, disk.kname)}
        for name in layers:
            found.setdefault(name, set()).add(disk.kname)
        paths = {path_of[name] for name in layers | {disk.kname}}
        for number, members in enumerate(groups):
            if paths.intersection(members):
                found.setdefault(f"group {number}", set()).add(disk.kname)
    return [group for group in found.values() if len(group) > 1]

