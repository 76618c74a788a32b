"""LVM: physical volumes, volume groups and linear logical volumes, from LVM's own JSON reports."""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Tuple

from sif import look
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.names import identifier as identifier
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


class LvmLayer:
    """Physical volumes, volume groups and logical volumes among the carriers."""

    def __init__(self) -> None:
        self._reports: Dict[Tuple[str, ...], Tuple[Tuple[Row, ...], ...]] = {}
        self._texts: Dict[str, str] = {}

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """See :class:`sif.capture.layers.Layer`.

        When isolated, LVM may look at the carriers only, so that a foreign volume group of the same name on another
        disk is neither read nor mixed in.
        """
        explained = frozenset(device.kname for device in around.devices if device.type == "lvm")
        if not look.have("lvm"):
            return Layered(explained=explained)
        # a physical volume on a logical one is LVM's own doing only where lvm.conf allows it
        own = {d.path for d in around.devices if d.type == "lvm"}
        limit: Tuple[str, ...] = ()
        if around.isolate:
            limit = ("--devices", ",".join(path for _, path in carriers.items() if path not in own))
        pvs, vgs, segments = self._read(limit)
        ids = {row["pv_name"]: ident for row in pvs for ident in (carriers.id_at(row["pv_name"]),) if ident}
        facts = describe(pvs, vgs, segments, self._texts, ids)
        return Layered(
            records=(*facts.pvs, *facts.vgs, *facts.lvs), opened=dict(facts.device_of), explained=explained,
            taken=frozenset(str(pv.device) for pv in facts.pvs), files=facts.files, unsupported=facts.unsupported)

    def _read(self, limit: Tuple[str, ...]) -> Tuple[Tuple[Row, ...], ...]:
        if limit in self._reports:
            return self._reports[limit]
        found: Tuple[Tuple[Row, ...], ...] = ((), (), ())
        pvs = tuple(row for row in parse_report(_lvm("pvs", _PVS, limit), "pv") if row["vg_name"])
        if pvs:
            vgs = parse_report(_lvm("vgs", _VGS, limit), "vg")
            found = pvs, vgs, parse_report(_lvm("lvs", _LVS, ("--all", "--segments", *limit)), "seg")
            self._texts = {row["vg_name"]: _metadata(row["vg_name"], limit) for row in vgs}
        self._reports[limit] = found
        return found


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
