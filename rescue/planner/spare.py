"""Hardware that is not in front of us: described by a file, by the set of another machine, or by the set itself."""

from __future__ import annotations

from pathlib import Path

from rescue.hardware import Hardware, PresentDisk, PresentPartition
from rescue.planner.codec import load_hardware
from sif.errors import UsageError
from sif.model import DiskRole, SystemInformation
from sif.reader import load_set

ITSELF = "itself"
"""The word for the machine of the set, with its own disks, empty."""


def hardware_at(word: str, saved: SystemInformation) -> Hardware:
    """The machine that the word names: ``itself``, a JSON file of hardware, or a set.

    Raises :class:`UsageError` for anything else.
    """
    if word == ITSELF:
        return hardware_of(saved)
    path = Path(word)
    if path.is_dir() or path.suffix.lower() == ".sif":
        return hardware_of(load_set(path).info)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("cannot read the description of the machine", where=word, found=str(error),
                         wanted=f"`{ITSELF}`, a set, or JSON as `rescue plan --show-hardware` prints it") from error
    return load_hardware(text)


def hardware_of(info: SystemInformation) -> Hardware:
    """The machine that a set describes, with empty disks: those that are not rebuilt keep what they hold."""
    return Hardware(info.system.firmware, info.system.arch, tuple(
        PresentDisk(name=disk.device or disk.id, path=f"/dev/{disk.device or disk.id}", size_bytes=disk.size_bytes,
                    logical_sector=disk.logical_sector, physical_sector=disk.physical_sector, model=disk.model,
                    serial=disk.serial, wwn=disk.wwn, bus=disk.bus, by_path=disk.by_path,
                    signatures=() if disk.role is DiskRole.CRITICAL else (f"{disk.id}: {disk.role.value} disk",),
                    partitions=() if disk.role is DiskRole.CRITICAL else tuple(
                        PresentPartition(part.id, part.start_sector * disk.logical_sector,
                                         part.sectors * disk.logical_sector)
                        for part in info.partitions if part.disk == disk.id))
        for disk in info.disks), info.system.ram_bytes or 0, cpu_threads=info.system.cpu_threads or 0,
        video=tuple(word.partition(" ")[0] for word in info.system.video))
