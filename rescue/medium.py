"""Which SIF on which medium: discovery and choice, without touching a device."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterable, Optional, Sequence, Tuple

from rescue.failures import MediumNotFound
from rescue.settings import Address, AddressKind

CONVENTIONAL = "dr_state.sif"
_SET_ID = re.compile(r"^\s*set_id\s*=\s*\"?([0-9A-Fa-f-]{36})", re.MULTILINE)
_PART = re.compile(r"^\s*part\s*=\s*(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class VisibleFileSystem:
    """A file system that UDisks shows. ``removable`` means: on a stick, a card, a CD or anything on USB."""

    device: str
    disk: str
    fstype: str
    label: str
    uuid: str
    removable: bool
    size_bytes: int = 0

    def __str__(self) -> str:
        names = [f"LABEL={self.label}"] if self.label else []
        names += [f"UUID={self.uuid}"] if self.uuid else []
        return f"{self.device} ({self.fstype or 'unknown'}{', ' + ', '.join(names) if names else ''})"


@dataclass(frozen=True)
class Candidate:
    """A SIF that was found: its file, its set id, and where it lies."""

    filesystem: VisibleFileSystem
    mount_point: Path
    sif: Path
    set_id: str

    @property
    def address(self) -> str:
        """What `rescue.sif=` would say to mean exactly this one."""
        name = f"UUID={self.filesystem.uuid}" if self.filesystem.uuid else f"LABEL={self.filesystem.label}"
        return f"{name}:/{self.sif.relative_to(self.mount_point)}"


@dataclass(frozen=True)
class MediumFound:
    """The medium: its device and whole disk (kernel name), where it is mounted, and the SIF on it."""

    device: str
    disk: str
    mount_point: Path
    sif: Path
    set_id: str


def wanted(address: Address, filesystems: Iterable[VisibleFileSystem]) -> Tuple[VisibleFileSystem, ...]:
    """The file systems that the address means; for ``auto`` the removable ones."""
    if address.kind is AddressKind.LABEL:
        return tuple(fs for fs in filesystems if fs.label.lower() == address.value.lower())
    if address.kind is AddressKind.UUID:
        return tuple(fs for fs in filesystems if fs.uuid.lower() == address.value.lower())
    return tuple(fs for fs in filesystems if fs.removable)


def find_sif_files(root: Path, path: Optional[str]) -> Tuple[Path, ...]:
    """The SIF files under a mount point, the conventional name first.

    Without ``path``: ``*.sif`` in any case, in the root and in its directories. With ``path``: that file,
    or those in that directory. Symbolic links are not followed: they could lead off the medium.
    """
    if path is not None:
        named = _descend(root, path)
        if named is None:
            return ()
        return (named,) if named.is_file() else _sifs_in(named)
    directories = [root] + sorted(entry for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink())
    found = [sif for directory in directories for sif in _sifs_in(directory)]
    return tuple(sorted(found, key=_conventional_first))


def first_parts(filesystem: VisibleFileSystem, mount_point: Path, files: Iterable[Path]) -> Tuple[Candidate, ...]:
    """The sets that the files begin: a file with a set id and part 1. Others are parts or no SIF at all.

    Only the head of each file is read; the strict reader judges the chosen one later.
    """
    found = []
    for path in files:
        try:
            with path.open("rb") as source:
                head = source.read(8192).decode("utf-8", "replace")
        except OSError:
            continue
        set_id, part = _SET_ID.search(head), _PART.search(head)
        if set_id and part and int(part.group(1)) == 1:
            found.append(Candidate(filesystem, mount_point, path, set_id.group(1).lower()))
    return tuple(found)


def distinct(candidates: Sequence[Candidate]) -> Tuple[Candidate, ...]:
    """One candidate for each set: copies of a set on several media are equally good, the first one is taken."""
    seen: Dict[str, Candidate] = {}
    for candidate in candidates:
        seen.setdefault(candidate.set_id, candidate)
    return tuple(seen.values())


def not_found(address: Address, looked_at: Sequence[VisibleFileSystem], seconds: float) -> MediumNotFound:
    """The error that says what was looked at."""
    listed = "\n    ".join(["", *map(str, looked_at)]) if looked_at else "no file system of that kind"
    return MediumNotFound("no SIF was found", where=f"rescue.sif={address}", found=listed,
                          wanted=f"a file *.sif in the root or in a directory of a medium, within {seconds:.0f} s",
                          hint="put the medium in and start again, or name it: rescue.sif=LABEL=name or UUID=id")


def several(candidates: Sequence[Candidate]) -> MediumNotFound:
    """The error that shows how to name the one that is meant."""
    listed = "\n    ".join(["", *(f"rescue.sif={candidate.address}" for candidate in candidates)])
    return MediumNotFound("there are several different SIF sets and nobody to ask", found=listed,
                          hint="start again with one of these arguments on the kernel command line")


def _descend(root: Path, path: str) -> Optional[Path]:
    """Follow a path below root without regard to case and without symbolic links; None if it is not there."""
    current = root
    for name in path.strip("/").split("/"):
        if not name:
            continue
        if not current.is_dir():
            return None
        exact = current / name
        matches = [exact] if exact.exists() else [e for e in current.iterdir() if e.name.lower() == name.lower()]
        if len(matches) != 1 or matches[0].is_symlink():
            return None
        current = matches[0]
    return current


def _sifs_in(directory: Path) -> Tuple[Path, ...]:
    try:
        entries = sorted(directory.iterdir())
    except OSError:
        return ()
    found = [e for e in entries if e.name.lower().endswith(".sif") and e.is_file() and not e.is_symlink()]
    return tuple(sorted(found, key=_conventional_first))


def _conventional_first(path: Path) -> Tuple[bool, int, str]:
    return path.name.lower() != CONVENTIONAL, len(path.parts), str(path)
