"""A hybrid MBR follows the partitions that it shows. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Dict, Optional, Tuple

from rescue.planner.sketch import Cause, Sketch
from sif.capture.sectors import PROTECTIVE
from sif.model import Disk, Partition

CODE = "hybrid-moved"
_MOST_SECTORS = (1 << 32) - 1


def follow_partitions(sketch: Sketch) -> None:
    """Let the entries of hybrid MBRs be where their partitions are now; what has no partition any more has no entry."""
    for disk in [disk for disk in sketch.disks.values() if disk.hybrid]:
        words = tuple(found for word in disk.hybrid if (found := _followed(sketch, disk, word)) is not None)
        if all(_kind(word) == PROTECTIVE for word in words):
            words = ()
        if words != disk.hybrid:
            sketch.put(replace(disk, hybrid=words), Cause(
                CODE, "partitions are elsewhere", "the MBR beside the GPT shows them where they are"))


def _kind(word: str) -> int:
    return int(word.split(":")[1], 16)


def _followed(sketch: Sketch, disk: Disk, word: str) -> Optional[str]:
    slot, kind, start, sectors, *active = word.split(":")
    if _kind(word) == PROTECTIVE:
        return word
    places: Dict[Tuple[int, int], str] = {(part.start_sector, part.sectors): part.id
                                          for part in sketch.origin.partitions.values() if part.disk == disk.id}
    part: Optional[Partition] = sketch.partitions.get(places.get((int(start), int(sectors)), ""))
    if part is None or part.disk != disk.id or part.start_sector + part.sectors > _MOST_SECTORS:
        return None
    return ":".join((slot, kind, str(part.start_sector), str(part.sectors), *active))
