"""The part of phase 2 that must work before its disk does: drivers of the disk in the initial RAM file system.

The kernel unpacks several archives behind each other into one tree, so what the set brings is put behind the rescue
system's own archive, uncompressed, together with a hook that loads it before udev looks for disks. Only what that
system cannot have by itself goes there: modules that do not come with the kernel, with what they depend on, and
firmware.

Source: Documentation/driver-api/early-userspace/buffer-format.rst of the kernel (newc), dracut.modules(7) (hooks).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Tuple

from rescue.set_drivers import in_order, words
from sif.drivers.placement import media_path, real_target
from sif.media import read_file
from sif.model import Driver, Need, SystemInformation
from sif.run import pasteable

PLACE = "lifeboat-drivers"
HOOK = "var/lib/dracut/hooks/pre-udev/00-lifeboat-drivers.sh"
"""The real place of dracut's hooks since version 106: an archive that named a directory behind its link
``usr/lib/dracut/hooks`` would replace that link, and with it take all other hooks away."""

_MAX_BYTES = 64 * 1024 * 1024
_ALIGN = 4


@dataclass(frozen=True)
class EarlyFile:
    """A file of the archive; a directory has no data. ``path`` has no slash at its start."""

    path: str
    mode: int
    data: bytes = b""


def early_drivers(saved: SystemInformation, kernel: str) -> Tuple[Driver, ...]:
    """The modules of the set that phase 2 needs before it sees its disk, in the order of loading."""
    by_id = {driver.id: driver for driver in saved.drivers}
    wanted: Dict[str, None] = {}
    todo = [d.id for d in saved.drivers if d.out_of_tree and Need.DISK in d.needs and d.kernel == kernel]
    while todo:
        ident = todo.pop()
        if ident in by_id and ident not in wanted:
            wanted[ident] = None
            todo.extend(by_id[ident].depends)
    return tuple(driver for driver in in_order(saved.drivers) if driver.id in wanted and driver.path)


def early_files(saved: SystemInformation, directory: Path, kernel: str) -> Tuple[EarlyFile, ...]:
    """What goes into the archive, none if the rescue system needs nothing; ``directory`` holds the set."""
    drivers = early_drivers(saved, kernel)
    firmware = {ident for d in saved.drivers if Need.DISK in d.needs and d.kernel == kernel for ident in d.firmware}
    files: List[EarlyFile] = []
    lines = ["# Loads what the set brings for the disk; a module that finds no hardware is no error."]
    for driver in drivers:
        inside = media_path(driver.path or "") or ""
        name = f"{PLACE}/{inside.rsplit('/', 1)[-1]}"
        files.append(EarlyFile(name, 0o644, read_file(directory, inside, _MAX_BYTES)))
        lines.append(pasteable(["insmod", f"/{name}", *words(driver.parameters or "")]) + " || :")
    for file in saved.files:
        target, source = real_target(file.target), media_path(file.path)
        if file.id in firmware and target and source:
            files.append(EarlyFile(target[1:], 0o644, read_file(directory, source, _MAX_BYTES)))
    if drivers:
        files.append(EarlyFile(HOOK, 0o755, ("\n".join(lines) + "\n").encode("utf-8")))
    return tuple(files)


def archive(files: Tuple[EarlyFile, ...]) -> bytes:
    """The files and the directories above them as a cpio archive of the kind ``newc``."""
    folders: Dict[str, None] = {}
    for file in files:
        parts = file.path.split("/")[:-1]
        folders.update({"/".join(parts[:depth]): None for depth in range(1, len(parts) + 1)})
    entries = [EarlyFile(folder, 0o040755) for folder in sorted(folders)]
    entries += [EarlyFile(file.path, 0o100000 | file.mode, file.data) for file in files]
    entries.append(EarlyFile("TRAILER!!!", 0))
    return b"".join(_entry(number, file) for number, file in enumerate(entries, 1))


def _entry(number: int, file: EarlyFile) -> bytes:
    name = file.path.encode("utf-8") + b"\0"
    links = 2 if file.mode & 0o040000 else 1
    fields = (number, file.mode, 0, 0, links, 0, len(file.data), 0, 0, 0, 0, len(name), 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + name
    return _padded(head) + _padded(file.data)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % _ALIGN)


def appended(initrd: bytes, files: Tuple[EarlyFile, ...]) -> bytes:
    """The initial RAM file system with the archive behind it."""
    return _padded(initrd) + archive(files) if files else initrd
