"""The modules of ``sif.pyz`` from the bytecode in it: without this, Python compiles them again at each start.

An archive has one collection of code for each version of Python that it was prepared for (:mod:`sif.pack`), and its
sources for all others. Nothing is imported here that Python has not loaded to find the archive.

A collection begins with this module's own code, by which it is read; then come an index and the code of the modules,
and the sizes of the first two. A module's code is read from the file when it is imported: a capture needs a third of
the collection, and memory that it never touches costs it nothing. :mod:`marshal` reads one object from the front of
what it is given.
"""

from __future__ import annotations

import marshal
import sys
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Callable, Dict, Optional, Sequence, Tuple

if TYPE_CHECKING:
    from zipimport import zipimporter

FOLDER = "bytecode"
MARK = b"sif.pyz\n"
"""The end of every collection."""

Read = Callable[[int, int], bytes]
"""Bytes of a collection: where they begin, how many."""


def collection_of(reader: bytes, modules: Dict[str, Tuple[str, bool, bytes]]) -> bytes:
    """The bytes of a collection; ``reader`` is the code of this module, ``modules`` are (file, is a package, code).

    At its end are the sizes of the index and of the reader, eight bytes each, the least significant first, and a mark.
    """
    index, at = {}, 0
    for name, (path, package, code) in modules.items():
        index[name] = (path, package, at, len(code))
        at += len(code)
    head = marshal.dumps(index)
    sizes = len(head).to_bytes(8, "little") + len(reader).to_bytes(8, "little")
    return b"".join((reader, head, *(code for _, _, code in modules.values()), sizes, MARK))


class Frozen:
    """Finds and loads the modules of one archive."""

    def __init__(self, archive: "zipimporter", head: bytes, reader: int, read: Read) -> None:
        self.archive, self._read, self._begin = archive, read, len(head)
        self.known: Dict[str, Tuple[str, bool, int, int]] = marshal.loads(memoryview(head)[reader:])

    def find_spec(self, name: str, path: Optional[Sequence[str]] = None,
                  target: Optional[ModuleType] = None) -> Optional[ModuleSpec]:
        """As the import system asks."""
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
        _, _, start, length = self.known[name]
        return marshal.loads(self._read(self._begin + start, length))  # type: ignore[no-any-return]

    def get_source(self, name: str) -> str:
        """For :mod:`linecache`."""
        return self.archive.get_data(self.known[name][0]).decode("utf-8")

    def get_data(self, path: str) -> bytes:
        """A file beside the modules. Raises OSError."""
        return self.archive.get_data(path)


def begin(archive: "zipimporter", head: bytes, reader: int, read: Read) -> None:
    """From now on modules come from this archive's bytecode: ``head`` is the collection as far as its index, of which
    the first ``reader`` bytes are this module."""
    sys.meta_path.insert(0, Frozen(archive, head, reader, read))
