"""Where LVM's hidden volumes lie on the physical volumes, and what must be there before they are used again.

``vgcfgrestore`` puts the description of a group back, not what its hidden volumes hold. On disks that held something
before, stale RAID superblocks, cache or mirror logs would be taken for live ones: they are zeroed. So no block that was
cached from the old disk reaches a new volume, and the kernel makes every cache anew, empty and clean. A thin pool's
metadata is written anew: the saved thin volumes, with their numbers, and nothing mapped yet.
Sources: lvmraid(7), lvmcache(7), lvmthin(7), thin_restore(8); the kernel's dm-cache-metadata.c and dm-writecache.c make
a new cache where they find zeros.
"""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, Mapping, Optional, Sequence, Tuple
from xml.sax.saxutils import quoteattr

from rescue.planner.check import parse_stripes
from rescue.storage.errors import RebuildFailed
from sif.model import LogicalVolume, PhysicalVolume, VolumeGroup
from sif.run import run

_TIMEOUT = 600.0
_SECTOR = 512
_ZERO_BYTES = 64 << 20
_CHUNK = 1 << 20
_STRIPE = 64 << 10
"""LVM's own default."""
HIDDEN_BYTES = 1 << 20
"""What is recognised lies in the first MiB."""


@dataclass(frozen=True)
class Area:
    """A stretch of a physical volume's device, in bytes."""

    device: str
    start: int
    length: int


def areas(vg: VolumeGroup, volume: LogicalVolume, pvs: Mapping[str, PhysicalVolume],
          node_of: Mapping[str, str]) -> Tuple[Tuple[Area, ...], ...]:
    """Where the volume's own segments lie, in their order, each as its stripes.

    ``node_of`` maps PV ids to device nodes.
    """
    return tuple(tuple(
        Area(node_of[ident], pvs[ident].pe_start_bytes + first * vg.pe_bytes, count * vg.pe_bytes)
        for ident, first, count in parse_stripes(text)) for text in volume.segments)


def flat(segments: Sequence[Sequence[Area]]) -> Tuple[Area, ...]:
    """Every piece of a volume's segments."""
    return tuple(area for stripes in segments for area in stripes)


def hide(area: Area) -> None:
    """Zero the first MiB of what will show as the begin of something: nobody shall recognise old content in it."""
    zero(area, HIDDEN_BYTES)


def zero(area: Area, most: int = _ZERO_BYTES) -> None:
    """Zero the area, of a large one its first 64 MiB: the superblocks and what they point to first."""
    left = min(area.length, most)
    if _is_zero(area, left):
        return  # nothing is written to a new disk, and udev has nothing to look at
    handle = os.open(area.device, os.O_WRONLY | os.O_CLOEXEC)
    try:
        left = min(left, max(os.lseek(handle, 0, os.SEEK_END) - area.start, 0))
        os.lseek(handle, area.start, os.SEEK_SET)
        while left:
            left -= os.write(handle, bytes(min(left, _CHUNK)))
        os.fsync(handle)
    finally:
        os.close(handle)


def _is_zero(area: Area, length: int) -> bool:
    with Path(area.device).open("rb", buffering=0) as device:
        device.seek(area.start)
        while length > 0:
            piece = device.read(min(length, _CHUNK))
            if piece.strip(b"\0"):
                return False
            if not piece:
                break  # the device ends here
            length -= len(piece)
    return True


def transaction_id(metadata: str, pool: str) -> int:
    """The transaction number of a thin pool in a group's metadata text; the pool's own metadata has to agree."""
    # a volume's section is indented by two tabs and ends with a brace at the same place
    section = re.search(rf"^\t\t{re.escape(pool)} \{{$(.*?)^\t\t\}}$", metadata, re.MULTILINE | re.DOTALL)
    found = re.search(r"\btransaction_id = (\d+)", section.group(1)) if section else None
    if found is None:
        raise RebuildFailed("a thin pool is not in its volume group's metadata", where=pool,
                            hint="the SIF set is damaged; take another copy")
    return int(found.group(1))


def thin_xml(pool: LogicalVolume, volumes: Sequence[LogicalVolume], pe_bytes: int, transaction: int) -> str:
    """Metadata of a thin pool in which no volume has a block yet, as thin_restore reads it."""
    chunk = (pool.chunk_bytes or 65536) // _SECTOR
    blocks = pool.extents * pe_bytes // _SECTOR // chunk
    lines = [f'<superblock uuid="" time="0" transaction="{transaction}" version="2" data_block_size="{chunk}" '
             f'nr_data_blocks="{blocks}">']
    for volume in sorted(volumes, key=lambda lv: lv.device_number or 0):
        number = quoteattr(str(volume.device_number))
        lines.append(f'  <device dev_id={number} mapped_blocks="0" transaction="{transaction}" creation_time="0" '
                     'snap_time="0">\n  </device>')
    return "\n".join([*lines, "</superblock>", ""])


def write_thin_metadata(volume: LogicalVolume, segments: Sequence[Sequence[Area]], xml: str, work: Path) -> None:
    """Write a pool's metadata volume, given where it lies. Nothing of the group may be active."""
    text = work / f"thin-{volume.id}.xml"
    text.write_text(xml, "utf-8")
    table = mapping(segments, volume.stripe_bytes)
    with _mapped(f"lifeboat-tmeta-{volume.id}", table) as node:
        run(("thin_restore", "--input", str(text), "--output", node), timeout=_TIMEOUT)
        run(("thin_check", node), timeout=_TIMEOUT)


def mapping(segments: Sequence[Sequence[Area]], stripe_bytes: Optional[int]) -> str:
    """The segments as device mapper's table of one device. Source: kernel, device-mapper/{linear,striped}.rst."""
    lines, start = [], 0
    for stripes in segments:
        count = sum(area.length for area in stripes) // _SECTOR
        places = " ".join(f"{area.device} {area.start // _SECTOR}" for area in stripes)
        kind = "linear" if len(stripes) == 1 else f"striped {len(stripes)} {(stripe_bytes or _STRIPE) // _SECTOR}"
        lines.append(f"{start} {count} {kind} {places}")
        start += count
    return "\n".join([*lines, ""])


@contextmanager
def _mapped(name: str, table: str) -> Iterator[str]:
    # A run that was killed may have left it, or a tool that outlived that run: the name is ours alone.
    run(("dmsetup", "remove", "--retry", name), timeout=_TIMEOUT, check=False)
    run(("dmsetup", "create", name), timeout=_TIMEOUT, input=table)
    try:
        yield f"/dev/mapper/{name}"
    finally:
        run(("dmsetup", "remove", "--retry", name), timeout=_TIMEOUT)
