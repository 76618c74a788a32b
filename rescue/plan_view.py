"""The plan as people see it: text for terminals (80 columns, ASCII) and a picture for the evidence page."""

from __future__ import annotations

import html
import re
import textwrap
from dataclasses import dataclass
from typing import Iterable, Iterator, List, Optional, Sequence, Tuple

from rescue.hardware import Hardware, HolderKind, PresentDisk
from rescue.holders import group_of, tree_lines
from rescue.plan import Action, Adjustment, ConsentNeeded, DiskMatch, RestorePlan
from rescue.planner.layout import Layout, is_extended
from rescue.planner.words import human
from rescue.storage.site import mapper_name
from sif.model import Disk, SystemInformation

WIDTH = 80
_FILL = {"free": ".", "system": "S", "boot": "B", "data": "D", "lvm": "L", "swap": "w", "other": "o"}
_COLOUR = {"free": "#f4f4f2", "system": "#2f6fab", "boot": "#3f8f5f", "data": "#7d5ba6", "lvm": "#c07a2c",
           "swap": "#9a9a9a", "other": "#b0a48f"}
_BAR_OR_MARK = re.compile(r"^(  (?:before|after ) \[)([^\]]+)(\])$|^(         )(\S)( +[0-9.]+ [KMGTP]?i?B  .*)$",
                          re.MULTILINE)
_DEPTH = 8
"""So many layers are followed upwards for a name: a circle is another check's business."""
_SHADE = {"S": 25, "B": 29, "D": 97, "L": 130, "w": 243, "o": 101}
_LEGEND = {"system": "system volume", "boot": "boot volume", "data": "data", "lvm": "LVM", "swap": "swap",
           "other": "other", "free": "free"}


@dataclass(frozen=True)
class Stretch:
    """A piece of a disk in a bar: bytes from ``start``, what it is called and what kind of thing it is."""

    start: int
    size: int
    name: str
    kind: str


# What the bars show

def planned_stretches(saved: SystemInformation, disk: Disk, size_bytes: int) -> Tuple[Stretch, ...]:
    """The disk after the rebuild: every partition of the saved disk in its place, and what is free."""
    layout = Layout(saved)
    found = [Stretch(p.start_sector * disk.logical_sector, p.sectors * disk.logical_sector,
                     *_content(layout, p.id, f"p{p.number}"))
             for p in layout.partitions_on(disk.id) if not is_extended(p)]
    if not found and disk.table.value == "none":
        found = [Stretch(0, disk.size_bytes, *_content(layout, disk.id, ""))]
    return _with_gaps(found, size_bytes)


def present_stretches(disk: PresentDisk) -> Tuple[Stretch, ...]:
    """The disk as it is now."""
    found = [Stretch(p.start_bytes, p.size_bytes, " ".join(w for w in (p.name, p.content) if w), "other")
             for p in disk.partitions]
    if not found and not disk.blank:
        found = [Stretch(0, disk.size_bytes, "; ".join(disk.signatures), "other")]
    return _with_gaps(found, disk.size_bytes)


def _content(layout: Layout, device: str, prefix: str, depth: int = 0) -> Tuple[str, str]:
    """What lies on a saved partition or disk: a name and its kind."""
    saved = layout.saved
    for fs in saved.filesystems:
        if fs.device == device:
            kind = "system" if fs.id == saved.system.boot_fs or fs.mount == "/boot/efi" else \
                "boot" if fs.id == saved.system.root_fs else "data"
            return f"{prefix} {fs.mount or fs.label or fs.id} {fs.type.value}".strip(), kind
    if any(swap.device == device for swap in saved.swaps):
        return f"{prefix} swap".strip(), "swap"
    for pv in saved.pvs:
        if pv.device == device:
            group = next((vg for vg in saved.vgs if pv.id in vg.pvs), None)
            names = [lv.name for lv in saved.lvs if group and lv.vg == group.id]
            return f"{prefix} LVM {group.name if group else pv.id} ({', '.join(names)})".strip(), "lvm"
    for btrfs in saved.btrfs:
        if device in btrfs.devices:
            mounts = [btrfs.mount, *(sub.mount for sub in saved.subvolumes if sub.btrfs == btrfs.id)]
            kind = "boot" if "/" in mounts else "data"
            return f"{prefix} {' '.join(m for m in mounts if m) or btrfs.id} btrfs".strip(), kind
    above = next(((luks.id, f"LUKS{luks.version}") for luks in saved.luks if luks.device == device), None) or next(
        ((one.id, "bcache") for one in saved.bcaches if one.device == device), None) or next(
        ((array.id, array.level.value) for array in saved.arrays if device in (*array.members, *array.spares)), None)
    if above is not None and depth < _DEPTH:
        return _content(layout, above[0], f"{prefix} {above[1]}", depth + 1)
    return f"{prefix} (no file system)".strip(), "other"


def _with_gaps(found: Sequence[Stretch], size_bytes: int) -> Tuple[Stretch, ...]:
    """The pieces in order, with the gaps of a MiB or more between them as free pieces."""
    pieces: List[Stretch] = []
    at = 0
    for piece in sorted(found, key=lambda s: s.start):
        if piece.start - at > 1 << 20:
            pieces.append(Stretch(at, piece.start - at, "free", "free"))
        pieces.append(piece)
        at = max(at, piece.start + piece.size)
    if size_bytes - at > 2 << 20 or not pieces:
        pieces.append(Stretch(at, size_bytes - at, "free", "free"))
    return tuple(pieces)


# Text

def plan_text(saved: SystemInformation, hardware: Hardware, plan: RestorePlan, signature: str = "",
              colour: bool = False) -> str:
    """The whole plan for an operator: what goes where, what is lost, what is left alone, and every step.

    ``signature`` says who vouches for the set.
    """
    lines = _wrapped(f"Restore of {plan.hostname} ({saved.system.os or saved.system.arch}, "
                     f"{saved.system.firmware.value.upper()}), SIF set {plan.set_id}")
    lines += [*(_wrapped(f"Signature: {signature}") if signature else ()), "=" * WIDTH]
    lines += _section("Other than when it was saved", plan.differs, "nothing")
    for match in plan.matches:
        lines += _disk_text(plan.target_of(saved), hardware, match, [other.name for other in plan.matches])
    lines += _section("Adjustments", map(_adjustment_text, plan.adjustments),
                      "none: every disk gets exactly the saved layout")
    lines += _section("To be overwritten", (
        f"{c.path} holds {'; '.join(c.holds)} ({_whose(c)})" + (f", but for {', '.join(c.kept)}, kept as it is"
                                                                if c.kept else "") for c in plan.consents),
        "nothing: all disks of the plan are blank")
    lines += _section("Left alone", (*(f"{r.path}: {r.reason}" for r in plan.rejections),
                                     *_namesakes(plan.target_of(saved), hardware, plan)), "no other disk is present")
    lines += _section("Steps", (f"{number:>3}. {action.title}" + _mark(plan, action)
                                for number, action in enumerate(plan.actions, 1)), "none")
    text = "\n".join(_ascii(line) for line in lines) + "\n"
    return coloured(text) if colour else text


def _namesakes(saved: SystemInformation, hardware: Hardware, plan: RestorePlan) -> Iterator[str]:
    """What is active on other disks under a name that the restore needs (:mod:`rescue.storage.isolation`)."""
    planned = {match.name for match in plan.matches}
    made = {action.id for action in plan.actions}
    groups = {vg.name.replace("-", "--") for vg in saved.vgs if f"vg:{vg.id}" in made}
    opened = {mapper_name(luks) for luks in saved.luks if f"luks:{luks.id}" in made}
    for disk in (disk for disk in hardware.disks if disk.name not in planned):
        names = [holder.name for holder in disk.holders if not planned.intersection(holder.others)
                 and (holder.kind is HolderKind.LVM and group_of(holder.name) in groups or holder.name in opened)]
        if names:
            yield (f"{disk.path}: the active {', '.join(sorted(names))} {'has' if len(names) == 1 else 'have'} a name "
                   "that the restore needs and will be called otherwise until the next start (a copy of a planned "
                   "group will be deactivated); nothing is written to this disk")


def _mark(plan: RestorePlan, action: Action) -> str:
    """What a step does to what is there."""
    return " [kept: not done]" if action.id in plan.kept else " [destroys]" if action.destructive else ""


def _adjustment_text(adjustment: Adjustment) -> str:
    asked = " [needs consent]" if adjustment.consent else ""
    return (f"{adjustment.subject} [{adjustment.code}]: {adjustment.before} -> {adjustment.after}. "
            f"{adjustment.reason}; {adjustment.consequence}.{asked}")


def _disk_text(saved: SystemInformation, hardware: Hardware, match: DiskMatch, planned: Sequence[str]) -> List[str]:
    disk, present = _pair(saved, hardware, match)
    size = present.size_bytes if present else disk.size_bytes
    lines = _wrapped(f"{match.saved} -> {match.path}  {human(size)}"
                     + (f"  {present.model}" if present and present.model else "")
                     + (f"  serial {present.serial}" if present and present.serial else ""))
    lines += _wrapped(f"because: {match.evidence}", "  ")
    if present:
        lines.append("  before " + bar(present_stretches(present), size))
        lines += _holders_text(present, planned)
    after = planned_stretches(saved, disk, size)
    lines.append("  after  " + bar(after, size))
    lines += [row for piece in after if piece.kind != "free"
              for row in _wrapped(f"{_FILL[piece.kind]} {human(piece.size):>10}  {piece.name}", "         ")]
    return [*lines, ""]


def _holders_text(present: PresentDisk, planned: Sequence[str]) -> List[str]:
    """What runs on the disk now, as a tree with the order in which it will be stopped."""
    if not present.holders:
        return []
    return ["         will be stopped, in this order, before anything is written:",
            *(row for line in tree_lines(present.name, present.holders, planned)
              for row in _wrapped(line.lstrip(), "           " + " " * (len(line) - len(line.lstrip()))))]


def bar(pieces: Sequence[Stretch], size_bytes: int, width: int = WIDTH - 11) -> str:
    """A disk as one line of characters; every piece is at least one character wide."""
    cells: List[str] = []
    for index, piece in enumerate(pieces):
        share = max(1, round(piece.size * width / max(size_bytes, 1)))
        left = width - len(cells) - (len(pieces) - index - 1)
        count = max(0, left if index == len(pieces) - 1 else min(share, left))
        mark = _FILL[piece.kind]
        cells += ["|" if count > 2 and index else mark, *([mark] * (count - 1))] if count else []
    return "[" + "".join(cells)[:width] + "]"


def coloured(text: str) -> str:
    """The text with the bars, and the marks that explain them, in the colours of their kinds (xterm's 256)."""
    return _BAR_OR_MARK.sub(_painted, text)


def _painted(found: "re.Match[str]") -> str:
    if found.group(2) is None:
        return f"{found.group(4)}{_cells(found.group(5), found.group(5))}{found.group(6)}"
    bar, kind, cells = found.group(2), ".", []
    for place, mark in enumerate(bar):
        kind = bar[place + 1] if mark == "|" and place + 1 < len(bar) else mark
        cells.append(_cells(mark, kind))
    return found.group(1) + "".join(cells) + found.group(3)


def _cells(mark: str, kind: str) -> str:
    shade = _SHADE.get(kind)
    return mark if shade is None else f"\x1b[48;5;{shade}m\x1b[38;5;15m{mark}\x1b[0m"


def _section(title: str, items: Iterable[str], empty: str) -> List[str]:
    lines = [f"{title}:"]
    rows = [row for item in items for row in _wrapped(item, "  ")]
    return [*lines, *(rows or [f"  {empty}"]), ""]


def _wrapped(text: str, indent: str = "") -> List[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ",
                         break_on_hyphens=False) or [indent]


def _ascii(line: str) -> str:
    return line.encode("ascii", "backslashreplace").decode("ascii").rstrip()


def _pair(saved: SystemInformation, hardware: Hardware, match: DiskMatch) -> Tuple[Disk, Optional[PresentDisk]]:
    disk = next(d for d in saved.disks if d.id == match.saved)
    return disk, next((d for d in hardware.disks if d.name == match.name), None)


# Picture

_SVG_WIDTH = 960
_BAR_LEFT = 70
_BAR_HEIGHT = 34


def plan_svg(saved: SystemInformation, hardware: Hardware, plan: RestorePlan) -> str:
    """Bars of every disk of the plan before and after, as one self-contained SVG element for an HTML page."""
    target = plan.target_of(saved)
    rows: List[str] = []
    top = 10
    largest = max([m.fingerprint.size_bytes for m in plan.matches] or [1])
    for match in plan.matches:
        disk, present = _pair(target, hardware, match)
        size = match.fingerprint.size_bytes
        rows.append(_svg_text(0, top + 14, f"{match.saved} \u2192 {match.path}, {human(size)} \u2014 {match.evidence}",
                              15))
        top += 24
        width = max(int((_SVG_WIDTH - _BAR_LEFT) * size / largest), 200)
        for label, pieces in (("before", present_stretches(present) if present else ()),
                              ("after", planned_stretches(target, disk, size))):
            rows.append(_svg_text(0, top + 22, label, 13))
            rows += _svg_bar(pieces, size, top, width)
            top += _BAR_HEIGHT + 8
        top += 14
    for index, (kind, meaning) in enumerate(_LEGEND.items()):
        left = _BAR_LEFT + index * 120
        rows.append(f'<rect x="{left}" y="{top}" width="14" height="14" fill="{_COLOUR[kind]}" stroke="#555"/>')
        rows.append(_svg_text(left + 20, top + 12, meaning, 12))
    top += 24
    return (f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="Disks before and after" '
            f'viewBox="0 0 {_SVG_WIDTH} {top}" width="100%" font-family="sans-serif">\n'
            + "\n".join(rows) + "\n</svg>\n")


def _svg_bar(pieces: Sequence[Stretch], size_bytes: int, top: int, width: int) -> List[str]:
    rows = []
    left = float(_BAR_LEFT)
    smallest = 4.0
    spare = max(width - smallest * len(pieces), 0.0)
    for piece in pieces:
        wide = smallest + spare * piece.size / max(size_bytes, 1)
        title = html.escape(f"{piece.name}, {human(piece.size)}")
        rows.append(f'<g><title>{title}</title><rect x="{left:.1f}" y="{top}" width="{wide:.1f}" '
                    f'height="{_BAR_HEIGHT}" fill="{_COLOUR[piece.kind]}" stroke="#555"/>')
        fitting = int((wide - 6) / 6.6)
        if fitting >= 4:
            name = piece.name if len(piece.name) <= fitting else piece.name[:fitting - 1] + "\u2026"
            rows.append(_svg_text(left + 4, top + 21, name, 12, "#333" if piece.kind == "free" else "#fff"))
        rows.append("</g>")
        left += wide
    return rows


def _svg_text(left: float, base: float, text: str, size: int, colour: str = "#222") -> str:
    return f'<text x="{left:.1f}" y="{base:.1f}" font-size="{size}" fill="{colour}">{html.escape(text)}</text>'


def _whose(need: ConsentNeeded) -> str:
    if need.begun:
        return "made by an interrupted run of this restore"
    return "the recorded disk itself" if need.same_disk else "NOT the recorded disk"
