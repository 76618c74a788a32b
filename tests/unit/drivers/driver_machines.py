"""Machines made of a few files and links, and kernel modules made of a few bytes, for the tests of drivers."""

from __future__ import annotations

import errno
import json
import lzma
import posixpath
import struct
from contextlib import AbstractContextManager
from typing import Any, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.tape import Tape, encoded

RELEASE = "6.12.9-test"
BASE = f"/usr/lib/modules/{RELEASE}"
PCI = "/sys/devices/pci0000:00"


def module(name: str, *, depends: Sequence[str] = (), firmware: Sequence[str] = (), in_tree: bool = True,
           version: str = "", kernel: str = RELEASE) -> bytes:
    """An ELF file with nothing in it but its statements."""
    pairs = [("name", name), ("vermagic", f"{kernel} SMP preempt mod_unload"), ("depends", ",".join(depends)),
             *(("firmware", path) for path in firmware)]
    pairs += [("intree", "Y")] * in_tree + [("version", version)] * bool(version)
    statements = b"".join(f"{key}={value}".encode() + b"\0" for key, value in pairs)
    names = b"\0.modinfo\0.shstrtab\0"
    at = 64
    table = at + len(statements) + len(names)
    head = b"\x7fELF\x02\x01\x01" + bytes(9)
    head += struct.pack("<HHIQQQIHHHHHH", 1, 62, 1, 0, 0, table, 0, 64, 0, 0, 64, 3, 2)
    places = ((0, 0, 0, 0), (1, 1, at, len(statements)), (10, 3, at + len(statements), len(names)))
    sections = b"".join(struct.pack("<IIQQQQIIQQ", word, kind, 0, 0, where, size, 0, 0, 1, 0)
                        for word, kind, where, size in places)
    return head + statements + names + sections


class Machine:
    """Files, links and programs' answers; directories are what paths imply."""

    def __init__(self) -> None:
        self.files: Dict[str, bytes] = {}
        self.links: Dict[str, str] = {"/lib": "usr/lib"}
        self.programs: Dict[Tuple[str, ...], str] = {}
        self.modinfo: Dict[str, str] = {}

    def add(self, files: Mapping[str, "str | bytes"]) -> "Machine":
        for path, content in files.items():
            self.files[path] = content.encode() if isinstance(content, str) else content
        return self

    def link(self, path: str, target: str) -> "Machine":
        self.links[path] = target
        return self

    def device(self, path: str, driver: Optional[str] = None, module: Optional[str] = None,
               bus: str = "pci") -> "Machine":
        """A device of sysfs with its driver; a driver without a module is part of the kernel."""
        self.link(f"{path}/subsystem", f"/sys/bus/{bus}")
        if driver:
            self.link(f"{path}/driver", f"/sys/bus/{bus}/drivers/{driver}")
            self.add({f"/sys/bus/{bus}/drivers/{driver}/bind": ""})
        if driver and module:
            self.link(f"/sys/bus/{bus}/drivers/{driver}/module", f"/sys/module/{module}")
            self.add({f"/sys/module/{module}/initstate": "live\n"})
        return self

    def install(self, *modules: Tuple[str, bytes], builtin: Iterable[str] = (), aliases: Iterable[str] = (),
                soft: Iterable[str] = ()) -> "Machine":
        """Kernel modules as (file below the release's directory, bytes), with depmod's files."""
        from sif.drivers.modinfo import facts_of, module_name
        facts = {module_name(path): facts_of(data, path) for path, data in modules}
        paths = {module_name(path): path for path, _ in modules}

        def below(name: str) -> Tuple[str, ...]:
            return tuple(dict.fromkeys(found for one in facts[name].depends for found in (one, *below(one))))
        self.add({f"{BASE}/{path}": data for path, data in modules})
        return self.add({
            f"{BASE}/modules.dep": "".join(
                f"{path}: {' '.join(paths[other] for other in below(name))}\n" for name, path in paths.items()),
            f"{BASE}/modules.builtin": "".join(f"kernel/{name}.ko\n" for name in builtin),
            f"{BASE}/modules.alias": "".join(f"alias {line}\n" for line in aliases),
            f"{BASE}/modules.softdep": "".join(f"softdep {line}\n" for line in soft)})

    def looked_at(self) -> "AbstractContextManager[None]":
        """Inside, this is the machine that :mod:`sif.look` sees."""
        return look.replaying(Tape(_Answers(self)))

    def real(self, path: str) -> str:
        for _ in range(40):
            for link in sorted(self.links, key=len):
                if path == link or path.startswith(link + "/"):
                    target = posixpath.join(posixpath.dirname(link), self.links[link])
                    path = posixpath.normpath(target + path[len(link):])
                    break
            else:
                return path
        raise AssertionError(f"a loop of links at {path}")

    def children(self, path: str) -> Tuple[str, ...]:
        top = path.rstrip("/") + "/"
        return tuple(sorted({name[len(top):].split("/")[0] for name in (*self.files, *self.links)
                             if name.startswith(top)}))


class _Answers(Dict[str, Any]):
    """A tape that is computed instead of recorded."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine

    def __contains__(self, name: object) -> bool:
        return True

    def __getitem__(self, name: str) -> Any:
        what, *arguments = json.loads(name)
        return getattr(self, f"_{what}")(*arguments)

    def _real(self, path: str) -> str:
        return self.machine.real(path)

    def _exists(self, path: str) -> bool:
        found = self.machine.real(path)
        return found in self.machine.files or bool(self.machine.children(found))

    def _is_dir(self, path: str) -> bool:
        found = self.machine.real(path)
        return found not in self.machine.files and bool(self.machine.children(found))

    def _entries(self, path: str) -> Any:
        return {"tuple": list(self.machine.children(self.machine.real(path)))}

    def _link(self, path: str) -> Optional[str]:
        parent, name = posixpath.split(path)
        return self.machine.links.get(posixpath.join(self.machine.real(parent), name))

    def _text(self, path: str) -> Any:
        return self._data(path, -1, 0)

    def _data(self, path: str, length: int, offset: int) -> Any:
        data = self.machine.files.get(self.machine.real(path))
        if data is None:
            return {"errno": errno.ENOENT}
        return encoded(data[offset:] if length < 0 else data[offset:offset + length])

    def _modinfo(self, path: str) -> str:
        return self.machine.modinfo[path]

    def _have(self, tool: str) -> bool:
        return any(argv[0] == tool for argv in self.machine.programs)

    def _run(self, argv: Sequence[str]) -> Any:
        known = tuple(argv) in self.machine.programs
        return {"tuple": [0 if known else 1, self.machine.programs.get(tuple(argv), ""), ""]}


def packed(data: bytes) -> bytes:
    return lzma.compress(data)
