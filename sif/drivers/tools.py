"""Programs of the captured machine that a store is reached or read by, taken along into the rescue system."""

from __future__ import annotations

import posixpath
from typing import Dict, List, Sequence

from sif import look
from sif.drivers.collect import Drivers
from sif.drivers.errors import ToolNotFit
from sif.drivers.libraries import libraries_of, loader_of, starter
from sif.drivers.placement import real_target
from sif.media import MAX_SET_FILE_BYTES, SCHEME, path_fault, sha256_hex
from sif.model import Need, SetFile
from sif.plain import replace
from sif.text import identifier

_LIBRARIES = "/usr/local/lib/lifeboat-tools"
"""Where the programs with libraries of their own go, each into a folder."""


def with_tools(found: Drivers, paths: Sequence[str]) -> Drivers:
    """``found`` with programs added, each needed for the store, and their shared libraries. Raises ToolNotFit.

    Helpers of mount (``mount.nfs``) go where mount looks for them, anything else to ``/usr/local/bin``.
    """
    files: List[SetFile] = []
    content: Dict[str, bytes] = {}
    notes: List[str] = []

    def add(name: str, inside: str, data: bytes, target: str) -> None:
        content[inside] = data
        files.append(SetFile(id=identifier(f"tool_{name}"), path=SCHEME + inside, sha256=sha256_hex(data),
                             target=target, mode="0755", needs=(Need.STORE,)))

    for path in dict.fromkeys(paths):
        name = posixpath.basename(path)
        data = _read(path)
        target = f"/usr/sbin/{name}" if real_target(f"/usr/sbin/{name}") else f"/usr/local/bin/{name}"
        inside = f"files/tools/{name}"
        if inside in content or path_fault(inside) or "'" in name:
            raise ToolNotFit("a program's name does not fit", where=path, found=name,
                             wanted="different names that a file of a set can have")
        loader = loader_of(data)
        libraries = libraries_of(path, loader) if loader else None
        if loader is None or libraries is None:
            add(name, inside, data, target)
            if loader:
                notes.append(f"{path} is linked to shared libraries that could not be told: it works in the rescue "
                             "system if that has them; a static build always does")
            continue
        folder, loaded = f"{_LIBRARIES}/{name}", posixpath.basename(loader)
        add(name, inside, starter(folder, loaded, name), target)
        content_of = {name: data, loaded: _read(loader), **{known: _read(place) for known, place in libraries}}
        for known, piece in sorted(content_of.items()):
            add(f"{name}_{known}", f"files/tools/{name}.libraries/{known}", piece, f"{folder}/{known}")
        notes.append(f"{path} goes along with {len(content_of) - 1} shared libraries; what it loads by itself later "
                     "(plugins, name services) does not")
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
