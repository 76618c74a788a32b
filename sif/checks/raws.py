"""Images of partitions: of the right length, at a safe place, on a disk that is rebuilt."""

from __future__ import annotations

from typing import Iterator, Optional

from sif.checks.common import SHA256, bad, repeated, size_of
from sif.later import regex
from sif.media import SCHEME, path_fault
from sif.model import Disk, DiskRole, Partition, SystemInformation
from sif.problems import Problem

_STORE = regex(r"store:([^/]+)/(.+)")


def check_raws(info: SystemInformation) -> Iterator[Problem]:
    """Every RAW can be written back to where it came from, and to nowhere else."""
    for raw in info.raws:
        device = info.find("PARTITION", raw.device) or info.find("DISK", raw.device)
        size = size_of(info, device)
        if size is not None and raw.size_bytes != size:
            yield bad(raw, "size_bytes", f"not the size of {raw.device}", found=str(raw.size_bytes), wanted=str(size))
        if not _rebuilt(info, device):
            yield bad(raw, "device", f"{raw.device} is not on a disk that is rebuilt", wanted="a critical disk")
        fault = _path_fault(info, raw.path)
        if fault:
            yield bad(raw, "path", f"not a place for an image: {fault}", found=raw.path,
                      wanted="media:PATH, or store:NAME/PATH with the id of a STORE")
        for key in ("sha256", "file_sha256"):
            if not SHA256.fullmatch(getattr(raw, key)):
                yield bad(raw, key, "not a SHA-256", found=getattr(raw, key), wanted="64 hexadecimal digits")
        if raw.data_bytes is not None and raw.data_bytes > raw.size_bytes:
            yield bad(raw, "data_bytes", "more data than content", found=str(raw.data_bytes),
                      wanted=f"at most {raw.size_bytes}")
    for later, earlier in repeated((raw, raw.path.lower()) for raw in info.raws):
        yield bad(later, "path", f"the same file as {earlier.id}", found=later.path)


def _rebuilt(info: SystemInformation, device: object) -> bool:
    disk = info.find("DISK", device.disk) if isinstance(device, Partition) else device
    # a device that is not there at all is the references' problem
    return not isinstance(disk, Disk) or disk.role is DiskRole.CRITICAL


def _path_fault(info: SystemInformation, path: str) -> Optional[str]:
    if path.startswith(SCHEME):
        return path_fault(path[len(SCHEME):])
    store = _STORE.fullmatch(path)
    if store is None:
        return "neither media: nor store: before it"
    if all(known.id != store.group(1) for known in info.stores):
        return f"there is no [STORE {store.group(1)}]"
    return path_fault(store.group(2))
