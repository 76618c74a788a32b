"""Users of a tree that is not ours: read from its own files, because its name service does not run here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

from sif.errors import UsageError


@dataclass(frozen=True)
class Account:
    """A user's number and groups; ``groups`` includes the first group."""

    uid: int
    gid: int
    groups: Tuple[int, ...]


def account_in(root: Path, name: str) -> Account:
    """The account of that name in the tree's /etc/passwd and /etc/group. Raises :class:`UsageError`."""
    for fields in _records(root / "etc/passwd", 7):
        if fields[0] == name:
            uid, gid = int(fields[2]), int(fields[3])
            groups = [int(group[2]) for group in _records(root / "etc/group", 4) if name in group[3].split(",")]
            return Account(uid, gid, tuple(dict.fromkeys([gid, *groups])))
    raise UsageError("the command's user does not exist", where=str(root / "etc/passwd"), found="no such line",
                     wanted=name, hint="set `user` of the command to one of the restored system's users, or to root")


def _records(path: Path, width: int) -> Tuple[Tuple[str, ...], ...]:
    found: List[Tuple[str, ...]] = []
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    for line in text.splitlines():
        fields = tuple(line.split(":"))
        if len(fields) >= width and not line.startswith("#"):
            found.append(fields)
    return tuple(found)
