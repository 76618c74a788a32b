"""LVM: physical volumes, volume groups and linear logical volumes, from LVM's own JSON reports."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from sif import look
from sif.model import LogicalVolume, LvType, PhysicalVolume, Ref, VolumeGroup
from sif.run import run

_SECONDS = 120.0
_REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix")
_PVS = "pv_name,pv_uuid,vg_name,pe_start,pv_pe_count"
_VGS = "vg_name,vg_uuid,vg_extent_size,vg_tags"
_LVS = "vg_name,lv_name,lv_uuid,lv_tags,segtype,seg_start_pe,seg_size_pe,seg_pe_ranges,lv_role"

Row = Mapping[str, str]


@dataclass(frozen=True)
class LvmFacts:
    """LVM's records, the metadata text of each volume group by medium path, and what can't be restored.

    ``device_of`` maps a logical volume's id to its device path.
    """

    pvs: Tuple[PhysicalVolume, ...] = ()
    vgs: Tuple[VolumeGroup, ...] = ()
    lvs: Tuple[LogicalVolume, ...] = ()
    device_of: Tuple[Tuple[str, str], ...] = ()
    files: Tuple[Tuple[str, bytes], ...] = ()
    unsupported: Tuple[str, ...] = ()


def identifier(text: str) -> str:
    """``text`` as a section id: what an id may not hold becomes ``_``, and it starts with a letter or digit."""
    clean = re.sub(r"[^A-Za-z0-9_.+-]", "_", text)
    return clean if clean[:1].isalnum() else f"x{clean}"


def lv_id(vg: str, lv: str) -> str:
    return f"lv_{identifier(vg)}_{identifier(lv)}"


def parse_report(text: str, kind: str) -> Tuple[Row, ...]:
    """The rows of one kind (``pv``, ``vg``, ``lv``, ``seg``) in an LVM JSON report."""
    return tuple(row for report in json.loads(text)["report"] for row in report.get(kind, ()))


def pv_order(metadata: str) -> Tuple[str, ...]:
    """The uuids of the physical volumes in the order of a volume group's metadata text."""
    return tuple(re.findall(r'\bpv[0-9]+ \{\s*id = "([^"]+)"', metadata))


def describe(
    pv_rows: Sequence[Row],
    vg_rows: Sequence[Row],
    seg_rows: Sequence[Row],
    metadata: Mapping[str, str],
    device_ids: Mapping[str, str],
) -> LvmFacts:
    """LVM's reports as records.

    ``metadata`` is vgcfgbackup's text by volume group name; ``device_ids`` maps device paths to section ids and
    bounds what is described: a group with no physical volume among them is left out.
    """
    ours = [row for row in pv_rows if row["pv_name"] in device_ids]
    names = [row["vg_name"] for row in vg_rows if any(pv["vg_name"] == row["vg_name"] for pv in ours)]
    unsupported = [
        f"volume group {row['vg_name']}: its physical volume {row['pv_name']} is not on a disk that is captured"
        for row in pv_rows if row["vg_name"] in names and row["pv_name"] not in device_ids
    ]
    pvs = tuple(_pv(row, device_ids) for row in ours)
    by_name = {row["pv_name"]: pv for row, pv in zip(ours, pvs)}
    vgs: List[VolumeGroup] = []
    lvs: Dict[str, LogicalVolume] = {}
    group_of: Dict[str, str] = {}
    files: List[Tuple[str, bytes]] = []
    for row in vg_rows:
        if row["vg_name"] in names:
            members = {pv.uuid: pv.id for r, pv in zip(ours, pvs) if r["vg_name"] == row["vg_name"]}
            text = metadata[row["vg_name"]]
            path = f"lvm/{identifier(row['vg_name'])}.vgcfg"
            files.append((path, text.encode()))
            vgs.append(_vg(row, [members[u] for u in pv_order(text) if u in members], path, text))
    for row in sorted(seg_rows, key=lambda r: (r["vg_name"], r["lv_name"], int(r["seg_start_pe"] or 0))):
        if row["vg_name"] not in names:
            continue
        if row["segtype"] != "linear" or row["lv_name"].startswith("["):
            problem = f"logical volume {row['vg_name']}/{row['lv_name']}: type {row['segtype']}"
            if problem not in unsupported:
                unsupported.append(problem)
            continue
        _add_segment(lvs, row, by_name)
        group_of[lv_id(row["vg_name"], row["lv_name"])] = row["vg_name"]
    return LvmFacts(
        pvs=pvs, vgs=tuple(vgs), lvs=tuple(lvs.values()), files=tuple(files), unsupported=tuple(unsupported),
        device_of=tuple((ident, f"/dev/{group}/{lvs[ident].name}") for ident, group in group_of.items()
                        if ident in lvs),
    )


def _pv(row: Row, device_ids: Mapping[str, str]) -> PhysicalVolume:
    device = device_ids[row["pv_name"]]
    return PhysicalVolume(id=f"pv_{device}", device=Ref(device), uuid=row["pv_uuid"],
                          pe_start_bytes=int(row["pe_start"]), extents=int(row["pv_pe_count"]))


def _vg(row: Row, members: Sequence[str], path: str, text: str) -> VolumeGroup:
    return VolumeGroup(
        id=identifier(row["vg_name"]), name=row["vg_name"], uuid=row["vg_uuid"], pe_bytes=int(row["vg_extent_size"]),
        pvs=tuple(Ref(m) for m in members), tags=_tags(row["vg_tags"]), metadata=f"media:{path}",
        metadata_sha256=hashlib.sha256(text.encode()).hexdigest())


def _tags(text: str) -> Tuple[str, ...]:
    return tuple(sorted(tag for tag in text.split(",") if tag))


def _add_segment(lvs: Dict[str, LogicalVolume], row: Row, pv_of: Mapping[str, PhysicalVolume]) -> None:
    ident = lv_id(row["vg_name"], row["lv_name"])
    device, _, pe_range = row["seg_pe_ranges"].strip().rpartition(":")
    if device not in pv_of:
        return  # the group was already refused, because that physical volume is not captured
    first, _, last = pe_range.partition("-")
    count = int(last) - int(first) + 1
    segment = f"{pv_of[device].id}:{first}:{count}"
    before = lvs.get(ident)
    lvs[ident] = LogicalVolume(
        id=ident, vg=Ref(identifier(row["vg_name"])), name=row["lv_name"], uuid=row["lv_uuid"], type=LvType.LINEAR,
        extents=(before.extents if before else 0) + count,
        segments=(before.segments if before else ()) + (segment,), tags=_tags(row["lv_tags"]))


def probe_lvm(device_ids: Mapping[str, str], only: Optional[Sequence[str]] = None) -> LvmFacts:
    """LVM as it is on this machine.

    ``only``, when given, is the list of device paths that LVM may look at, so that a foreign volume group of the
    same name on another disk is neither read nor mixed in.
    """
    if not look.have("lvm"):
        return LvmFacts()
    limit = ("--devices", ",".join(only)) if only is not None else ()
    if only is not None and not only:
        return LvmFacts()
    pvs = parse_report(_lvm("pvs", _PVS, limit), "pv")
    pvs = tuple(row for row in pvs if row["vg_name"])
    if not pvs:
        return LvmFacts()
    vgs = parse_report(_lvm("vgs", _VGS, limit), "vg")
    segments = parse_report(_lvm("lvs", _LVS, ("--all", "--segments", *limit)), "seg")
    metadata = {row["vg_name"]: _metadata(row["vg_name"], limit) for row in vgs}
    return describe(pvs, vgs, segments, metadata, device_ids)


def probe_group_members() -> Tuple[Tuple[str, ...], ...]:
    """The device paths of the physical volumes of each volume group on this machine."""
    if not look.have("lvm"):
        return ()
    members: Dict[str, List[str]] = {}
    for row in parse_report(_lvm("pvs", _PVS, ()), "pv"):
        if row["vg_name"]:
            members.setdefault(row["vg_name"], []).append(row["pv_name"])
    return tuple(tuple(paths) for paths in members.values())


def _lvm(command: str, columns: str, more: Sequence[str]) -> str:
    return look.run(["lvm", command, *_REPORT, "--readonly", "--options", columns, *more], timeout=_SECONDS).stdout


def _metadata(vg: str, limit: Sequence[str]) -> str:
    return look.ask("vgcfgbackup", (vg, list(limit)), lambda: _backup(vg, limit))


def _backup(vg: str, limit: Sequence[str]) -> str:
    with tempfile.TemporaryDirectory(prefix="sif-lvm-") as directory:
        path = Path(directory) / "vgcfg"
        run(["lvm", "vgcfgbackup", "--readonly", "--file", str(path), *limit, vg], timeout=_SECONDS)
        return path.read_text(encoding="utf-8")
