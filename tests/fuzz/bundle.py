"""Several files in one fuzzer's input: a line ``%%% path`` before each one's bytes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, Mapping

from sif.media import path_fault

MAX_FILES = 12

_MARK = re.compile(rb"^%%% ([!-~]{1,80})\n", re.MULTILINE)


def packed(files: Mapping[str, bytes]) -> bytes:
    """The files as one input."""
    return b"".join(b"%%% " + path.encode() + b"\n" + data for path, data in sorted(files.items()))


def unpacked(data: bytes) -> Dict[str, bytes]:
    """The files of an input; what stands before the first mark belongs to none. Only paths that stay inside."""
    pieces = _MARK.split(data)[1:]
    found: Dict[str, bytes] = {}
    for name, content in zip(pieces[::2], pieces[1::2]):
        path = name.decode("ascii")
        if path_fault(path) is None and len(found) < MAX_FILES:
            found[path] = content
    return found


def laid_out(files: Mapping[str, bytes], directory: Path) -> None:
    """Write the files; a path that another one is in the way of is left out."""
    for path, content in files.items():
        target = directory / path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
