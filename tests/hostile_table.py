"""The table of hostile sets (unit/sif/hostile/*.toml): a sound set, one change a case, and all that must be said of it.

A case has ``name``, the change, ``code`` (a name of :class:`sif.errors.Exit`) and ``problems``, all of them, in order,
as ``file:line:column what``. The change is one or more of

    in, old, new       replace a text that is there exactly once (``in`` is dr_state.sif where it is left out)
    text               the whole file anew
    append             text at the end
    changes            several replacements: lists of file, old, new
    delete, link       remove a file; move it away and leave a symbolic link
    add                further files: path and content
    seal               false: leave the digests as they were (they are brought up to date otherwise)

In every text ``{{TEXT*COUNT}}`` stands for repetitions, with ``#`` the number of each, and ``{{xHH}}`` for a byte.
``grammar = false`` says that the text breaks the grammar of docs/sif-format.md.
"""

from __future__ import annotations

import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Mapping, Tuple

from sif.media import MANIFEST, manifest_text, sha256_hex

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

HERE = Path(__file__).parent / "unit" / "sif" / "hostile"
BASE = HERE / "base"
FIRST = "dr_state.sif"

_MACRO = re.compile(r"\{\{(?:(?P<text>(?:.|\n)*?)\*(?P<count>[0-9]+)|x(?P<byte>[0-9a-f]{2}))\}\}")


@dataclass(frozen=True)
class Case:
    """One row of the table."""

    name: str
    source: str
    spec: Mapping[str, Any]

    @property
    def grammatical(self) -> bool:
        return bool(self.spec.get("grammar", True))

    def files(self) -> Dict[str, bytes]:
        """The set's files with the change, sealed unless the case says otherwise."""
        files = {path.relative_to(BASE).as_posix(): path.read_bytes() for path in BASE.rglob("*") if path.is_file()}
        before = dict(files)
        spec, name = self.spec, self.spec.get("in", FIRST)
        one = [(name, spec["old"], spec["new"])] if "old" in spec else []
        for path, old, new in (*spec.get("changes", []), *one):
            assert files[path].count(old.encode()) == 1, f"{self.name}: {old!r} is not once in {path}"
            files[path] = files[path].replace(old.encode(), expanded(new))
        if "text" in spec:
            files[name] = expanded(spec["text"])
        if "append" in spec:
            files[name] += expanded(spec["append"])
        files.update({path: expanded(text) for path, text in spec.get("add", {}).items()})
        return sealed(before, files, {name, *(change[0] for change in spec.get("changes", []))}) \
            if spec.get("seal", True) else files

    def lay_out(self, directory: Path) -> None:
        """Write the set into ``directory``, which must not be there yet."""
        for path, data in self.files().items():
            target = directory / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        for path in self.spec.get("delete", []):
            (directory / path).unlink()
        for path in self.spec.get("link", []):
            away = directory.parent / ("away-" + path.replace("/", "-"))
            shutil.move(str(directory / path), str(away))
            (directory / path).symlink_to(away)


def expanded(text: str) -> bytes:
    """The text with its macros replaced."""
    found: List[bytes] = []
    at = 0
    for match in _MACRO.finditer(text):
        found.append(text[at:match.start()].encode())
        at = match.end()
        if match.group("byte"):
            found.append(bytes((int(match.group("byte"), 16),)))
        else:
            found.extend(match.group("text").replace("#", str(number)).encode()
                         for number in range(int(match.group("count"))))
    found.append(text[at:].encode())
    return b"".join(found)


def sealed(before: Mapping[str, bytes], files: Mapping[str, bytes], changed: "set[str]") -> Dict[str, bytes]:
    """The files with every digest that covers a changed one brought up to date, unless that is the case's change."""
    found = dict(files)
    for path in sorted(changed - {FIRST, MANIFEST}):
        if path in before:
            old, new = (sha256_hex(content[path]).encode() for content in (before, found))
            found[FIRST] = found[FIRST].replace(old, new)
    if MANIFEST not in changed and MANIFEST in found:
        del found[MANIFEST]
        found[MANIFEST] = manifest_text(found).encode()
    return found


def cases() -> Tuple[Case, ...]:
    """Every case of every table."""
    found: List[Case] = []
    for path in sorted(HERE.glob("*.toml")):
        with path.open("rb") as stream:
            found.extend(Case(spec["name"], path.name, spec) for spec in tomllib.load(stream)["case"])
    return tuple(found)
