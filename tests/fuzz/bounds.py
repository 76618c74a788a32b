"""Sets of the largest size that is read at all, made as costly as can be, and a child that reads them within bounds.

    python -m fuzz.bounds KIND DIRECTORY
"""

from __future__ import annotations

import dataclasses
import resource
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

from hostile_table import BASE

from sif.check import RULES
from sif.codec import schemas
from sif.errors import LifeboatError
from sif.media import manifest_text, sha256_hex
from sif.model import FIELD_OF_KIND
from sif.parse import parse_text
from sif.reader import MAX_SET_SECTIONS, MAX_SET_TEXT_BYTES, load_set, read_set
from sif.text import MAX_FILE_BYTES, MAX_LINE_BYTES

MEMORY_MB = 640
"""What reading the worst set may take, the interpreter with it. The rescue system runs in 1 GiB."""
TEXT_MEMORY_MB = 192
"""The same, for a set without large files beside its text."""
CPU_SECONDS = 120
"""Processor time after which a child is stopped: nothing here takes a quarter of it on a slow machine."""

SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"
PARTS = MAX_SET_TEXT_BYTES // MAX_FILE_BYTES


def head(part: int, parts: int) -> str:
    """The VERSION section of a part."""
    return f'[VERSION]\nsignature = "$SIF$"\nformat = 2.0\nset_id = {SET_ID}\npart = {part}\nparts = {parts}\n'


def full(part: int, piece: Callable[[int, int], str]) -> bytes:
    """A part that is as long as one may be, filled with ``piece(number, part)``."""
    found = [head(part, PARTS)]
    room, number = MAX_FILE_BYTES - len(found[0]), 0
    while room >= 0:
        found.append(piece(number, part))
        room -= len(found[-1])
        number += 1
    return "".join(found[:-1]).encode()


def parts(piece: Callable[[int, int], str]) -> Dict[str, bytes]:
    """A machine, and all the text behind it that a set may have."""
    others = {f"p{number}.sif": full(number, piece) for number in range(2, PARTS + 1)}
    include = "".join(f'[INCLUDE {name[1:-4]}]\npath = "{name}"\nsha256 = "{sha256_hex(data)}"\n'
                      for name, data in others.items())
    return {"dr_state.sif": (head(1, PARTS) + include + machine()).encode(), **others}


def machine() -> str:
    """The base set's machine without its files."""
    text = (BASE / "dr_state.sif").read_text(encoding="utf-8")
    text = text[text.index("[SYSTEM"):text.index("[CATALOG")]
    return "\n".join(line for line in text.split("\n") if "metadata" not in line)


def listing(separator: str, word: str) -> str:
    """A list that fills a line."""
    return separator.join([word] * ((MAX_LINE_BYTES - 64) // len(separator + word)))


def command(number: int, part: int, keys: str) -> str:
    return f"[COMMAND {part}{number:05d}]\nphase = error\nvendor = v\ntitle = t\n{keys}\n"


def files_of_all_sizes() -> Dict[str, bytes]:
    """A catalog of the greatest number of entries, and a manifest of more files than are read."""
    line = "%064d 0755 0:0 1 - a=1 same /usr/%07d%s\n"
    catalog = ("sif-catalog 1\n" + "".join(line % (0, number, "x" * 60) for number in range(400_000))).encode()
    section = f'[CATALOG c]\npath = "media:c"\nsha256 = "{sha256_hex(catalog)}"\nentries = 400000\n'
    found = {"dr_state.sif": (head(1, 1) + machine() + section).encode(), "c": catalog}
    found.update({f"f{number}": bytes(64 << 20) for number in range(4)})
    return {**found, "manifest": manifest_text(found).encode()}


SETS: Dict[str, Callable[[], Dict[str, bytes]]] = {
    "numbers": lambda: parts(lambda number, part: command(
        number, part, f"argv = [true]\nsuccess = [{listing(',', '1')}]")),
    "strings": lambda: parts(lambda number, part: command(number, part, f"argv = [{listing(', ', 'a')}]")),
    "references": lambda: parts(lambda number, part: f"[DRIVER {part}_{number}]\nmodule = m\nkernel = k\n"
                                                     f"depends = [{listing(',', 'nothing')}]\n"),
    "keys": lambda: parts(lambda number, part: f"a{number:x}=1\n" if number else f"[X-A.B c{part}]\n"),
    "wrong-lines": lambda: parts(lambda number, part: "x\n" if number else f"[X-A.B c{part}]\n"),
    "wrong-values": lambda: parts(lambda number, part: f"[DISK {part}_{number}]\nrole=x\n"),
    "files": files_of_all_sizes,
}


def thousands_of_each_kind() -> None:
    """Every check over as many sections of each kind as a set may have: none may take their number's square."""
    info = read_set(BASE)
    count = MAX_SET_SECTIONS
    for schema in schemas().values():
        if not schema.has_id or schema.kind == "SYSTEM":
            continue
        keys = "".join(f"{key.name} = {key.info.example}\n" for key in schema.keys)
        record: Any = parse_text(f"{head(1, 1)}[{schema.kind} 1]\n{keys}", "t")[0][1]
        many: Any = tuple(dataclasses.replace(record, id=str(number + 1)) for number in range(count))
        crowd = dataclasses.replace(info, **{FIELD_OF_KIND[schema.kind]: many})
        for rule in RULES:
            for _ in rule.load()(crowd):
                pass


def bounded(kind: str) -> None:
    """From here on this process may not take more."""
    megabytes = MEMORY_MB if kind == "files" else TEXT_MEMORY_MB
    if kind != "sections":
        resource.setrlimit(resource.RLIMIT_DATA, (megabytes << 20, megabytes << 20))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))


def main(arguments: List[str]) -> int:
    """Read the set in the directory, in bounds; what was said of it is printed."""
    kind, directory = arguments
    bounded(kind)
    if kind == "sections":
        thousands_of_each_kind()
        print("every check came to its end")
        return 0
    try:
        load_set(Path(directory))
        print("sound")
    except LifeboatError as error:
        print(error.code.name)
    print(f"peak {peak_kib() >> 10} MiB")
    return 0


def peak_kib() -> int:
    """The most memory that this program has had. Not ``ru_maxrss``: that begins with what its parent had at a fork."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
