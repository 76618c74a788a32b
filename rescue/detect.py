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
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from rescue.hardware import Hardware, Holder, PresentDisk, PresentPartition
from rescue.holders import holders_of, needed_by_system
from rescue.kernel_view import KernelView, read_kernel
from rescue.multipath import MAPPER, extents, is_map, make_maps
from rescue.plan import Fingerprint
from sif.errors import CommandFailed
from sif.model import Firmware
from sif.run import run

_COLUMNS = "NAME,KNAME,PATH,TYPE,SIZE,LOG-SEC,PHY-SEC,MODEL,SERIAL,WWN,TRAN,RO,RM,START,MOUNTPOINTS"
"""NAME is not used, but without it lsblk prints a flat list instead of a tree."""

_NOT_A_DISK = re.compile(r"(ram|loop|zram|sr|fd|nbd|dm-|md|mtdblock|mmcblk\d+(boot|rpmb))")
START_UNIT = 512
"""lsblk gives START as the kernel does: in units of 512 bytes whatever the sector size."""

_MAP = "mpath"
"""lsblk's type of a map of several paths."""

_SEVERAL_PATHS = ("fc", "fcoe", "iscsi", "sas", "srp", None)
"""Transports that can lead to a disk in several ways; the kernel names none for SCSI disks of virtual machines."""

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
        return self.size > 0 and (self.type == _MAP or (self.type == "disk" and not _NOT_A_DISK.match(self.name)))

    @property
    def shown(self) -> str:
        """What wipefs calls it: the last part of its path, which is not the kernel's name of a mapped device."""
        return self.path.rpartition("/")[2]

    @property
    def identity(self) -> Optional[Tuple[str, str, int]]:
        """What tells that two disks are one: none where it does not say all of it, or where a disk has one path only.

        Adapters for USB give disks that have nothing in common the same names.
        """
        if self.bus not in _SEVERAL_PATHS or not self.wwn or not self.serial:
            return None
        return self.wwn, self.serial, self.size


@dataclass(frozen=True)
class Content:
    """What a look at the sectors gave: a digest, and whether all that was read is empty (00 or ff bytes)."""

    digest: str
    empty: bool


def detect_hardware(excluded: Mapping[str, str]) -> Hardware:
    """The present machine. ``excluded`` maps device paths (disk or partition) to why that disk is no target."""
    seen = list_nodes()
    if twice := _same_content(seen, shown_twice(seen)):
        make_maps(twice)
        seen = list_nodes()
    slots = _slots()
    why = {os.path.realpath(path): reason for path, reason in excluded.items()}
    why.update((path, "another path leads to the same disk, and multipath makes no map of it")
               for path in shown_twice(seen))
    view = read_kernel()
    nodes = [node for node in with_maps(seen) if node.is_disk]
    signatures = _signatures(nodes)
    disks = tuple(_present_disk(node, signatures[node.name], why, slots.get(node.name), view) for node in nodes)
    return Hardware(_firmware(), platform.machine(), disks, _ram_bytes(Path("/proc/meminfo").read_text("ascii")),
                    cpu_threads=os.cpu_count() or 0, video=display_adapters(Path("/sys/bus/pci/devices")))


def fingerprints(paths: Sequence[str], view: KernelView) -> Tuple[Fingerprint, ...]:
    """What the disks look like now; equal to the plan's fingerprints when nothing has touched them since.

    ``view`` is what the kernel has in use now.
    """
    shown = list_nodes() if any(map(is_map, paths)) else list_nodes(*paths) if paths else ()
    nodes = {node.path: node for node in with_maps(shown) if node.path in paths}
    if gone := [path for path in paths if path not in nodes]:
        raise CommandFailed("a disk is not there any more", where=", ".join(gone), hint="look at its cables")
    signatures = _signatures(tuple(nodes.values()))
    found = [_present_disk(nodes[path], signatures[nodes[path].name], {}, None, view) for path in paths]
    return tuple(Fingerprint(now.path, now.size_bytes, now.serial, now.wwn, now.content) for now in found)


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
                 by_path: Optional[str], holders: Tuple[Holder, ...] = ()) -> PresentDisk:
    """Put together what was found out about one disk."""
    holds = tuple(f"{device}: {kind}" for device, kind in signatures)
    if not holds and node.children:
        holds = tuple(f"{child.name}: {child.type}" for child in node.children)
    if not holds and not content.empty:
        holds = (f"{node.name}: unknown data",)
    partitions = tuple(
        PresentPartition(child.name, child.start * START_UNIT, child.size,
                         ", ".join(kind for device, kind in signatures if device in (child.name, child.shown)))
        for child in node.children if child.type == "part" and child.start is not None)
    mounted = [f"{n.name} at {mount}" for n in node.walk() for mount in needed_by_system(n.mounts)]
    return PresentDisk(
        name=node.name, path=node.path, size_bytes=node.size, logical_sector=node.logical_sector,
        physical_sector=node.physical_sector, model=node.model, serial=node.serial, wwn=node.wwn, bus=node.bus,
        by_path=by_path, read_only=node.read_only, removable=node.removable, signatures=holds,
        excluded=excluded or (f"in use: {', '.join(mounted)}" if mounted else None),
        partitions=partitions, content=_digest(node, holds, partitions, content, holders),
        holders=holders)


def with_maps(nodes: Tuple[Node, ...]) -> Tuple[Node, ...]:
    """The nodes with one disk for each map of several paths: it has the identity of its first path, in order of names,
    and the paths are no disks."""
    maps: Dict[str, Node] = {}
    others: List[Node] = []
    for node in sorted(nodes, key=lambda one: one.name):
        above = [child for child in node.children if child.type == _MAP]
        for child in above:
            maps.setdefault(child.name, replace(
                child, model=node.model, serial=node.serial, wwn=node.wwn, bus=node.bus, removable=node.removable))
        if not above and node.type != _MAP:
            others.append(node)
    starts = extents() if maps else {}
    return (*others, *(replace(one, children=tuple(
        replace(child, start=starts[child.path[len(MAPPER):]][0]) if child.path[len(MAPPER):] in starts else child
        for child in one.children)) for one in maps.values()))


def shown_twice(nodes: Tuple[Node, ...]) -> Tuple[str, ...]:
    """The paths of disks that are the same as another one, and used through no map."""
    alone = [node for node in nodes if node.is_disk and not any(child.type == _MAP for child in node.children)]
    same = Counter(node.identity for node in alone)
    return tuple(node.path for node in alone if node.identity is not None and same[node.identity] > 1)


def _same_content(nodes: Tuple[Node, ...], paths: Sequence[str]) -> Tuple[str, ...]:
    """Those of the disks that show the same content as every other one with their identity: only these may be one."""
    digests: Dict[Optional[Tuple[str, str, int]], Set[str]] = {}
    found = [node for node in nodes if node.path in paths]
    for node in found:
        try:
            seen = sample(node.path, node.size).digest
        except CommandFailed:
            seen = node.path  # one that cannot be read is like no other
        digests.setdefault(node.identity, set()).add(seen)
    return tuple(node.path for node in found if len(digests[node.identity]) == 1)


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


def _digest(node: Node, holds: Tuple[str, ...], partitions: Tuple[PresentPartition, ...], content: Content,
            holders: Tuple[Holder, ...]) -> str:
    """The sectors of a disk in use are left out: whoever uses it may write to it at any moment.

    Instead there is what uses it, so that nothing is stopped that the plan has not shown. But not what is mounted for
    other processes: a service that starts with a mount namespace of its own repeats all mounts.
    """
    sectors = [(h.kind.value, h.name) for h in holders if h.pid is None] if holders else content.digest
    facts = json.dumps([node.size, holds, [(p.start_bytes, p.size_bytes) for p in partitions], sectors])
    return hashlib.sha256(facts.encode()).hexdigest()


def _ram_bytes(meminfo: str) -> int:
    found = re.search(r"^MemTotal:\s+(\d+) kB$", meminfo, re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


# Looking (acts on nothing)

def display_adapters(devices: Path) -> Tuple[str, ...]:
    """The modaliases of the display adapters (PCI class 03) in that directory of sysfs."""
    return tuple(sorted((folder.parent / "modalias").read_text("ascii").strip() for folder in devices.glob("*/class")
                        if folder.read_text("ascii").startswith("0x03")))


def list_nodes(*paths: str) -> Tuple[Node, ...]:
    """The device trees of all block devices, or of those named."""
    return parse_lsblk(run(("lsblk", "-J", "-b", "-o", _COLUMNS, *paths), timeout=_TIMEOUT).stdout)


def _signatures(disks: Sequence[Node]) -> Dict[str, Tuple[Tuple[str, str], ...]]:
    """What is written on each disk and its partitions, by the disk's name: device and kind of each signature.

    One program looks at all disks; where it stumbles over one, each is looked at alone.
    """
    if not disks:
        return {}
    nodes = {disk.name: [disk, *(child for child in disk.children if child.type == "part")] for disk in disks}
    looked = run(("wipefs", "-J", "--no-act", *(node.path for some in nodes.values() for node in some)),
                 timeout=_TIMEOUT, check=False)
    if looked.ok:
        seen = parse_wipefs(looked.stdout)
        return {name: tuple(one for one in seen if one[0] in {node.shown for node in some})
                for name, some in nodes.items()}
    if len(disks) > 1:
        return {name: found for disk in disks for name, found in _signatures((disk,)).items()}
    return {disks[0].name: ((disks[0].name, f"unreadable ({looked.stderr.strip()})"),)}


def _present_disk(node: Node, signatures: Tuple[Tuple[str, str], ...], excluded: Mapping[str, str],
                  by_path: Optional[str], view: KernelView) -> PresentDisk:
    nodes = [path for n in node.walk() for path in (n.path, f"/dev/{n.name}")]  # /dev/mapper/x is /dev/dm-0
    why = next((excluded[path] for path in nodes if path in excluded), None)
    try:
        content = sample(node.path, node.size)
    except CommandFailed as error:
        # One broken disk must not stop the recovery of a machine whose other disks are well.
        content, why = Content("", empty=False), why or f"it cannot be read ({error.found})"
    return present_disk(node, signatures, content, why, by_path, holders_of(view, (node.name,)))


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
