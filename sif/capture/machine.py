"""What of a machine is not storage, put into its description: boot path, mounts elsewhere, network, hardware."""

from __future__ import annotations

import posixpath
from typing import Mapping, Sequence, Set, Tuple

from sif import look
from sif.capture.boot import probe_boot, tree_firmware
from sif.capture.devices import probe_hardware
from sif.capture.fstab import FstabLine, device_path, is_kernel_name, read_fstab, tag_of
from sif.capture.mountunits import read_mount_units
from sif.capture.net import probe_network
from sif.capture.othermounts import other_mounts
from sif.capture.system import with_boot
from sif.capture.trees import offline
from sif.model import SystemInformation
from sif.plain import replace

_SECTOR = 512


def with_machine(info: SystemInformation, paths: Mapping[str, str], disk_paths: Mapping[str, str],
                 exclude: Sequence[str] = ()) -> Tuple[SystemInformation, Tuple[str, ...]]:
    """``info``, whose storage and SYSTEM are there, with all that is not storage; and notes for the administrator.

    ``paths`` maps ids of what lies on the disks to device paths, ``disk_paths`` those of the disks that are rebuilt;
    ``exclude`` are names of what is to be left out. Raises NotRestorable when the machine can't be made to start.
    """
    if offline():
        info = replace(info, system=replace(info.system, firmware=tree_firmware(info, disk_paths, _first_sector)))
    facts = probe_boot(info, disk_paths, _first_sector, exclude)
    mounts, mount_notes = other_mounts(configured_mounts(), info, {look.real(path) for path in paths.values()})
    network, hardware = probe_network(), probe_hardware()
    system = replace(with_boot(info.system, facts.boot), video=hardware.video)
    info = network.into(replace(info, system=system, boot=facts.boot, efi_entries=facts.entries, mounts=mounts,
                                devices=hardware.devices))
    return info, (*facts.notes, *mount_notes, *network.notes, *hardware.notes)


def configured_mounts() -> Tuple[FstabLine, ...]:
    """What the system mounts at its next start: fstab, then systemd's own units."""
    return look.once("configured mounts", lambda: (*read_fstab(), *read_mount_units()))


def configured_devices() -> Tuple[Set[str], Set[str]]:
    """What configured mounts lie on: the ``TAG=value`` of some, and the kernel names of those named by a path."""
    tags: Set[str] = set()
    names: Set[str] = set()
    for line in configured_mounts():
        tag, path = tag_of(line.spec), device_path(line.spec)
        if tag is not None:
            tags.add("=".join(tag))
        elif path and not (offline() and is_kernel_name(path)):
            names.add(posixpath.basename(look.real(path)))
    return tags, names


def _first_sector(path: str) -> bytes:
    return look.data(path, _SECTOR)
