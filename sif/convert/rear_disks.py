"""Disks and partitions of a ReaR layout as records."""

from __future__ import annotations

import re
from typing import Dict, FrozenSet, List, Mapping, Optional, Sequence, Tuple, Union

from sif.convert.errors import ForeignRejected
from sif.convert.identity import Identities
from sif.convert.rear_layer_lines import MultipathLine
from sif.convert.rear_lines import NO_NAME, DiskLine, Layout, PartLine
from sif.convert.rear_words import Line
from sif.convert.report import Ledger
from sif.model import Disk, DiskRole, Partition, Ref, TableType
from sif.plain import dataclass, field, replace
from sif.problems import Problem

SECTOR = 512
TABLES = {"gpt": TableType.GPT, "msdos": TableType.MBR, "loop": TableType.NONE, "unknown": TableType.NONE}

_GPT_LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
_GPT_TYPES = (
    ("bios_grub", "21686148-6449-6e6f-744e-656564454649"), ("esp", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"),
    ("boot", "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"), ("lvm", "e6d6d379-f507-44c2-a23c-238f2a3df928"),
    ("raid", "a19d880f-05fc-4d3b-a006-743f0f84911e"), ("swap", "0657fd6d-a4ab-43c4-84e5-0933c84b4f4f"),
    ("prep", "9e1a2d38-c612-4316-aa26-8b49521e5a8b"), ("msftdata", "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"),
)
"""parted's flag → the GPT type it stands for; the first that is set wins (``boot`` is parted's old name of ``esp``)."""
_GPT_ATTRIBUTES = {"legacy_boot": 0x4, "hidden": 0x1}
_MBR_TYPES = (("lvm", 0x8E), ("raid", 0xFD), ("swap", 0x82), ("esp", 0xEF), ("prep", 0x41), ("diag", 0x12))
_HIDDEN_BIT = 0x10
_WWID = re.compile(r"[0-9a-f]{17,40}|eui\.[0-9a-f]{16,32}")


@dataclass(frozen=True)
class DiskPart:
    """The disks and partitions, and which section id stands for which device path."""

    disks: Tuple[Disk, ...]
    partitions: Tuple[Partition, ...]
    ids: Mapping[str, str]


@dataclass(frozen=True)
class DiskFacts:
    """What side files say of disks: MBR signatures and WWNs by device path, each with its place; WWIDs of multipath."""

    signatures: Mapping[str, Tuple[str, str]]
    wwns: Mapping[str, Tuple[str, str]]
    vfat: FrozenSet[str] = frozenset()
    swap: FrozenSet[str] = frozenset()
    wwids: Mapping[str, str] = field(default_factory=dict)


def convert_disks(layout: Layout, facts: DiskFacts, identities: Identities, ledger: Ledger) -> DiskPart:
    """The records. What has no kind goes to the ledger; raises ForeignRejected for impossible numbers."""
    problems: List[Problem] = []
    disks: Dict[str, Disk] = {}
    partitions: List[Partition] = []
    ids: Dict[str, str] = {}
    parts = [c for c in layout.components if isinstance(c, PartLine)]
    maps = {c.device: c for c in layout.components if isinstance(c, MultipathLine)}
    paths = {path: device for device, line in maps.items() for path in line.paths}
    for disk in (_as_disk(c) for c in layout.components if isinstance(c, (DiskLine, MultipathLine))):
        if disk.device in paths:
            ledger.left(disk.line.where, f"disk {disk.device}", f"a path to {paths[disk.device]}, which the set has",
                        disk.line.text)
        elif disk.size_bytes == 0 and disk.device in maps:
            ledger.lost(disk.line.where, f"disk {disk.device}", "its size is not stated", disk.line.text)
        elif disk.device in disks:
            problems.append(Problem(f"{disk.device} is described twice", disk.line.where))
        elif disk.label not in TABLES:
            ledger.lost(disk.line.where, f"disk {disk.device}", "a partition table of this kind has no place in a set",
                        disk.line.text)
        else:
            made = _disk(disk, f"d{len(disks)}", parts, facts, identities, ledger, problems)
            if disk.device in maps:
                made = _multipath(made, maps[disk.device], facts, ledger)
            disks[disk.device] = made
            ids[disk.device] = made.id
    for part in parts:
        owner = disks.get(part.disk)
        if owner is None or owner.table is TableType.NONE:
            ledger.lost(part.line.where, f"partition {part.device}", "it lies on a device that is not carried",
                        part.line.text)
        elif part.device in ids:
            problems.append(Problem(f"{part.device} is described twice", part.line.where))
        else:
            partitions.append(_partition(part, owner, facts, identities, ledger, problems))
            ids[part.device] = partitions[-1].id
    if problems:
        raise ForeignRejected(parts[0].line.file if parts else "disklayout.conf", problems)
    others = _excluded(layout.excluded, len(disks), ledger)
    return DiskPart((*disks.values(), *others), tuple(partitions), ids)


def _as_disk(line: Union[DiskLine, MultipathLine]) -> DiskLine:
    return line if isinstance(line, DiskLine) else DiskLine(line.line, line.device, line.size_bytes or 0, line.label)


def _multipath(disk: Disk, line: MultipathLine, facts: DiskFacts, ledger: Ledger) -> Disk:
    name = line.device.rpartition("/")[2]
    known = facts.wwids.get(line.device) or (name if _WWID.fullmatch(name) else None)
    if known is None:
        ledger.assumed(line.line.where, f"{disk.id} multipath", "the name of the map: its WWID is not in the source",
                       name)
    ledger.left(line.line.where, f"{disk.id} paths", "names of the running system, which change", ",".join(line.paths))
    return replace(disk, multipath=known or name)


def _disk(disk: DiskLine, ident: str, parts: Sequence[PartLine], facts: DiskFacts, identities: Identities,
          ledger: Ledger, problems: List[Problem]) -> Disk:
    where, table = disk.line.where, TABLES[disk.label]
    if disk.size_bytes == 0 or disk.size_bytes % SECTOR:
        problems.append(Problem("a size that is not a number of sectors", where, str(disk.size_bytes),
                                f"bytes, a multiple of {SECTOR}"))
    ledger.place("DISK", ident, where)
    mine = [part for part in parts if part.disk == disk.device]
    if any(part.start_bytes % 4096 or part.size_bytes % 4096 for part in mine):
        text = "its partitions are not aligned to 4096 bytes, so its logical sectors are of 512 bytes"
    else:
        text = "sectors of 512 bytes (ReaR does not record the sector size; on a 4Kn disk the table would not fit)"
    ledger.assumed(where, f"{ident} logical_sector, physical_sector", text)
    signature, wwn = facts.signatures.get(disk.device), facts.wwns.get(disk.device)
    made = Disk(id=ident, role=DiskRole.CRITICAL, size_bytes=disk.size_bytes, logical_sector=SECTOR,
                physical_sector=SECTOR, table=table, wwn=wwn[0] if wwn else None,
                device=disk.device[len("/dev/"):].replace("/", "!"))
    if table is TableType.GPT:
        ledger.generated(where, f"{ident} table_id", "GPT disk GUID: ReaR does not record it")
        ledger.assumed(where, f"{ident} gpt_entries, first_lba", "the usual 128 entries and first usable sector")
        return replace(made, table_id=identities.uuid(f"disk:{disk.device}"))
    if table is TableType.MBR and signature is None:
        ledger.generated(where, f"{ident} table_id", "MBR signature: ReaR does not record it")
        return replace(made, table_id=identities.mbr_signature(f"disk:{disk.device}"))
    return replace(made, table_id=signature[0]) if signature and table is TableType.MBR else made


def _partition(part: PartLine, disk: Disk, facts: DiskFacts, identities: Identities, ledger: Ledger,
               problems: List[Problem]) -> Partition:
    where, ident = part.line.where, f"{disk.id}p{part.number}"
    ledger.place("PARTITION", ident, where)
    for what, number in (("start", part.start_bytes), ("size", part.size_bytes)):
        if number % SECTOR:
            problems.append(Problem(f"a {what} that is not a number of sectors", where, str(number),
                                    f"bytes, a multiple of {SECTOR}"))
    base = Partition(id=ident, disk=Ref(disk.id), number=part.number, start_sector=part.start_bytes // SECTOR,
                     sectors=part.size_bytes // SECTOR, type="")
    if disk.table is TableType.GPT:
        return _gpt(part, base, identities, ledger)
    return _mbr(part, base, facts, ledger, problems)


def _gpt(part: PartLine, base: Partition, identities: Identities, ledger: Ledger) -> Partition:
    where = part.line.where
    kind = next((guid for flag, guid in _GPT_TYPES if flag in part.flags), None)
    ledger.assumed(where, f"{base.id} type",
                   f"type {kind or _GPT_LINUX}, from parted's flags: ReaR does not record the GUID",
                   ",".join(part.flags) or "none")
    known = {flag for flag, _ in _GPT_TYPES} | set(_GPT_ATTRIBUTES)
    _unknown_flags(part, known, base.id, ledger)
    if part.partuuid is None:
        ledger.generated(where, f"{base.id} uuid", "partition GUID: this layout does not record it")
    if "hidden" in part.flags:
        ledger.assumed(where, f"{base.id} attributes", "parted's flag hidden is attribute bit 0", "hidden")
    return replace(
        base, type=kind or _GPT_LINUX, uuid=part.partuuid or identities.uuid(f"partition:{part.device}"),
        name=None if part.kind == NO_NAME else part.kind,
        attributes=sum(bit for flag, bit in _GPT_ATTRIBUTES.items() if flag in part.flags))


def _mbr(part: PartLine, base: Partition, facts: DiskFacts, ledger: Ledger, problems: List[Problem]) -> Partition:
    where = part.line.where
    if part.kind not in ("primary", "extended", "logical") or (part.kind == "logical") != (part.number >= 5):
        problems.append(Problem("not a kind of MBR partition, or not one of that number", where, part.kind,
                                "primary or extended (1 to 4), logical (from 5)"))
    lba = "lba" in part.flags
    code = next((code for flag, code in _MBR_TYPES if flag in part.flags), None)
    if part.kind == "extended":
        code = 0x0F if lba else 0x05
    elif code is None and part.device in facts.vfat:
        code = 0x0C if lba else 0x0B
    elif code is None and part.device in facts.swap:
        code = 0x82
    code = 0x83 if code is None else code
    if "hidden" in part.flags:
        code |= _HIDDEN_BIT
    ledger.assumed(where, f"{base.id} type", f"type 0x{code:02x}, from parted's flags and what lies on it: ReaR does "
                   "not record the byte", ",".join(part.flags) or "none")
    _unknown_flags(part, {flag for flag, _ in _MBR_TYPES} | {"boot", "lba", "hidden"}, base.id, ledger)
    if part.partuuid is not None:
        ledger.left(where, f"{base.id} uuid", "an MBR partition has no GUID of its own", part.partuuid)
    return replace(base, type=f"0x{code:02x}", active="boot" in part.flags)


def _unknown_flags(part: PartLine, known: "set[str]", ident: str, ledger: Ledger) -> None:
    for flag in part.flags:
        if flag not in known:
            ledger.left(part.line.where, f"{ident} flag", "a flag of parted that a set has no key for", flag)


def _excluded(lines: Sequence[Line], first: int, ledger: Ledger) -> Tuple[Disk, ...]:
    """Disks that ReaR left out, so that the planner knows them and stays away; everything else excluded is listed."""
    found: List[Disk] = []
    for line in lines:
        size: Optional[int] = None
        if line.keyword == "disk" and len(line.words) >= 2 and line.words[1].isascii() and line.words[1].isdigit():
            size = int(line.words[1][:18])
        if size and size % SECTOR == 0 and line.words[0].startswith("/dev/"):
            ident = f"d{first + len(found)}"
            ledger.place("DISK", ident, line.where)
            ledger.left(line.where, ident, "ReaR excluded this disk: it gets role ignore, its content is not described",
                        line.text)
            found.append(Disk(id=ident, role=DiskRole.IGNORE, size_bytes=size, logical_sector=SECTOR,
                              physical_sector=SECTOR, table=TableType.NONE,
                              device=line.words[0][len("/dev/"):].replace("/", "!")))
        else:
            ledger.left(line.where, line.keyword, "ReaR excluded this component", line.text)
    return tuple(found)
