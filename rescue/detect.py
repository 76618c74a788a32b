"""What machine is this: its disks, what they hold, its firmware. Only reads.

Sources: ``lsblk`` (sizes, identity, partitions), ``wipefs`` (every signature, where ``blkid`` names one),
``/dev/disk/by-path`` (slots), ``/sys/firmware/efi`` and a sample of each disk's sectors.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from rescue.hardware import Hardware, PresentDisk, PresentPartition
from rescue.plan import Fingerprint
from sif.errors import CommandFailed
from sif.model import Firmware
from sif.run import run

_COLUMNS = "NAME,KNAME,PATH,TYPE,SIZE,LOG-SEC,PHY-SEC,MODEL,SERIAL,WWN,TRAN,RO,RM,START,MOUNTPOINTS"
"""NAME is not used, but without it lsblk prints a flat list instead of a tree."""

_NOT_A_DISK = re.compile(r"(ram|loop|zram|sr|fd|nbd|dm-|md|mtdblock|mmcblk\d+(boot|rpmb))")
START_UNIT = 512
"""lsblk gives START as the kernel does: in units of 512 bytes whatever the sector size."""

_EDGE = 1 << 20
_SAMPLES = 32
_SAMPLE = 4096
_TIMEOUT = 120.0


@dataclass(frozen=True)
class Node:
    """A block device as lsblk shows it, with what is stacked on it."""

    name: str
    path: str
    type: str
    size: int
    logical_sector: int
    physical_sector: int
    model: Optional[str]
    serial: Optional[str]
    wwn: Optional[str]
    bus: Optional[str]
    read_only: bool
    removable: bool
    start: Optional[int]
    mounts: Tuple[str, ...]
    children: Tuple["Node", ...]

    def walk(self) -> Iterator["Node"]:
        """The node and everything on it."""
        yield self
        for child in self.children:
            yield from child.walk()

    @property
    def is_disk(self) -> bool:
        """Whether it is a disk that can hold a system: not memory, not a file, not a CD, not an empty reader."""
        return self.type == "disk" and self.size > 0 and not _NOT_A_DISK.match(self.name)


@dataclass(frozen=True)
class Content:
    """What a look at the sectors gave: a digest, and whether all that was read is empty (00 or ff bytes)."""

    digest: str
    empty: bool


def detect_hardware(excluded: Mapping[str, str]) -> Hardware:
    """The present machine. ``excluded`` maps device paths (disk or partition) to why that disk is no target."""
    slots = _slots()
    why = {os.path.realpath(path): reason for path, reason in excluded.items()}
    disks = tuple(_present_disk(node, why, slots.get(node.name)) for node in list_nodes() if node.is_disk)
    return Hardware(_firmware(), platform.machine(), disks, _ram_bytes(Path("/proc/meminfo").read_text("ascii")))


def fingerprint(disk: PresentDisk) -> Fingerprint:
    """What the disk looks like now; equal to the plan's fingerprint when nothing has touched it since."""
    (node,) = list_nodes(disk.path)
    now = _present_disk(node, {}, None)
    return Fingerprint(now.path, now.size_bytes, now.serial, now.wwn, now.content)


# Parsing (pure)

def parse_lsblk(text: str) -> Tuple[Node, ...]:
    """The device trees of ``lsblk -J -b``."""
    return tuple(_node(entry) for entry in json.loads(text or "{}").get("blockdevices", []))


def parse_wipefs(text: str) -> Tuple[Tuple[str, str], ...]:
    """Device name and type of each signature of ``wipefs -J --no-act``, each pair once, in its order."""
    if not text.strip():
        return ()
    found = [(s["device"], s["type"]) for s in json.loads(text).get("signatures", [])]
    return tuple(dict.fromkeys(found))


def present_disk(node: Node, signatures: Tuple[Tuple[str, str], ...], content: Content, excluded: Optional[str],
                 by_path: Optional[str]) -> PresentDisk:
    """Put together what was found out about one disk."""
    holds = tuple(f"{device}: {kind}" for device, kind in signatures)
    if not holds and node.children:
        holds = tuple(f"{child.name}: {child.type}" for child in node.children)
    if not holds and not content.empty:
        holds = (f"{node.name}: unknown data",)
    partitions = tuple(
        PresentPartition(child.name, child.start * START_UNIT, child.size,
                         ", ".join(kind for device, kind in signatures if device == child.name))
        for child in node.children if child.type == "part" and child.start is not None)
    mounted = [f"{n.name} at {mount}" for n in node.walk() for mount in n.mounts]
    return PresentDisk(
        name=node.name, path=node.path, size_bytes=node.size, logical_sector=node.logical_sector,
        physical_sector=node.physical_sector, model=node.model, serial=node.serial, wwn=node.wwn, bus=node.bus,
        by_path=by_path, read_only=node.read_only, removable=node.removable, signatures=holds,
        excluded=excluded or (f"in use: {', '.join(mounted)}" if mounted else None),
        partitions=partitions, content=_digest(node, holds, partitions, content))


def choose_slots(links: Iterable[Tuple[str, str]]) -> Dict[str, str]:
    """Kernel name to slot name, from (name in by-path, kernel name) pairs; the first in order where several fit."""
    slots: Dict[str, str] = {}
    for link, name in sorted(links):
        if not re.search(r"-part\d+$", link):
            slots.setdefault(name, link)
    return slots


def _node(entry: Mapping[str, Any]) -> Node:
    return Node(
        name=str(entry["kname"]), path=str(entry["path"]), type=str(entry["type"]), size=int(entry["size"] or 0),
        logical_sector=int(entry["log-sec"] or 512), physical_sector=int(entry["phy-sec"] or 512),
        model=_text(entry["model"]), serial=_text(entry["serial"]), wwn=_text(entry["wwn"]), bus=_text(entry["tran"]),
        read_only=bool(entry["ro"]), removable=bool(entry["rm"]),
        start=None if entry.get("start") is None else int(entry["start"]),
        mounts=tuple(mount for mount in entry.get("mountpoints") or () if mount),
        children=tuple(_node(child) for child in entry.get("children") or ()))


def _text(value: Optional[str]) -> Optional[str]:
    return (value or "").strip() or None


def _digest(node: Node, holds: Tuple[str, ...], partitions: Tuple[PresentPartition, ...], content: Content) -> str:
    facts = json.dumps([node.size, holds, [(p.start_bytes, p.size_bytes) for p in partitions], content.digest])
    return hashlib.sha256(facts.encode()).hexdigest()


def _ram_bytes(meminfo: str) -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


# Looking (acts on nothing)

def list_nodes(*paths: str) -> Tuple[Node, ...]:
    """The device trees of all block devices, or of those named."""
    return parse_lsblk(run(("lsblk", "-J", "-b", "-o", _COLUMNS, *paths), timeout=_TIMEOUT).stdout)


def _present_disk(node: Node, excluded: Mapping[str, str], by_path: Optional[str]) -> PresentDisk:
    nodes = [path for n in node.walk() for path in (n.path, f"/dev/{n.name}")]  # /dev/mapper/x is /dev/dm-0
    why = next((excluded[path] for path in nodes if path in excluded), None)
    parts = [node.path, *(child.path for child in node.children if child.type == "part")]
    looked = run(("wipefs", "-J", "--no-act", *parts), timeout=_TIMEOUT, check=False)
    signatures = parse_wipefs(looked.stdout) if looked.ok else ((node.name, f"unreadable ({looked.stderr.strip()})"),)
    try:
        content = sample(node.path, node.size)
    except CommandFailed as error:
        # One broken disk must not stop the recovery of a machine whose other disks are well.
        content, why = Content("", empty=False), why or f"it cannot be read ({error.found})"
    return present_disk(node, signatures, content, why, by_path)


def sample(path: str, size: int) -> Content:
    """Read both ends of the disk and sectors spread over it. Raises :class:`CommandFailed` when it cannot be read."""
    digest, empty = hashlib.sha256(), True
    try:
        with Path(path).open("rb", buffering=0) as disk:
            for start, length in sample_places(size):
                disk.seek(start)
                data = disk.read(length)
                digest.update(data)
                empty = empty and (not data.strip(b"\0") or not data.strip(b"\xff"))
    except OSError as error:
        raise CommandFailed("cannot read the disk", where=path, found=str(error),
                            hint="look at its cables and at the kernel's log; disconnect it if it is broken") from error
    return Content(digest.hexdigest(), empty)


def sample_places(size: int) -> List[Tuple[int, int]]:
    """Where to look: offset and length, both ends whole and ``_SAMPLES`` places between them."""
    if size <= 2 * _EDGE + _SAMPLES * _SAMPLE:
        return [(0, size)]
    step = (size - 2 * _EDGE) // _SAMPLES // _SAMPLE * _SAMPLE
    return [(0, _EDGE), *((_EDGE + i * step, _SAMPLE) for i in range(_SAMPLES)), (size - _EDGE, _EDGE)]


def _slots() -> Dict[str, str]:
    folder = Path("/dev/disk/by-path")
    if not folder.is_dir():
        return {}
    return choose_slots((link.name, link.resolve().name) for link in folder.iterdir())


def _firmware() -> Firmware:
    return Firmware.UEFI if Path("/sys/firmware/efi").is_dir() else Firmware.BIOS
