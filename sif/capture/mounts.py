"""Where file systems belong in the tree: what is configured, and what is mounted now."""

from __future__ import annotations

from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from sif import look
from sif.capture.btrfs_mounts import Places, named_subvolume, placed
from sif.capture.fstab import FstabLine, device_path, is_kernel_name, tag_of
from sif.capture.mountinfo import Mounted
from sif.capture.names import identifier
from sif.capture.storage import Storage
from sif.capture.swapfiles import swap_files
from sif.capture.trees import offline
from sif.model import Btrfs, FileSystem, Swap, TableType
from sif.plain import replace

_WELL_KNOWN = {"/": "root", "/boot": "boot", "/boot/efi": "esp", "/efi": "esp"}


def resolve(spec: str, storage: Storage, real_paths: Mapping[str, str]) -> Optional[str]:
    """The id of the partition or volume (of a btrfs by UUID or label: its own) that an fstab spec names, or None.

    ``real_paths`` maps resolved device paths (``/dev/dm-0``, ``/dev/vda1``) to ids. A kernel name in the
    configuration of another tree names nothing.
    """
    tag = tag_of(spec)
    if tag is None:
        path = device_path(spec)
        return real_paths.get(look.real(path)) if path and not (offline() and is_kernel_name(path)) else None
    name, value = tag
    if name in ("UUID", "LABEL"):
        items: Tuple[Union[FileSystem, Swap, Btrfs], ...] = (*storage.filesystems, *storage.swaps, *storage.btrfs)
        return next((item.id if isinstance(item, Btrfs) else str(item.device) for item in items if (
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


def with_mounts(storage: Storage, fstab: Sequence[FstabLine], mounted: Mapping[str, str],
                mounts: Sequence[Mounted] = (), swaps_in_use: Sequence[str] = ()) -> Storage:
    """The storage with mount points, options, telling ids, and swap files.

    ``mounted`` maps ids of devices to where they are mounted now, ``mounts`` are all mounts (for subvolumes),
    ``swaps_in_use`` the paths of swap files; fstab comes first, because it is what the machine will do at its next
    start.
    """
    real_paths = {look.real(path): ident for ident, path in storage.paths.items()}
    place: Dict[str, FstabLine] = {}
    for line in fstab:
        device = resolve(line.spec, storage, real_paths)
        if device is not None and device not in place:
            place[device] = line
    used: Dict[str, str] = {}
    filesystems = tuple(_placed(fs, place.get(fs.device), mounted.get(fs.device), used) for fs in storage.filesystems)
    places, notes = _btrfs_places(storage, fstab, mounts, real_paths)
    tops, subvolumes = placed(storage.btrfs, storage.subvolumes, places,
                              lambda mount, ident: _named(mount, ident, used))
    storage = replace(
        storage, filesystems=filesystems, btrfs=tops, subvolumes=subvolumes, notes=(*storage.notes, *notes),
        swaps=tuple(replace(swap, id=f"swap{number}", options=_options(place.get(swap.device)))
                    for number, swap in enumerate(storage.swaps)))
    files, more = swap_files(storage, [(line.spec, line.type, line.options) for line in fstab], swaps_in_use)
    return replace(storage, swaps=(*storage.swaps, *files), notes=(*storage.notes, *more))


def _btrfs_places(storage: Storage, fstab: Sequence[FstabLine], mounts: Sequence[Mounted],
                  real_paths: Mapping[str, str]) -> Tuple[Places, Tuple[str, ...]]:
    """Where subvolumes belong, fstab first; a subvolume that belongs to several places is noted."""
    wanted = [(line.spec, line.options, line.mount, line) for line in fstab if line.mount.startswith("/")]
    now = [(mount.source, f"subvol={mount.inside}", mount.place, None) for mount in mounts if mount.type == "btrfs"]
    found: Dict[str, Tuple[str, Optional[str]]] = {}
    notes: List[str] = []
    for spec, options, where, line in (*wanted, *now):
        device = resolve(spec, storage, real_paths)
        btrfs = next((item for item in storage.btrfs if device in (item.id, *item.devices)), None)
        if btrfs is None or (line is None and where in [place for place, _ in found.values()]):
            continue
        ident = named_subvolume(btrfs, storage.subvolumes, options)
        if ident is None:
            if line is not None:
                notes.append(f"{where}: fstab names a subvolume that is not there ({options})")
        elif ident not in found:
            found[ident] = where, line.options if line else None
        elif line is not None:
            notes.append(f"{where}: the same subvolume as {found[ident][0]}; it is restored there")
    return found, tuple(notes)


def _named(mount: str, ident: str, used: Dict[str, str]) -> str:
    """The telling id of what belongs at a mount point, or the one it has, where that is taken."""
    name = mount_id(mount)
    if name in used:
        return ident
    used[name] = mount
    return name


def _options(line: Optional[FstabLine]) -> Optional[str]:
    """The options of a swap's line, where they say something."""
    return line.options if line and line.options not in ("sw", "defaults") else None


def _placed(fs: FileSystem, line: Optional[FstabLine], mounted: Optional[str], used: Dict[str, str]) -> FileSystem:
    mount = line.mount if line and line.mount.startswith("/") else mounted
    if not mount:
        return replace(fs, content="none")  # it is made again, but no restore program puts anything there
    return replace(fs, id=_named(mount, fs.id, used), mount=mount, options=line.options if line else None)
