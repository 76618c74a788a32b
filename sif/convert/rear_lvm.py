"""LVM of a ReaR layout: the layout's lines say which groups, the metadata backups say everything about them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Set, Tuple

from sif.capture.lvm import lv_id
from sif.convert.errors import ForeignRejected
from sif.convert.identity import section_id
from sif.convert.rear_lines import Layout, LvLine, PvLine, VgLine
from sif.convert.report import Ledger
from sif.convert.sources import SourceFile, read_optional
from sif.convert.vgcfg import Metadata, MetadataLv, parse_vgcfg
from sif.media import sha256_hex
from sif.model import LogicalVolume, LvType, PhysicalVolume, Ref, VolumeGroup
from sif.problems import Problem

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
    """The records of every group that is whole and linear; anything else goes to the ledger as not restorable."""
    pvs: List[PhysicalVolume] = []
    vgs: List[VolumeGroup] = []
    lvs: List[LogicalVolume] = []
    ids: Dict[str, str] = {}
    files: Dict[str, bytes] = {}
    read: List[Metadata] = []
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
        made = [lv for volume in data.lvs if (lv := _volume(volume, group, source.name, members, ledger))]
        record = VolumeGroup(id=group, name=data.name, uuid=data.uuid, pe_bytes=data.pe_bytes,
                             pvs=tuple(Ref(pv.id) for pv in members.values()), tags=data.tags)
        if len(made) == len(data.lvs):
            path = f"lvm/{line.vg}.vgcfg"
            files[path] = source.data
            record = replace(record, metadata=f"media:{path}", metadata_sha256=sha256_hex(source.data))
        else:
            ledger.left(source.name, f"{group} metadata", "the text would bring the volumes back that are left out")
        vgs.append(record)
        pvs.extend(members.values())
        lvs.extend(made)
        ids.update((device, lv.id) for lv in made for device in _paths(data.name, lv.name))
        _compare_group(line, data, source.name, ledger)
    _orphans(layout, read, ledger)
    return LvmPart(tuple(pvs), tuple(vgs), tuple(lvs), ids, files, tuple(read))


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


def _volume(volume: MetadataLv, group: str, file: str, members: Mapping[str, PhysicalVolume],
            ledger: Ledger) -> Optional[LogicalVolume]:
    where = f"{file}:{volume.line}"
    unknown = [pv for pv, _, _ in volume.segments if pv not in members]
    if volume.fault or unknown:
        ledger.lost(where, f"logical volume {group}/{volume.name}",
                    volume.fault or f"a segment on the unknown physical volume {unknown[0]}")
        return None
    ident = lv_id(group, volume.name)
    ledger.place("LV", ident, where)
    return LogicalVolume(
        id=ident, vg=Ref(group), name=volume.name, uuid=volume.uuid, type=LvType.LINEAR,
        extents=sum(count for _, _, count in volume.segments), tags=volume.tags,
        segments=tuple(f"{members[pv].id}:{first}:{count}" for pv, first, count in volume.segments))


def _orphans(layout: Layout, read: List[Metadata], ledger: Ledger) -> None:
    """Lines about groups and volumes that no metadata describes, or that disagree with it."""
    sizes = {(data.name, lv.name): (data.pe_bytes, sum(c for _, _, c in lv.segments)) for data in read
             for lv in data.lvs}
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
        elif line.layout in (None, "linear") and (line.size_bytes or known[0] * (line.extents or 0)) \
                != known[0] * known[1]:
            ledger.left(line.line.where, f"logical volume {line.vg}/{line.name}", "its size disagrees with the "
                        f"metadata backup, which counts ({known[0] * known[1]} bytes)", line.line.text)
