"""Where file systems belong in the tree: what is configured, and what is mounted now."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Mapping, Optional, Sequence, Tuple, Union

from sif import look
from sif.capture.filesystems import fs_id
from sif.capture.fstab import (
    FstabLine,
    device_path,
    is_kernel_name,
    tag_of,
)
from sif.capture.lvm import identifier
from sif.capture.storage import Storage
from sif.capture.trees import offline
from sif.model import FileSystem, Swap, TableType

_WELL_KNOWN = {"/": "root", "/boot": "boot", "/boot/efi": "esp", "/efi": "esp"}


def resolve(spec: str, storage: Storage, real_paths: Mapping[str, str]) -> Optional[str]:
    """The id of the partition or volume that an fstab spec names, or None.

    ``real_paths`` maps resolved device paths (``/dev/dm-0``, ``/dev/vda1``) to ids. A kernel name in the
    configuration of another tree names nothing.
    """
    tag = tag_of(spec)
    if tag is None:
        path = device_path(spec)
        return real_paths.get(look.real(path)) if path and not (offline() and is_kernel_name(path)) else None
    name, value = tag
    if name in ("UUID", "LABEL"):
        items: Tuple[Union[FileSystem, Swap], ...] = (*storage.filesystems, *storage.swaps)
        return next((str(item.device) for item in items if (
            item.uuid.lower() == value.lower() if name == "UUID" else item.label == value)), None)
    return next((part.id for part in storage.partitions if (
        part.uuid == value.lower() if name == "PARTUUID" else part.name == value)),
        _mbr_partition(value, storage) if name == "PARTUUID" else None)


def _mbr_partition(value: str, storage: Storage) -> Optional[str]:
    """The partition that ``1a2b3c4d-05`` names: an MBR's signature and a number."""
    signature, _, number = value.lower().partition("-")
    disks = {disk.id for disk in storage.disks if disk.table is TableType.MBR and disk.table_id == f"0x{signature}"}
    return next((part.id for part in storage.partitions
                 if part.disk in disks and f"{part.number:02x}" == number), None)


def mount_id(mount: str) -> str:
    """The section id of the file system that belongs at a mount point (``/srv/data`` → ``srv_data``)."""
    return _WELL_KNOWN.get(mount) or identifier(mount.strip("/").replace("/", "_")) or "root"


def with_mounts(storage: Storage, fstab: Sequence[FstabLine], mounted: Mapping[str, str]) -> Storage:
    """The storage with mount points, options and telling ids.

    ``mounted`` maps ids of devices to where they are mounted now; fstab comes first, because it is what the machine
    will do at its next start.
    """
    real_paths = {look.real(path): ident for ident, path in storage.paths.items()}
    place: Dict[str, FstabLine] = {}
    for line in fstab:
        device = resolve(line.spec, storage, real_paths)
        if device is not None and device not in place:
            place[device] = line
    used: Dict[str, str] = {}
    return replace(
        storage,
        filesystems=tuple(_placed(fs, place.get(fs.device), mounted.get(fs.device), used)
                          for fs in storage.filesystems),
        swaps=tuple(_numbered(swap, number) for number, swap in enumerate(storage.swaps)))


def _placed(fs: FileSystem, line: Optional[FstabLine], mounted: Optional[str], used: Dict[str, str]) -> FileSystem:
    mount = line.mount if line and line.mount.startswith("/") else mounted
    if not mount:
        return replace(fs, content="none")  # it is made again, but no restore program puts anything there
    ident = mount_id(mount)
    if ident in used:
        ident = fs_id(fs.device)
    used[ident] = mount
    return replace(fs, id=ident, mount=mount, options=line.options if line else None)


def _numbered(swap: Swap, number: int) -> Swap:
    return replace(swap, id=f"swap{number}")
