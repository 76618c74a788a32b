"""LVM: physical volumes, volume groups and logical volumes, from LVM's own JSON reports."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Dict, List, Mapping, Sequence, Set, Tuple

from sif import look
from sif.capture.errors import Unrestorable
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.lvm_text import without_snapshots
from sif.capture.lvm_volumes import Row, Volumes, describe_volumes, lv_id as lv_id, tags
from sif.capture.names import identifier as identifier
from sif.digest import sha256
from sif.model import LogicalVolume, LvRole, LvType, Omitted, PhysicalVolume, Ref, VolumeGroup
from sif.plain import dataclass, replace
from sif.questions import LVS, PVS, VGS, lvm_report
from sif.run import run

_SECONDS = 120.0


@dataclass(frozen=True)
class LvmFacts:
    """LVM's records, the metadata text of each volume group by medium path, and what can't be restored.

    ``device_of`` maps the ids of the volumes that something can lie on to their device paths.
    """

    pvs: Tuple[PhysicalVolume, ...] = ()
    vgs: Tuple[VolumeGroup, ...] = ()
    lvs: Tuple[LogicalVolume, ...] = ()
    device_of: Tuple[Tuple[str, str], ...] = ()
    files: Tuple[Tuple[str, bytes], ...] = ()
    unsupported: Tuple[str, ...] = ()
    omitted: Tuple[Omitted, ...] = ()
    notes: Tuple[str, ...] = ()


def parse_report(text: str, kind: str) -> Tuple[Row, ...]:
    """The rows of one kind (``pv``, ``vg``, ``lv``, ``seg``) in an LVM JSON report."""
    return tuple(row for report in json.loads(text)["report"] for row in report.get(kind, ()))


def pv_order(metadata: str) -> Tuple[str, ...]:
    """The uuids of the physical volumes in the order of a volume group's metadata text."""
    return tuple(re.findall(r'\bpv[0-9]+ \{\s*id = "([^"]+)"', metadata))


def own_groups(pv_rows: Sequence[Row], vg_rows: Sequence[Row], device_ids: Mapping[str, str]) -> Tuple[Row, ...]:
    """The volume groups with a physical volume among ours, which ``device_ids`` lists by LVM's device names."""
    names = {row["vg_name"] for row in pv_rows if row["pv_name"] in device_ids}
    return tuple(row for row in vg_rows if row["vg_name"] in names)


def group_problems(pv_rows: Sequence[Row], groups: Sequence[Row], device_ids: Mapping[str, str]) -> Mapping[str, str]:
    """Group name → why it can't be made again."""
    found: Dict[str, str] = {}
    for row in pv_rows:
        if row["pv_name"] not in device_ids:
            found[row["vg_name"]] = f"its physical volume {row['pv_name']} is not on a disk that is captured"
    seen: Set[str] = set()
    for row in groups:
        if row.get("vg_partial"):
            found[row["vg_name"]] = "a physical volume of it is missing"
        if row.get("vg_exported"):
            found[row["vg_name"]] = "it is exported"
        if row["vg_name"] in seen:
            found[row["vg_name"]] = "there is another volume group of that name"
        seen.add(row["vg_name"])
    names = {row["vg_name"] for row in groups}
    return {name: why for name, why in found.items() if name in names}


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
    groups = own_groups(pv_rows, vg_rows, device_ids)
    problems = group_problems(pv_rows, groups, device_ids)
    good = [row for row in groups if row["vg_name"] not in problems]
    names = {row["vg_name"] for row in good}
    ours = [row for row in pv_rows if row["pv_name"] in device_ids and row["vg_name"] in names]
    pvs = tuple(_pv(row, device_ids) for row in ours)
    volumes = describe_volumes(seg_rows, tuple(names), {row["pv_name"]: pv.id for row, pv in zip(ours, pvs)})
    vgs: List[VolumeGroup] = []
    files: List[Tuple[str, bytes]] = []
    for row in good:
        members = {pv.uuid: pv.id for r, pv in zip(ours, pvs) if r["vg_name"] == row["vg_name"]}
        text = metadata[row["vg_name"]]
        group = _vg(row, [members[u] for u in pv_order(text) if u in members])
        if any(left.device == group.id for left in volumes.omitted):
            text = without_snapshots(text)
        path = f"lvm/{group.id}.vgcfg"
        files.append((path, text.encode()))
        vgs.append(replace(group, metadata=f"media:{path}",
                           metadata_sha256=sha256(text.encode()).hex()))
    return LvmFacts(
        pvs=pvs, vgs=tuple(vgs), lvs=volumes.lvs, files=tuple(files), omitted=volumes.omitted, notes=volumes.notes,
        device_of=_devices(vgs, volumes),
        unsupported=(*(Unrestorable(f"volume group {name}: {why}", name) for name, why in problems.items()),
                     *volumes.unsupported))


def _devices(vgs: Sequence[VolumeGroup], volumes: Volumes) -> Tuple[Tuple[str, str], ...]:
    names = {vg.id: vg.name for vg in vgs}
    return tuple((lv.id, f"/dev/{names[lv.vg]}/{lv.name}") for lv in volumes.lvs
                 if lv.role is LvRole.VOLUME and lv.type not in (LvType.THIN_POOL, LvType.CACHE_POOL))


def _pv(row: Row, device_ids: Mapping[str, str]) -> PhysicalVolume:
    device = device_ids[row["pv_name"]]
    return PhysicalVolume(id=f"pv_{device}", device=Ref(device), uuid=row["pv_uuid"],
                          pe_start_bytes=int(row["pe_start"]), extents=int(row["pv_pe_count"]))


def _vg(row: Row, members: Sequence[str]) -> VolumeGroup:
    return VolumeGroup(
        id=identifier(row["vg_name"]), name=row["vg_name"], uuid=row["vg_uuid"], pe_bytes=int(row["vg_extent_size"]),
        pvs=tuple(Ref(m) for m in members), tags=tags(row["vg_tags"]))


class LvmLayer:
    """Physical volumes, volume groups and logical volumes among the carriers."""

    def __init__(self) -> None:
        self._reports: Dict[Tuple[str, ...], Tuple[Tuple[Row, ...], ...]] = {}
        self._texts: Dict[Tuple[str, Tuple[str, ...]], str] = {}
        self._opened: Set[str] = set()

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """See :class:`sif.capture.layers.Layer`.

        When isolated, LVM may look at the carriers only, so that a foreign volume group of the same name on another
        disk is neither read nor mixed in.
        """
        explained = frozenset(device.kname for device in around.devices if device.type == "lvm")
        if not look.have("lvm"):
            return Layered(explained=explained)
        limit: Tuple[str, ...] = ()
        if around.isolate:
            # not its own volumes: LVM does not look there for more, and one that is not active has no device
            below = (path for ident, path in carriers.items() if ident not in self._opened)
            limit = ("--devices", ",".join(below))
        pvs, vgs, segments = self._read(limit)
        ids = {row["pv_name"]: ident for row in pvs for ident in (carriers.id_at(row["pv_name"]),) if ident}
        groups = own_groups(pvs, vgs, ids)
        problems = group_problems(pvs, groups, ids)
        texts = {row["vg_name"]: self._text(row["vg_name"], limit) for row in groups if row["vg_name"] not in problems}
        facts = describe(pvs, vgs, segments, texts, ids)
        self._opened.update(dict(facts.device_of))
        closed, inactive = _inactive(facts)
        lvs = tuple(replace(lv, active=lv.id not in closed) for lv in facts.lvs)
        closed |= _unwritten_snapshots(facts, closed, around)
        notes = tuple(f"thin snapshot {ident} is made again, but nothing is restored to it"
                      for ident in sorted(closed & {lv.id for lv in facts.lvs if lv.origin}))
        return Layered(
            records=(*facts.pvs, *facts.vgs, *lvs, *facts.omitted), opened=dict(facts.device_of),
            taken=frozenset((*(ident for ident in ids.values()), *closed)), explained=explained, files=facts.files,
            unsupported=(*facts.unsupported, *inactive), notes=(*facts.notes, *notes))

    def _read(self, limit: Tuple[str, ...]) -> Tuple[Tuple[Row, ...], ...]:
        if limit not in self._reports:
            found: Tuple[Tuple[Row, ...], ...] = ((), (), ())
            pvs = tuple(row for row in parse_report(_lvm("pvs", PVS, limit), "pv") if row["vg_name"])
            if pvs:
                vgs = parse_report(_lvm("vgs", VGS, limit), "vg")
                found = pvs, vgs, parse_report(_lvm("lvs", LVS, ("--all", "--segments", *limit)), "seg")
            self._reports[limit] = found
        return self._reports[limit]

    def _text(self, group: str, limit: Tuple[str, ...]) -> str:
        if (group, limit) not in self._texts:
            self._texts[group, limit] = _metadata(group, limit)
        return self._texts[group, limit]


def _inactive(facts: LvmFacts) -> Tuple[Set[str], Tuple[str, ...]]:
    """The ids of volumes without a device, and what that means for whole groups and single volumes.

    A thin snapshot is not active by itself; what is on it is a state of its origin.
    """
    paths = dict(facts.device_of)
    closed = {ident for ident, path in paths.items() if not look.exists(path)}
    found: List[str] = []
    for group in facts.vgs:
        mine = [lv for lv in facts.lvs if lv.vg == group.id and lv.id in paths and not lv.origin]
        off = [lv for lv in mine if lv.id in closed]
        if off and len(off) == len(mine):
            found.append(Unrestorable(f"volume group {group.name}: not active, so what is on it can't be seen",
                                      group.name))
        else:
            found += [Unrestorable(f"logical volume {group.name}/{lv.name}: not active, so what is on it can't be seen",
                                   f"{group.name}/{lv.name}") for lv in off]
    return closed, tuple(found)


def _unwritten_snapshots(facts: LvmFacts, closed: Set[str], around: Surroundings) -> Set[str]:
    """The thin snapshots that hold what their origin holds: the same file system with the same UUID."""
    paths = {ident: path for ident, path in facts.device_of if ident not in closed}
    found = set()
    for lv in facts.lvs:
        if lv.type is LvType.THIN and lv.origin in paths and lv.id in paths \
                and around.signature(paths[lv.id]) == around.signature(paths[str(lv.origin)]):
            found.add(lv.id)
    return found


def probe_group_names() -> Mapping[str, str]:
    """Device path → volume group, of every physical volume on this machine that is in one."""
    if not look.have("lvm"):
        return {}
    rows = parse_report(_lvm("pvs", PVS, ()), "pv")
    return {row["pv_name"]: row["vg_name"] for row in rows if row["vg_name"]}


def probe_group_members() -> Tuple[Tuple[str, ...], ...]:
    """The device paths of the physical volumes of each volume group on this machine."""
    members: Dict[str, List[str]] = {}
    for path, group in probe_group_names().items():
        members.setdefault(group, []).append(path)
    return tuple(tuple(paths) for paths in members.values())


def _lvm(command: str, columns: str, more: Sequence[str]) -> str:
    return look.run(lvm_report(command, columns, more), timeout=_SECONDS).stdout


def _metadata(vg: str, limit: Sequence[str]) -> str:
    return look.ask("vgcfgbackup", (vg, list(limit)), lambda: _backup(vg, limit))


def _backup(vg: str, limit: Sequence[str]) -> str:
    directory = Path(f"/run/sif-lvm-{os.getpid()}")  # the module tempfile loads ten others; only root writes here
    directory.mkdir(mode=0o700)
    path = directory / "vgcfg"
    try:
        run(["lvm", "vgcfgbackup", "--readonly", "--file", str(path), *limit, vg], timeout=_SECONDS)
        return path.read_text(encoding="utf-8")
    finally:
        path.unlink(missing_ok=True)
        directory.rmdir()
