"""Which value of an ``asr.sif`` record is which; the one table to correct should a file disagree with it.

Source: the project's requirement page for [PARTITIONS.GPT]; for the other sections, files as Windows XP and
Windows Server 2003 write them. A record with fewer values than ``wanted`` is refused, not guessed at.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from sif.convert.asr_lines import Row, number
from sif.plain import dataclass
from sif.problems import Problem

FIELDS: Dict[str, Tuple[str, ...]] = {
    "SYSTEMS": ("node-name", "platform", "os-version", "nt-directory", "auto-extend", "product-suite",
                "time-zone", "standard-name", "daylight-name"),
    "BUSES": ("system-key", "bus-type"),
    "DISKS.MBR": ("system-key", "bus-key", "critical", "signature", "sector-bytes", "sectors-per-track",
                  "tracks-per-cylinder", "sectors"),
    "DISKS.GPT": ("system-key", "bus-key", "critical", "disk-guid", "entries", "sector-bytes", "sectors-per-track",
                  "tracks-per-cylinder", "sectors"),
    "PARTITIONS.MBR": ("disk-key", "slot", "boot-sys", "volume-guid", "active", "type", "fs-type", "start", "count",
                       "cluster-bytes"),
    "PARTITIONS.GPT": ("disk-key", "slot", "boot-sys", "volume-guid", "type-guid", "partition-guid", "attributes",
                       "name", "fs-type", "start", "count", "cluster-bytes"),
}
OPTIONAL = {"SYSTEMS": 7, "PARTITIONS.MBR": 1, "PARTITIONS.GPT": 1}
"""How many of a section's last values may be absent."""

BOOT_VOLUME, SYSTEM_VOLUME = 1, 2
"""Bits of ``boot-sys``. In Windows' words the boot volume has the operating system, the system volume the loader."""


@dataclass(frozen=True)
class Record:
    """A row whose values have names. Numbers that are malformed are 0 and a problem of ``problems``."""

    row: Row
    problems: List[Problem]

    @property
    def where(self) -> str:
        return self.row.where

    def text(self, name: str) -> str:
        return self.row.value(FIELDS[self.row.section].index(name))

    def number(self, name: str, default: Optional[int] = None) -> int:
        """The number of that name; an empty one is ``default`` where there is one."""
        text = self.text(name)
        found = number(text)
        if not text and default is not None:
            return default
        if found is None:
            self.problem(f"{name} is not a number", text or "nothing", "decimal, or 0x and hexadecimal digits")
        return found or 0

    def problem(self, what: str, found: Optional[str] = None, wanted: Optional[str] = None) -> None:
        self.problems.append(Problem(what, self.where, found, wanted))


def records(rows: Tuple[Row, ...], section: str, problems: List[Problem]) -> Tuple[Record, ...]:
    """The records of one section; a row of the wrong length is a problem and left out."""
    found: List[Record] = []
    wanted = FIELDS[section]
    for row in rows:
        if row.section != section:
            continue
        if not len(wanted) - OPTIONAL.get(section, 0) <= len(row.values) <= len(wanted):
            problems.append(Problem(f"a [{section}] record of {len(row.values)} values", row.where, row.text[:200],
                                    ", ".join(wanted)))
        else:
            found.append(Record(row, problems))
    return tuple(found)
