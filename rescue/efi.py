"""The firmware's boot entries, through efibootmgr: parsing is pure, writing goes entry by entry."""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple

from rescue.failures import BootLoaderFailed
from sif.run import run

LABEL = "Lifeboat recovery"
_ENTRY = re.compile(r"^Boot([0-9A-Fa-f]{4})(\*?) (.*)$")
_DISK_FILE = re.compile(r"HD\(\d+,GPT,([0-9A-Fa-f-]{36})[^)]*\)/(?:File\()?([^)\s]*)\)?", re.IGNORECASE)
_TIMEOUT = 60


@dataclass(frozen=True)
class BootEntry:
    """One entry; ``partition`` (GPT partition GUID, lower case) and ``path`` are None when it is no file on a disk."""

    number: str
    label: str
    active: bool
    partition: Optional[str] = None
    path: Optional[str] = None


@dataclass(frozen=True)
class BootVariables:
    """All entries, and the order they are tried in (as far as it is set)."""

    entries: Tuple[BootEntry, ...]
    order: Tuple[str, ...]
    next: Optional[str] = None

    def named(self, label: str) -> Tuple[BootEntry, ...]:
        """The entries of that label."""
        return tuple(entry for entry in self.entries if entry.label == label)

    def matching(self, label: str, partition: str, path: str) -> Optional[BootEntry]:
        """An entry that starts this file under this label; paths compare without regard to case, as on FAT."""
        for entry in self.named(label):
            if entry.partition == partition.lower() and (entry.path or "").lower() == path.lower():
                return entry
        return None


def parse_efibootmgr(text: str) -> BootVariables:
    """Read what efibootmgr prints, with or without ``-v``."""
    entries: List[BootEntry] = []
    order: Tuple[str, ...] = ()
    following: Optional[str] = None
    for line in text.splitlines():
        if line.startswith("BootOrder:"):
            order = tuple(word.strip().upper() for word in line.partition(":")[2].split(",") if word.strip())
        elif line.startswith("BootNext:"):
            following = line.partition(":")[2].strip().upper()
        elif match := _ENTRY.match(line):
            number, star, rest = match.groups()
            label, _, device = rest.partition("\t")
            found = _DISK_FILE.search(device)
            path = found.group(2).replace("/", "\\") if found else None
            entries.append(BootEntry(number.upper(), label.strip(), bool(star),
                                     found.group(1).lower() if found else None, path))
    return BootVariables(tuple(entries), order, following)


class EfiBoot:
    """The running machine's boot variables. Every method raises :class:`sif.errors.CommandFailed` on failure."""

    def read(self) -> BootVariables:
        """The variables as they are now."""
        return parse_efibootmgr(run(["efibootmgr", "--verbose"], timeout=_TIMEOUT).stdout)

    def create(self, label: str, disk: str, part_number: int, path: str, data: str = "") -> str:
        """Make an entry outside BootOrder, read it back and return its number; ``data`` is optional data in hex."""
        before = {entry.number for entry in self.read().entries}
        with tempfile.NamedTemporaryFile() as file:
            file.write(bytes.fromhex(data))
            file.flush()
            run(["efibootmgr", "--quiet", "--create-only", "--disk", disk, "--part", str(part_number), "--label", label,
                 "--loader", path, *(("--append-binary-args", file.name) if data else ())], timeout=_TIMEOUT)
        fresh = [entry for entry in self.read().named(label) if entry.number not in before]
        if len(fresh) != 1:
            raise BootLoaderFailed("the firmware did not keep the boot entry", where=f"{label} {path}",
                                   hint="its variable store may be full; the fallback loader still starts the disk")
        return fresh[0].number

    def delete(self, number: str) -> None:
        """Remove an entry, also from BootOrder."""
        run(["efibootmgr", "--quiet", "--bootnum", number, "--delete-bootnum"], timeout=_TIMEOUT)

    def set_active(self, number: str, active: bool) -> None:
        """Let the firmware start an entry, or keep it from doing so."""
        run(["efibootmgr", "--quiet", "--bootnum", number, "--active" if active else "--inactive"], timeout=_TIMEOUT)

    def order_first(self, numbers: Sequence[str]) -> None:
        """Put these entries first in BootOrder and keep the others behind them, in their order."""
        order = merged_order(numbers, self.read())
        run(["efibootmgr", "--quiet", "--bootorder", ",".join(order)], timeout=_TIMEOUT)

    def next(self, number: Optional[str]) -> None:
        """Set BootNext, or clear it when it is set."""
        if number is not None:
            run(["efibootmgr", "--quiet", "--bootnext", number], timeout=_TIMEOUT)
        elif self.read().next is not None:
            run(["efibootmgr", "--quiet", "--delete-bootnext"], timeout=_TIMEOUT)


def merged_order(first: Iterable[str], variables: BootVariables) -> Tuple[str, ...]:
    """BootOrder with ``first`` in front; entries that do not exist any more drop out."""
    present = {entry.number for entry in variables.entries}
    return tuple(dict.fromkeys(number for number in (*first, *variables.order) if number in present))
