"""The journal of done actions: what makes phase 2 resumable after a power cut."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import MappingProxyType
from typing import Dict, Mapping, Optional

from sif.errors import Exit, LifeboatError

Details = Mapping[str, str]


class JournalBroken(LifeboatError):
    """A line before the last one cannot be read: the journal was not torn by a power cut but damaged."""

    code = Exit.RESTORE_FAILED


class Journal:
    """An append-only file, one JSON object a line, each made durable before :meth:`record` returns.

    Opening it reads what is there. A torn last line, which a power cut leaves, is cut off: its action counts
    as not done and is done again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done: Dict[str, Details] = {}
        self._load()

    def done(self, key: str) -> bool:
        """Whether that action was finished in this or an earlier run."""
        return key in self._done

    def details(self, key: str) -> Optional[Details]:
        """What was recorded with a finished action, or None."""
        return self._done.get(key)

    def beginning(self, prefix: str) -> Mapping[str, Details]:
        """The finished actions whose names begin like that."""
        return {key: known for key, known in self._done.items() if key.startswith(prefix)}

    def record(self, key: str, **details: str) -> None:
        """Note that an action is finished; durable when this returns."""
        line = json.dumps({"key": key, **({"details": details} if details else {})}, sort_keys=True) + "\n"
        with self._path.open("ab") as out:
            out.write(line.encode())
            out.flush()
            os.fsync(out.fileno())
        self._done[key] = MappingProxyType(dict(details))

    def _load(self) -> None:
        if not self._path.exists():
            return
        raw = self._path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                entry = json.loads(line)
                self._done[str(entry["key"])] = MappingProxyType(dict(entry.get("details", {})))
            except (ValueError, KeyError, TypeError) as error:
                if number == len(whole.splitlines()):
                    # A crash can leave a block of zeros with the newline of a later write behind it.
                    whole = whole[: whole[:-1].rfind(b"\n") + 1]
                    break
                raise JournalBroken("the journal of this restore is damaged", where=f"{self._path}:{number}",
                                    found=repr(line[:80]), wanted="one JSON object with a key",
                                    hint="start over from the medium; the plan is in plan.json") from error
        if whole != raw:
            with self._path.open("r+b") as out:
                out.truncate(len(whole))
                os.fsync(out.fileno())
