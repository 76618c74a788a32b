"""Mounts that lie on no device of the set: network shares, memory, bind mounts, disks that are not rebuilt."""

from __future__ import annotations

import re
from typing import Collection, Dict, List, Sequence, Tuple, Union

from sif import look
from sif.capture.fstab import FstabLine, device_path, tag_of
from sif.capture.mounts import mount_id
from sif.later import regex
from sif.model import Btrfs, FileSystem, Mount, Subvolume, SystemInformation
from sif.problems import printable
from sif.secrets.names import without_password

_NO_PLACE = ("none", "swap", "-")
_SECRET_OPTIONS = regex(r"(pass|password|password2|passwd|secret|pw)=[^,]*")


def other_mounts(lines: Sequence[FstabLine], info: SystemInformation,
                 devices: Collection[str]) -> Tuple[Tuple[Mount, ...], Tuple[str, ...]]:
    """The MOUNT records of what is configured, each place once, and notes.

    ``devices`` are the resolved paths of what lies on the set's disks. Options that are secrets are left out: a set
    never holds one.
    """
    mounted: Tuple[Union[FileSystem, Btrfs, Subvolume], ...] = (*info.filesystems, *info.btrfs, *info.subvolumes)
    places = {item.mount for item in mounted if item.mount}
    found: Dict[str, Mount] = {}
    notes: List[str] = []
    for line in lines:
        ours = line.mount in places or _on_set(line.spec, info, devices)
        if ours or line.type == "swap" or line.mount in _NO_PLACE or not line.mount.startswith("/"):
            continue
        ident = mount_id(line.mount)
        while ident in found and found[ident].where != line.mount:
            ident += "_"
        if ident in found:
            continue  # systemd mounts one thing at a place: fstab's comes before the distribution's unit
        options = _SECRET_OPTIONS.sub("", line.options)
        if options != line.options:
            notes.append(f"{line.mount}: its mount options hold a password, which is left out")
            options = re.sub(",+", ",", options).strip(",")
        what = without_password(line.spec)
        if what != line.spec:
            notes.append(f"{line.mount}: its address holds a password, which is left out")
        found[ident] = Mount(id=ident, what=printable(what, 4000), where=printable(line.mount, 4000),
                             type=line.type if re.fullmatch(r"[A-Za-z0-9._-]+", line.type) else "auto",
                             options=options if options and options != "defaults" else None, source=line.source)
    return tuple(found.values()), tuple(notes)


def _on_set(spec: str, info: SystemInformation, devices: Collection[str]) -> bool:
    """Whether a spec names something on the set's disks that is mounted at another place too."""
    tag, path = tag_of(spec), device_path(spec)
    if tag is None:
        return path is not None and look.real(path) in devices
    name, value = tag
    if name == "PARTUUID":
        return any(part.uuid == value.lower() for part in info.partitions)
    if name == "PARTLABEL":
        return any(part.name == value for part in info.partitions)
    formats: Tuple[Union[FileSystem, Btrfs], ...] = (*info.filesystems, *info.btrfs)
    return any(item.uuid.lower() == value.lower() if name == "UUID" else item.label == value for item in formats)
