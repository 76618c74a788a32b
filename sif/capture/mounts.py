"""Where file systems belong in the tree: ``/etc/fstab`` and what is mounted now."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Dict, List, Mapping, Optional, Sequence, Tuple, Union

from sif import look
from sif.capture.filesystems import fs_id
from sif.capture.lvm import identifier
from sif.capture.storage import Storage
from sif.model import FileSystem, Swap

_WELL_KNOWN = {"/": "root", "/boot": "boot", "/boot/efi": "esp", "/efi": "esp"}


@dataclass(frozen=True)
class FstabLine:
    """One entry of fstab: what (``UUID=...``, ``/dev/...``), where, type, options."""

    spec: str
    mount: str
    type: str
    options: str


def parse_fstab(text: str) -> Tuple[FstabLine, ...]:
    """The entries of fstab, its octal escapes (``\\040``) undone. Source: fstab(5)."""
    entries: List[FstabLine] = []
    for line in text.splitlines():
        fields = line.split("#", 1)[0].split() if line.lstrip().startswith("#") else line.split()
        if len(fields) >= 3 and not fields[0].startswith("#"):
            fields = [re.sub(r"\\([0-7]{3})", lambda m: chr(int(m.group(1), 8)), f) for f in fields]
            entries.append(FstabLine(fields[0], fields[1], fields[2], fields[3] if len(fields) > 3 else "defaults"))
    return tuple(entries)


def resolve(spec: str, storage: Storage, real_paths: Mapping[str, str]) -> Optional[str]:
    """The id of the partition or volume that an fstab spec names, or None.

    ``real_paths`` maps resolved device paths (``/dev/dm-0``, ``/dev/vda1``) to ids.
    """
    tag, equals, value = spec.partition("=")
    value = value.strip('"')
    if equals and tag in ("UUID", "LABEL"):
        items: Tuple[Union[FileSystem, Swap], ...] = (*storage.filesystems, *storage.swaps)
        for item in items:
            if (item.uuid.lower() == value.lower()) if tag == "UUID" else (item.label == value):
                return str(item.device)
        return None
    if equals and tag in ("PARTUUID", "PARTLABEL"):
        for part in storage.partitions:
            if (part.uuid == value.lower()) if tag == "PARTUUID" else (part.name == value):
                return part.id
        return None
    return real_paths.get(look.real(spec)) if spec.startswith("/dev/") else None


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


def read_fstab(path: str = "/etc/fstab") -> Tuple[FstabLine, ...]:
    """The system's fstab; empty if there is none."""
    return parse_fstab(look.text_or(path))
