"""Build ``sif.pyz``: the whole ``sif`` package as one executable file, the same bytes for the same sources and Python.

    python3 -m sif.pack [--python PROGRAM ...] OUT.pyz

It holds the sources, for any Python from 3.9 on, and the bytecode of the one that builds it and of those named; a
machine with another version adds its own once: ``./sif.pyz precompile``. Without bytecode each start compiles all that
it loads, which takes three times as long as a capture's own work.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import io
import marshal
import sys
import zipfile
from pathlib import Path
from typing import Dict, Iterable, Optional, Sequence, Tuple

from sif.errors import Exit, UsageError
from sif.frozen import FOLDER, MARK, collection_of
from sif.run import run

SHEBANG = b"#!/usr/bin/env python3\n"
ENTRY = """import gc
gc.set_threshold(50_000)
import importlib.util, marshal, os, sys
tag = sys.implementation.cache_tag + "-" + importlib.util.MAGIC_NUMBER.hex()
at, size = {places}.get(tag, (0, 0))
if size:
    file = os.open(__loader__.archive, os.O_RDONLY)
    def read(start, length):
        return os.pread(file, length, at + start)
    if read(size - 8, 8) != {mark}:
        data = __loader__.get_data("{folder}/" + tag)
        def read(start, length):
            return data[start:start + length]
    sizes = read(size - 24, 16)
    index, reader = int.from_bytes(sizes[:8], "little"), int.from_bytes(sizes[8:], "little")
    head, space = read(0, reader + index), {{"__name__": "sif.frozen"}}
    exec(marshal.loads(head), space)
    space["begin"](__loader__, head, reader, read)
from sif.start import program
program()
"""
"""``places``: where the collection for each Python is in the file, and its size. Who has put another first line in
front of the archive has moved them; then all of a collection is read through Python."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file can hold: file times must not change the result."""

_HEADER = 30
"""Bytes in front of a file's name in a zip file, and nothing is between the name and a stored file."""
_UNIX = 3
_MODE = 0o100644


PLANNER = ("rescue/__init__.py", "rescue/plan.py", "rescue/hardware.py", "rescue/holders.py", "rescue/kernel_view.py",
           "rescue/plan_*.py", "rescue/planner/*.py")
"""What ``sif plan`` asks (:mod:`sif.planning`): pure modules; its own command is not among them."""


def sources(package: Path) -> Tuple[Tuple[str, bytes], ...]:
    """The package's files as (path in the archive, bytes), sorted: its modules, the data they read, the planner."""
    root = package.parent
    paths = [*package.rglob("*.py"), *(path for path in package.rglob("files/*") if path.is_file()),
             *(path for pattern in PLANNER for path in root.glob(pattern) if path.name != "cli.py")]
    return tuple(sorted((path.relative_to(root).as_posix(), path.read_bytes()) for path in paths))


def tag() -> str:
    """The name of this Python's bytecode; another with the same tag can run it."""
    return f"{sys.implementation.cache_tag}-{importlib.util.MAGIC_NUMBER.hex()}"


def compiled(files: Iterable[Tuple[str, bytes]]) -> Tuple[Tuple[str, bytes], ...]:
    """The bytecode of ``files`` for this Python, as further files of the archive."""
    found: Dict[str, Tuple[str, bool, bytes]] = {}
    for path, data in files:
        if path.endswith(".py") and path != "__main__.py":
            name, package = path[:-3].replace("/", "."), path.endswith("/__init__.py")
            name = name[:-len(".__init__")] if package else name
            code = compile(_undocumented(data), f"sif.pyz/{path}", "exec", dont_inherit=True)
            found[name] = (path, package, marshal.dumps(code))
    return ((f"{FOLDER}/{tag()}", collection_of(found["sif.frozen"][2], found)),)


def _undocumented(source: bytes) -> ast.Module:
    """The module without docstrings: a sixth of its bytecode, and no part of the program reads them."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(node) is not None:
            node.body[:1] = [] if len(node.body) > 1 else [ast.copy_location(ast.Pass(), node.body[0])]
    return tree


def archive(files: Sequence[Tuple[str, bytes]], bytecode: Sequence[Tuple[str, bytes]] = ()) -> bytes:
    """The executable archive of ``files``, with the bytecode in front: it is read without looking for it."""
    stream, places, at = io.BytesIO(), {}, len(SHEBANG)
    with zipfile.ZipFile(stream, "w") as target:
        for name, data in bytecode:
            at += _HEADER + len(name)
            places[name[len(FOLDER) + 1:]] = (at, len(data))
            at += len(data)
            _add(target, name, data)
        entry = ENTRY.format(places=places, mark=MARK, folder=FOLDER)
        for name, data in (("__main__.py", entry.encode("ascii")), *files):
            _add(target, name, data)
    return SHEBANG + stream.getvalue()


def _add(target: zipfile.ZipFile, name: str, data: bytes) -> None:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.create_system = _UNIX
    entry.external_attr = _MODE << 16
    # Bytecode is read at each start: to unpack it would take longer than to read it.
    entry.compress_type = zipfile.ZIP_STORED if name.startswith(f"{FOLDER}/") else zipfile.ZIP_DEFLATED
    target.writestr(entry, data)


def precompile(path: Path) -> bool:
    """Add the bytecode of this Python to an archive; False if it was there. Raises OSError, BadZipFile."""
    old = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(old)) as found:
        names = found.namelist()
        if f"{FOLDER}/{tag()}" in names:
            return False
        files = tuple((name, found.read(name)) for name in names if name != "__main__.py")
    new = path.with_name(f".{path.name}.new")
    try:
        new.write_bytes(archive([one for one in files if not one[0].startswith(f"{FOLDER}/")],
                                [*(one for one in files if one[0].startswith(f"{FOLDER}/")), *compiled(files)]))
        new.chmod(path.stat().st_mode & 0o7777)
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return True


def add_precompile(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    sub = commands.add_parser("precompile", help="make this file start faster", description="Add the bytecode of this "
                              "machine's Python to sif.pyz, unless it has it: it starts in a third of the time.")
    sub.add_argument("file", type=Path, nargs="?", metavar="SIF.PYZ", help="default: the file that is running")
    sub.set_defaults(command=_precompile)


def _precompile(arguments: argparse.Namespace) -> Exit:
    path = arguments.file or Path(sys.argv[0]).resolve()
    try:
        added = precompile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise UsageError("bytecode can be added to a sif.pyz that can be written", found=f"{path}: {error}",
                         wanted="the path of a sif.pyz", hint="an installed sif has its bytecode already") from error
    print(f"{path}: {'bytecode for' if added else 'has the bytecode for'} {tag()}", file=sys.stderr)
    return Exit.OK


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Write the archive to the path given."""
    parser = argparse.ArgumentParser(prog="python3 -m sif.pack", description="Build sif.pyz: the sif command as one "
                                     "file that needs Python 3.9 or later and nothing else.")
    parser.add_argument("output", type=Path, metavar="OUT.pyz", help="the file to write")
    parser.add_argument("--python", action="append", default=[], metavar="PROGRAM",
                        help="add the bytecode of this Python too; may be repeated")
    arguments = parser.parse_args(argv)
    files = sources(Path(__file__).resolve().parent)
    data = archive(files, compiled(files))
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(data)
        arguments.output.chmod(0o755)
        for program in arguments.python:
            run((program, "-I", str(arguments.output.resolve()), "precompile"), timeout=600)
    except OSError as error:
        print(f"{arguments.output}: cannot be written: {error.strerror}", file=sys.stderr)
        return int(Exit.INTERNAL)
    return int(Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
