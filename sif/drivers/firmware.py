"""Firmware files that modules name and that are installed, as the kernel looks for them.

Source: drivers/base/firmware_loader/main.c of the kernel: the directories in this order, the plain file before the
packed ones.
"""

from __future__ import annotations

import fnmatch
import posixpath
from typing import Iterator, Tuple

from sif import look
from sif.plain import dataclass

_PACKED = ("", ".zst", ".xz")
_MAX_DEPTH = 8


@dataclass(frozen=True)
class FirmwareFile:
    """``name`` as the module asks for it (with the ending of a packed file), ``path`` where it is installed."""

    name: str
    path: str


def directories(release: str) -> Tuple[str, ...]:
    return (f"/lib/firmware/updates/{release}", "/lib/firmware/updates", f"/lib/firmware/{release}", "/lib/firmware")


def find_firmware(asked: str, release: str) -> Tuple[FirmwareFile, ...]:
    """The installed files that a module's ``firmware`` statement means; several if it is a pattern, none if none is.

    A link is followed inside the captured tree, so that the file's content travels under the name that is asked for.
    """
    if any(part in ("", ".", "..") for part in asked.split("/")):
        return ()
    if any(char in asked for char in "*?["):
        names = sorted({name for directory in directories(release) for name in _matching(directory, asked)})
        return tuple(file for name in names for file in find_firmware(name, release))
    for directory in directories(release):
        for ending in _PACKED:
            path = posixpath.join(directory, asked + ending)
            if look.exists(path) and not look.is_dir(path):
                return (FirmwareFile(asked + ending, look.real(path)),)
    return ()


def _matching(directory: str, pattern: str) -> Iterator[str]:
    """The names below a directory, unpacked, that match a pattern part by part."""
    parts = pattern.split("/")
    if len(parts) > _MAX_DEPTH:
        return
    found = [""]
    for depth, part in enumerate(parts):
        last = depth == len(parts) - 1
        step = []
        for place in found:
            for name in look.entries(posixpath.join(directory, place) if place else directory):
                plain = next((name[:-len(end)] for end in _PACKED[1:] if last and name.endswith(end)), name)
                if fnmatch.fnmatchcase(plain, part):
                    step.append(posixpath.join(place, plain))
        found = step
    yield from found
