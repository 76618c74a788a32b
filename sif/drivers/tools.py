"""Programs of the captured machine that a store is reached or read by, taken along into the rescue system."""

from __future__ import annotations

import posixpath
import struct
from dataclasses import replace
from typing import Dict, List, Sequence

from sif import look
from sif.drivers.collect import Drivers
from sif.drivers.errors import ToolNotFit
from sif.drivers.placement import real_target
from sif.media import MAX_SET_FILE_BYTES, SCHEME, path_fault, sha256_hex
from sif.model import Need, SetFile
from sif.text import identifier

_PT_INTERP = 3
_HEADERS = {1: ("I", 28, "2H", 42), 2: ("Q", 32, "2H", 54)}
"""By the class of the ELF file: type and place of the program headers' offset, then of their size and count."""


def with_tools(found: Drivers, paths: Sequence[str]) -> Drivers:
    """``found`` with programs added, each needed for the store. Raises ToolNotFit.

    Helpers of mount (``mount.nfs``) go where mount looks for them, anything else to ``/usr/local/bin``.
    """
    files: List[SetFile] = []
    content: Dict[str, bytes] = {}
    notes: List[str] = []
    for path in dict.fromkeys(paths):
        name = posixpath.basename(path)
        data = _read(path)
        target = f"/usr/sbin/{name}" if real_target(f"/usr/sbin/{name}") else f"/usr/local/bin/{name}"
        inside = f"files/tools/{name}"
        if inside in content or path_fault(inside):
            raise ToolNotFit("a program's name does not fit", where=path, found=name,
                             wanted="different names that a file of a set can have")
        content[inside] = data
        files.append(SetFile(id=identifier(f"tool_{name}"), path=SCHEME + inside, sha256=sha256_hex(data),
                             target=target, mode="0755", needs=(Need.STORE,)))
        if needs_libraries(data):
            notes.append(f"{path} is linked to shared libraries: it works in the rescue system if that has them; a "
                         "static build always does")
    return replace(found, files=(*found.files, *files), content={**found.content, **content},
                   notes=(*found.notes, *notes))


def _read(path: str) -> bytes:
    if not path.startswith("/"):
        raise ToolNotFit("not an absolute path", found=path, wanted="for example /usr/bin/restic")
    try:
        data = look.data(path, MAX_SET_FILE_BYTES + 1)
    except OSError as error:
        raise ToolNotFit("the program cannot be read", where=path, found=str(error)) from error
    if len(data) > MAX_SET_FILE_BYTES:
        raise ToolNotFit("the program is too large for a set", where=path, wanted=f"at most {MAX_SET_FILE_BYTES} bytes")
    return data


def needs_libraries(data: bytes) -> bool:
    """Whether a program asks for a dynamic loader; a script, and anything else that is no ELF file, does not."""
    if data[:4] != b"\x7fELF" or len(data) < 64 or data[4] not in _HEADERS or data[5] not in (1, 2):
        return False
    order = "<" if data[5] == 1 else ">"
    kind, at, pair, sizes = _HEADERS[data[4]]
    try:
        start = struct.unpack_from(order + kind, data, at)[0]
        size, count = struct.unpack_from(order + pair, data, sizes)
        return any(struct.unpack_from(order + "I", data, start + number * size)[0] == _PT_INTERP
                   for number in range(count))
    except struct.error:
        return False
