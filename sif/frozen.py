"""The modules of ``sif.pyz`` from the bytecode in it: without this, Python compiles them again at each start.

An archive has one collection of code for each version of Python that it was prepared for (:mod:`sif.pack`), and its
sources for all others. Nothing is imported here that Python has not loaded to find the archive.

A part of a collection begins with this module's own code, by which it is read; then come an index and the code of the
modules. :mod:`marshal` reads one object from the front of what it is given.
"""

from __future__ import annotations

import marshal
import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Dict, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from zipimport import zipimporter

FOLDER = "bytecode"
FIRST, REST = "first", "rest"
"""The two parts of a collection: what a capture begins with, and what other commands load."""

Module = Tuple[str, bool, memoryview]
"""Its file in the archive, whether it is a package, its code."""


def part_of(reader: bytes, modules: Dict[str, Tuple[str, bool, bytes]]) -> bytes:
    """The bytes of a part; ``reader`` is the code of this module."""
    index, at = {}, 0
    for name, (path, package, code) in modules.items():
        index[name] = (path, package, at, at + len(code))
        at += len(code)
    head = marshal.dumps(index)
    size = len(head).to_bytes(8, "little") + len(reader).to_bytes(8, "little")
    return b"".join((reader, head, *(code for _, _, code in modules.values()), size))


def modules_of(part: bytes) -> Dict[str, Module]:
    """What :func:`part_of` was given."""
    all_of = memoryview(part)
    head, reader = int.from_bytes(part[-16:-8], "little"), int.from_bytes(part[-8:], "little")
    code = all_of[reader + head:]
    return {name: (path, package, code[start:end])
            for name, (path, package, start, end) in marshal.loads(all_of[reader:]).items()}


class Frozen:
    """Finds and loads the modules of one archive."""

    def __init__(self, archive: "zipimporter", tag: str, first: bytes) -> None:
        self.archive, self.tag, self.known = archive, tag, modules_of(first)
        self.complete = False

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        """As the import system asks."""
        if name not in self.known and not self.complete and name.startswith(("sif.", "rescue")):
            self.known = {**self.known, **modules_of(self.archive.get_data(f"{FOLDER}/{self.tag}/{REST}"))}
            self.complete = True
        entry = self.known.get(name)
        if entry is None:
            return None
        where = f"{self.archive.archive}/{entry[0]}"
        spec = ModuleSpec(name, self, origin=where, is_package=entry[1])  # type: ignore[arg-type]
        spec.has_location = True
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(where.rpartition("/")[0])
        return spec

    def create_module(self, spec: ModuleSpec) -> Optional[ModuleType]:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self.get_code(module.__name__), module.__dict__)

    def get_code(self, name: str) -> CodeType:
        return marshal.loads(self.known[name][2])  # type: ignore[no-any-return]

    def get_source(self, name: str) -> str:
        """For :mod:`linecache`."""
        return self.archive.get_data(self.known[name][0]).decode("utf-8")

    def get_data(self, path: str) -> bytes:
        """A file beside the modules. Raises OSError."""
        return self.archive.get_data(path)


def begin(archive: "zipimporter", tag: str, first: bytes) -> None:
    """From now on modules come from this archive's bytecode."""
    sys.meta_path.insert(0, Frozen(archive, tag, first))
