"""What is written on a device, by libblkid: the same answers as ``blkid -p``, without a process for each question.

The rebuild asks before and after every format. Source: libblkid's reference manual, "Low-level probing".
"""

from __future__ import annotations

import ctypes
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Dict, Iterator, List, Tuple

from rescue.storage.errors import RebuildFailed
from sif.run import run

_TIMEOUT = 600.0
_LABEL, _UUID, _TYPE = 1 << 1, 1 << 3, 1 << 5
_DAMAGED, _ANY_GPT = 1 << 10, 1 << 1
"""Superblocks with a wrong checksum, and a GPT without its protective MBR: what wipefs erases, too."""

_NOTHING = 1
"""What a probe returns besides 0 (found), -1 (an error) and -2 (found several)."""

_ONLY = 2
"""Of a filter: these types and no others."""


def superblock(path: str, kind: str) -> Dict[str, str]:
    """UUID and LABEL of what is on the device, as far as it has them, and its TYPE, if that is ``kind``; else nothing.

    Only one kind is looked for: what was there before is erased by then. Raises :class:`RebuildFailed` when the device
    cannot be read.
    """
    with _probe(path) as (blkid, probe):
        blkid.blkid_probe_enable_superblocks(probe, 1)
        blkid.blkid_probe_set_superblocks_flags(probe, _LABEL | _UUID | _TYPE)
        blkid.blkid_probe_filter_superblocks_type(probe, _ONLY, (ctypes.c_char_p * 2)(kind.encode(), None))
        _require(blkid.blkid_do_safeprobe(probe) in (0, _NOTHING), path)
        return {name: value for name in ("TYPE", "UUID", "LABEL") if (value := _value(blkid, probe, name)) is not None}


def identified(path: str) -> List[Tuple[str, str]]:
    """Kind and uuid of every signature on the device. Raises :class:`RebuildFailed` when it cannot be read."""
    found: List[Tuple[str, str]] = []
    with _probe(path) as (blkid, probe):
        blkid.blkid_probe_enable_superblocks(probe, 1)
        blkid.blkid_probe_set_superblocks_flags(probe, _UUID | _TYPE | _DAMAGED)
        blkid.blkid_probe_enable_partitions(probe, 1)
        blkid.blkid_probe_set_partitions_flags(probe, _ANY_GPT)
        while (status := blkid.blkid_do_probe(probe)) == 0:
            kind, uuid = (_value(blkid, probe, name) or _value(blkid, probe, f"PT{name}") for name in ("TYPE", "UUID"))
            found.append((kind or "", uuid or ""))
    _require(status == _NOTHING, path)
    return found


def clean(path: str) -> None:
    """Erase every signature on the device. One that has none is not even opened for writing: udev would look at it."""
    with _probe(path) as (blkid, probe):
        blkid.blkid_probe_enable_superblocks(probe, 1)
        blkid.blkid_probe_set_superblocks_flags(probe, _TYPE | _DAMAGED)
        blkid.blkid_probe_enable_partitions(probe, 1)
        blkid.blkid_probe_set_partitions_flags(probe, _ANY_GPT)
        signed = blkid.blkid_do_probe(probe) != _NOTHING
    if signed:
        run(("wipefs", "--quiet", "--all", "--force", path), timeout=_TIMEOUT)


def clean_volume(path: str) -> None:
    """Erase every signature before a format is made. Partitions have none: they are wiped with their table."""
    if not Path("/sys/class/block", Path(path).name, "partition").exists():
        clean(path)


@cache
def _library() -> Any:
    blkid = ctypes.CDLL("libblkid.so.1")
    blkid.blkid_new_probe_from_filename.restype = ctypes.c_void_p
    blkid.blkid_new_probe_from_filename.argtypes = [ctypes.c_char_p]
    for name in ("blkid_free_probe", "blkid_do_safeprobe", "blkid_do_probe"):
        getattr(blkid, name).argtypes = [ctypes.c_void_p]
    for name in ("blkid_probe_enable_superblocks", "blkid_probe_set_superblocks_flags",
                 "blkid_probe_enable_partitions", "blkid_probe_set_partitions_flags"):
        getattr(blkid, name).argtypes = [ctypes.c_void_p, ctypes.c_int]
    blkid.blkid_probe_filter_superblocks_type.argtypes = [ctypes.c_void_p, ctypes.c_int,
                                                          ctypes.POINTER(ctypes.c_char_p)]
    blkid.blkid_probe_lookup_value.argtypes = [
        ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_char_p), ctypes.POINTER(ctypes.c_size_t)]
    return blkid


@contextmanager
def _probe(path: str) -> Iterator[Any]:
    blkid = _library()
    probe = blkid.blkid_new_probe_from_filename(path.encode())
    _require(bool(probe), path)
    try:
        yield blkid, probe
    finally:
        blkid.blkid_free_probe(probe)


def _value(blkid: Any, probe: Any, name: str) -> "str | None":
    data, size = ctypes.c_char_p(), ctypes.c_size_t()
    if blkid.blkid_probe_lookup_value(probe, name.encode(), ctypes.byref(data), ctypes.byref(size)):
        return None
    return (data.value or b"").decode("utf-8", "replace")


def _require(fine: bool, path: str) -> None:
    if not fine:
        raise RebuildFailed("a device cannot be read", where=path, hint="see the kernel's log")
