"""LVM of a ReaR layout: the layout's lines say which groups, the metadata backups say everything about them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Set, Tuple

from sif.capture.lvm_volumes import describe_volumes
from sif.convert.errors import ForeignRejected
from sif.convert.identity import section_id
from sif.convert.rear_lines import Layout, LvLine, PvLine, VgLine
from sif.convert.report import Ledger
from sif.convert.sources import SourceFile, read_optional
from sif.convert.vgcfg import Metadata, parse_vgcfg
from sif.convert.vgcfg_rows import rows_of
from sif.media import sha256_hex
from sif.model import LogicalVolume, LvRole, LvType, Omitted, PhysicalVolume, Ref, VolumeGroup
from sif.plain import dataclass, replace
from sif.problems import Problem

_IN_POOLS = (LvType.THIN, LvType.CACHE, LvType.WRITECACHE)
_NAME = re.compile(r"[A-Za-z0-9+_.][A-Za-z0-9+_.-]{0,126}")


@dataclass(frozen=True)
class LvmPart:
    """LVM's records, the set's files, the device paths of the logical volumes, and what was read."""

    pvs: Tuple[PhysicalVolume, ...]
    vgs: Tuple[VolumeGroup, ...]
    lvs: Tuple[LogicalVolume, ...]
    ids: Mapping[str, str]
    files: Mapping[str, bytes]
    metadata: Tuple[Metadata, ...]
    omitted: Tuple[Omitted, ...] = ()


def group_files(layout: Layout, root: Path) -> Dict[str, Optional[SourceFile]]:
    """The metadata backup of every group of the layout, by name; None where ReaR left none."""
    found: Dict[str, Optional[SourceFile]] = {}
    for group in (c for c in layout.components if isinstance(c, VgLine)):
        if not _NAME.fullmatch(group.vg) or group.vg in (".", ".."):
            raise ForeignRejected(group.line.file, [Problem("not a volume group's name", group.line.where, group.vg)])
        if group.vg in found:
            raise ForeignRejected(group.line.file, [Problem(f"{group.vg} is described twice", group.line.where)])
        found[group.vg] = read_optional(root, f"lvm/{group.vg}.cfg")
    return found


def convert_lvm(layout: Layout, backups: Mapping[str, Optional[SourceFile]], devices: Mapping[str, str],
                ledger: Ledger) -> LvmPart:
    """The records of every group that is whole; what is no set's goes to the ledger as not restorable."""
    pvs: List[PhysicalVolume] = []
    vgs: List[VolumeGroup] = []
    lvs: List[LogicalVolume] = []
    ids: Dict[str, str] = {}
    files: Dict[str, bytes] = {}
    read: List[Metadata] = []
    omitted: List[Omitted] = []
    taken: Set[str] = set()
    for line in (c for c in layout.components if isinstance(c, VgLine)):
        source = backups[line.vg]
        if source is None:
            ledger.lost(line.line.where, f"volume group {line.vg}", f"its metadata backup lvm/{line.vg}.cfg is "
                        "missing; without it neither its ids nor the place of its extents are known", line.line.text)
            continue
        data = parse_vgcfg(source)
        if data.name != line.vg:
            raise ForeignRejected(source.name, [Problem("the metadata of another volume group",
                                                        f"{source.name}:{data.line}", data.name, line.vg)])
        read.append(data)
        members = _members(layout, line, data, source.name, devices, ledger)
        if members is None:
            continue
        group = section_id(line.vg, taken)
        ledger.place("VG", group, line.line.where)
        made, left, whole = _volumes(data, group, source.name, members, ledger)
        record = VolumeGroup(id=group, name=data.name, uuid=data.uuid, pe_bytes=data.pe_bytes,
                             pvs=tuple(Ref(pv.id) for pv in members.values()), tags=data.tags)
        if whole:
            path = f"lvm/{line.vg}.vgcfg"
            files[path] = source.data
            record = replace(record, metadata=f"media:{path}", metadata_sha256=sha256_hex(source.data))
        else:
            ledger.left(source.name, f"{group} metadata", "the text would bring the volumes back that are left out")
        vgs.append(record)
        pvs.extend(members.values())
        lvs.extend(made)
        omitted.extend(left)
        ids.update((device, lv.id) for lv in made for device in _paths(data.name, lv.name)
                   if lv.role is LvRole.VOLUME and lv.type not in (LvType.THIN_POOL, LvType.CACHE_POOL))
        _compare_group(line, data, source.name, ledger)
    _orphans(layout, read, ledger)
    return LvmPart(tuple(pvs), tuple(vgs), tuple(lvs), ids, files, tuple(read), tuple(omitted))


def _paths(group: str, volume: str) -> Tuple[str, str]:
    mapped = f"{group.replace('-', '--')}-{volume.replace('-', '--')}"
    return f"/dev/mapper/{mapped}", f"/dev/{group}/{volume}"


def _members(layout: Layout, group: VgLine, data: Metadata, file: str, devices: Mapping[str, str],
             ledger: Ledger) -> Optional[Dict[str, PhysicalVolume]]:
    """The group's physical volumes by their names in the metadata; None when one is not on a device we carry."""
    lines = {c.uuid: c for c in layout.components if isinstance(c, PvLine) and c.vg == group.vg}
    found: Dict[str, PhysicalVolume] = {}
    whole = True
    for pv in data.pvs:
        line = lines.pop(pv.uuid, None)
        device = devices.get(line.device) if line else None
        if line is None or device is None:
            ledger.lost(line.line.where if line else f"{file}:{pv.line}", f"volume group {group.vg}",
                        f"its physical volume {pv.uuid} lies on a device that is not carried",
                        line.line.text if line else pv.device)
            whole = False
            continue
        ident = f"pv_{device}"
        ledger.place("PV", ident, line.line.where)
        found[pv.name] = PhysicalVolume(id=ident, device=Ref(device), uuid=pv.uuid, pe_start_bytes=pv.pe_start_bytes,
                                        extents=pv.extents)
    stray = [Problem("a physical volume that the group's metadata does not know", line.line.where, line.line.text,
                     f"one of the ids in {file}") for line in lines.values()]
    if stray:
        raise ForeignRejected(file, stray)
    return found if whole else None


def _compare_group(line: VgLine, data: Metadata, file: str, ledger: Ledger) -> None:
    if line.extent_kib * 1024 != data.pe_bytes:
        ledger.left(line.line.where, f"volume group {line.vg}", f"its extent size disagrees with {file}:{data.line}, "
                    f"which counts ({data.pe_bytes} bytes)", line.line.text)
    ledger.left(line.line.where, f"volume group {line.vg} size", "the size follows from its physical volumes")


def _volumes(data: Metadata, group: str, file: str, members: Mapping[str, PhysicalVolume],
             ledger: Ledger) -> Tuple[Tuple[LogicalVolume, ...], Tuple[Omitted, ...], bool]:
    """The group's volumes, the snapshots that are left out, and whether that is all there is in the text."""
    lines = {volume.name: volume.line for volume in data.lvs}
    found = describe_volumes(rows_of(data, group), (group,), {name: pv.id for name, pv in members.items()})
    for text in found.unsupported:
        subject, _, why = text.partition(": ")
        name = subject.rpartition("/")[2]
        ledger.lost(f"{file}:{lines.get(name, data.line)}", subject, why)
    for volume in data.lvs:
        if not volume.segments:
            ledger.lost(f"{file}:{volume.line}", f"logical volume {group}/{volume.name}", "it has no segments")
    for left in found.omitted:
        ledger.place("OMITTED", left.id, f"{file}:{data.line}")
        ledger.left(f"{file}:{data.line}", left.what, "a state of another volume: it is not there after a restore")
    made = _standing(found.lvs, group, file, lines, ledger)
    for lv in made:
        ledger.place("LV", lv.id, f"{file}:{lines[lv.name]}")
    whole = not found.omitted and len(made) == len(found.lvs) and not found.unsupported \
        and all(volume.segments for volume in data.lvs)
    return made, found.omitted, whole


def _standing(lvs: Tuple[LogicalVolume, ...], group: str, file: str, lines: Mapping[str, int],
              ledger: Ledger) -> Tuple[LogicalVolume, ...]:
    """The volumes all of whose parts are there; a volume falls with a part of it, and with it what it is a part of."""
    ids = {lv.id for lv in lvs}
    standing = tuple(lv for lv in lvs if (lv.pool or lv.type not in _IN_POOLS)
                     and ids.issuperset([*lv.parts, *(ref for ref in (lv.pool, lv.origin) if ref)]))
    for lv in lvs:
        if lv not in standing:
            ledger.lost(f"{file}:{lines[lv.name]}", f"logical volume {group}/{lv.name}", "a part of it is not carried")
    return standing if len(standing) == len(lvs) else _standing(standing, group, file, lines, ledger)


def _orphans(layout: Layout, read: List[Metadata], ledger: Ledger) -> None:
    """Lines about groups and volumes that no metadata describes, or that disagree with it."""
    sizes = {(data.name, lv.name): (data.pe_bytes, lv.extents) for data in read for lv in data.lvs}
    groups = {c.vg for c in layout.components if isinstance(c, VgLine)}
    for line in layout.components:
        if isinstance(line, PvLine) and line.vg not in groups:
            ledger.lost(line.line.where, f"physical volume {line.device}", "there is no lvmgrp line for its group",
                        line.line.text)
        if not isinstance(line, LvLine):
            continue
        known = sizes.get((line.vg, line.name))
        if known is None:
            ledger.lost(line.line.where, f"logical volume {line.vg}/{line.name}",
                        "no metadata backup describes it", line.line.text)
        elif (line.size_bytes or known[0] * (line.extents or 0)) \
                != known[0] * known[1]:
            ledger.left(line.line.where, f"logical volume {line.vg}/{line.name}", "its size disagrees with the "
                        f"metadata backup, which counts ({known[0] * known[1]} bytes)", line.line.text)
