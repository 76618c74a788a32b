"""The shared libraries of a program, so that it runs in a rescue system that has others.

The program's own dynamic loader says which they are (ld.so(8), ``--list``); it maps them and starts nothing. They go
into a folder of their own with the loader, and a script starts the program by that loader: no library of the rescue
system is used by the program, and none of the program's by the rescue system.
"""

from __future__ import annotations

import posixpath
import struct
from typing import Optional, Tuple

from sif import look
from sif.capture.trees import offline

_PT_INTERP = 3
_HEADERS = {1: ("I", 28, "2H", 42, "I", 4, 16), 2: ("Q", 32, "2H", 54, "Q", 8, 32)}
"""By the class of the ELF file: type and place of the program headers' offset, of their size and count; then the type
of a segment's place and length, and where these are in its header."""

_LIST_SECONDS = 60.0


def loader_of(data: bytes) -> Optional[str]:
    """The dynamic loader that a program asks for; None for a static one, a script, and whatever is no ELF file."""
    if data[:4] != b"\x7fELF" or len(data) < 64 or data[4] not in _HEADERS or data[5] not in (1, 2):
        return None
    order = "<" if data[5] == 1 else ">"
    kind, at, pair, sizes, wide, place, length = _HEADERS[data[4]]
    try:
        start = struct.unpack_from(order + kind, data, at)[0]
        size, count = struct.unpack_from(order + pair, data, sizes)
        for header in range(start, start + size * count, size or 1):
            if struct.unpack_from(order + "I", data, header)[0] == _PT_INTERP:
                first, = struct.unpack_from(order + wide, data, header + place)
                many, = struct.unpack_from(order + wide, data, header + length)
                return data[first:first + min(many, 4096)].rstrip(b"\0").decode("utf-8", "replace")
    except struct.error:
        pass
    return None


def libraries_of(path: str, loader: str) -> Optional[Tuple[Tuple[str, str], ...]]:
    """(name that the program asks for, path) of all its libraries; None when that can't be told completely.

    Programs of another system's tree are not started, their loaders neither.
    """
    if offline() or not loader.startswith("/"):
        return None
    done = look.run((loader, "--list", path), timeout=_LIST_SECONDS, check=False)
    return parse_list(done.stdout) if done.status == 0 else None


def parse_list(text: str) -> Optional[Tuple[Tuple[str, str], ...]]:
    """What a loader lists; None if a library is missing."""
    found = []
    for line in text.splitlines():
        name, arrow, rest = line.strip().partition(" => ")
        where = rest.partition(" (")[0]
        if not arrow:
            continue  # the kernel's own, and the loader itself
        if not where.startswith("/"):
            return None
        if posixpath.basename(name) == name:
            found.append((name, where))
    return tuple(dict.fromkeys(found))


def starter(folder: str, loader: str, program: str) -> bytes:
    """The script that starts a program of ``folder`` with the loader and the libraries there."""
    return (f"#!/bin/sh\nexec '{folder}/{loader}' --library-path '{folder}' '{folder}/{program}' \"$@\"\n").encode()
