"""A capture as a recording keeps it: the same code makes the text in the guest, in the recorder and in the tests."""

from __future__ import annotations

import json
import lzma
import re
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Optional, Tuple

from sif import look
from sif.capture import Captured, capture
from sif.errors import LifeboatError
from sif.tape import Tape
from sif.writer import write_text

MACHINES = Path(__file__).parent
ROOT = "/mnt/machine"
"""Where a layout script mounts the root file system that it has made."""

_SET_ID = "00000000-0000-4000-8000-000000000000"
_CREATED = "2026-01-01T00:00:00Z"
_PLAIN_BYTES = 32 * 1024
"""A tape of up to this size is kept as plain text, so that a new recording can be read as a diff."""


@dataclass(frozen=True)
class Outcome:
    """What came of a capture: its set, or why there is none; ``text`` is what the recording expects."""

    captured: Optional[Captured]
    text: str


def names() -> Tuple[str, ...]:
    """The recorded machines."""
    return tuple(sorted(path.parent.name for path in MACHINES.glob("*/layout.sh")))


def left_out(folder: Path) -> Tuple[str, ...]:
    """The names after ``# exclude:`` in a machine's layout: what its capture leaves out."""
    found = re.search(r"^# exclude: (.*)$", (folder / "layout.sh").read_text("utf-8"), re.MULTILINE)
    return tuple(found.group(1).split()) if found else ()


def captured_here(exclude: Tuple[str, ...]) -> Outcome:
    """Capture the machine (or the tape that is being replayed) and give the text that a recording keeps."""
    with tempfile.TemporaryDirectory() as empty:
        try:
            captured = capture(providers=Path(empty), describe_all=True, exclude=exclude)
        except LifeboatError as error:
            return Outcome(None, f"; {type(error).__name__}\n{error}\n")
    info = replace(captured.info, version=replace(captured.info.version, set_id=_SET_ID, created=_CREATED))
    notes = "".join(f"; note: {note}\n" for note in captured.notes)
    return Outcome(replace(captured, info=info), notes + write_text(info.records()))


def replayed(name: str) -> Outcome:
    """Capture a recorded machine again from its tape."""
    with look.replaying(read_tape(MACHINES / name)):
        return captured_here(left_out(MACHINES / name))


def read_tape(folder: Path) -> Tape:
    packed = folder / "tape.json.xz"
    if packed.exists():
        return Tape.from_json(lzma.decompress(packed.read_bytes()).decode())
    return Tape.from_json((folder / "tape.json").read_text("utf-8"))


def write_tape(folder: Path, text: str) -> None:
    """Keep a tape beside its layout, packed if it is long."""
    json.loads(text)
    plain, packed = folder / "tape.json", folder / "tape.json.xz"
    plain.unlink(missing_ok=True)
    packed.unlink(missing_ok=True)
    if len(text.encode()) <= _PLAIN_BYTES:
        plain.write_text(text, "utf-8")
    else:
        packed.write_bytes(lzma.compress(text.encode()))
