"""Bars for the evidence page: disks with their partitions and volumes, and how long each step took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Tuple

from drill.progress import Span
from sif.model import Disk, SystemInformation


@dataclass(frozen=True)
class Block:
    """A piece of a bar; ``x`` and ``width`` in percent of the bar."""

    x: float
    width: float
    label: str
    title: str
    kind: str


@dataclass(frozen=True)
class Bar:
    """One bar with its name."""

    name: str
    detail: str
    blocks: Tuple[Block, ...]


def disk_bars(info: SystemInformation) -> Tuple[Bar, ...]:
    """For each disk that is rebuilt a bar of partitions, and below it one of logical volumes for each of its PVs."""
    bars: List[Bar] = []
    uses = _uses(info)
    for disk in info.disks:
        if disk.role.value != "critical":
            continue
        total = max(1, disk.size_bytes)
        blocks = []
        for part in sorted((p for p in info.partitions if p.disk == disk.id), key=lambda p: p.start_sector):
            start, size = part.start_sector * disk.logical_sector, part.sectors * disk.logical_sector
            use = uses.get(part.id, part.name or "")
            title = f"partition {part.number}: {use}, {spell_bytes(size)}, {part.uuid or part.type}"
            blocks.append(Block(100 * start / total, 100 * size / total, f"{part.number} {use}", title, "part"))
        bars.append(Bar(f"disk {disk.id}", f"{spell_bytes(disk.size_bytes)}, {disk.table.value} {disk.table_id or ''}",
                        tuple(blocks)))
        bars.extend(_volume_bars(info, disk, uses))
    return tuple(bars)


def _volume_bars(info: SystemInformation, disk: Disk, uses: Dict[str, str]) -> List[Bar]:
    bars = []
    partitions = {part.id for part in info.partitions if part.disk == disk.id}
    for pv in info.pvs:
        if pv.device not in partitions and pv.device != disk.id:
            continue
        blocks = []
        for group in info.vgs:
            if pv.id not in group.pvs:
                continue
            for volume in info.lvs:
                for segment in volume.segments if volume.vg == group.id else ():
                    owner, first, extents = segment.rsplit(":", 2)
                    if owner != pv.id:
                        continue
                    use, percent = uses.get(volume.id, ""), 100 / max(1, pv.extents)
                    size = spell_bytes(int(extents) * group.pe_bytes)
                    blocks.append(Block(int(first) * percent, int(extents) * percent, f"{volume.name} {use}".strip(),
                                        f"{group.name}/{volume.name}: {use}, {size}", "lv"))
            bars.append(Bar(f"{group.name} on {pv.device}", f"{pv.extents} extents", tuple(blocks)))
    return bars


def _uses(info: SystemInformation) -> Dict[str, str]:
    """What lies on a partition or volume, by its SIF id."""
    uses: Dict[str, str] = {pv.device: "LVM" for pv in info.pvs}
    uses.update({swap.device: "swap" for swap in info.swaps})
    uses.update({fs.device: f"{fs.type.value} {fs.mount or ''}".strip() for fs in info.filesystems})
    return uses


def time_bars(spans: Tuple[Span, ...]) -> Tuple[Bar, ...]:
    """One bar a step, placed on the whole drill's time."""
    if not spans:
        return ()
    began = min(span.began for span in spans)
    total = max(0.001, max(span.ended for span in spans) - began)
    return tuple(
        Bar("\u2003" * span.depth + span.title, f"{span.seconds:.1f} s{': ' + span.note if span.note else ''}",
            (Block(100 * (span.began - began) / total, max(0.15, 100 * span.seconds / total), "",
                   f"{span.title}: {span.seconds:.1f} s", "step" if span.ok else "failed"),))
        for span in spans)


def spell_bytes(count: int) -> str:
    """A size in binary units: `512.0 MiB`."""
    size = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.0f} B" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError("the loop returns")
