"""LVM's metadata text, written from SIF records where the SIF brings none. Pure.

Source of the format: lvm2's ``vgcfgbackup`` output and ``man lvmraid``; sizes are in sectors of 512 bytes.
"""

from __future__ import annotations

import json
from typing import Dict, List, Sequence

from rescue.plan import Renamed
from rescue.planner.check import parse_segment
from sif.model import LogicalVolume, PhysicalVolume, VolumeGroup

_SECTOR = 512


def dm_name(vg: str, lv: str) -> str:
    """The device-mapper name of a logical volume: hyphens are doubled, a single one separates."""
    return f"{vg.replace('-', '--')}-{lv.replace('-', '--')}"


def metadata_text(vg: VolumeGroup, pvs: Sequence[PhysicalVolume], lvs: Sequence[LogicalVolume],
                  sizes: Dict[str, int]) -> str:
    """The metadata of a volume group of linear volumes, as ``vgcfgrestore`` reads it.

    ``sizes`` has the bytes of the device under each PV (by SIF id).
    """
    names = {pv.id: f"pv{index}" for index, pv in enumerate(pvs)}
    lines = ['contents = "Text Format Volume Group"', "version = 1", 'description = "from a SIF"',
             'creation_host = "lifeboat"', "creation_time = 0", "", f"{vg.name} {{",
             f'id = "{vg.uuid}"', "seqno = 1", 'format = "lvm2"', 'status = ["RESIZEABLE", "READ", "WRITE"]',
             "flags = []", f"tags = {_strings(vg.tags)}", f"extent_size = {vg.pe_bytes // _SECTOR}", "max_lv = 0",
             "max_pv = 0", "metadata_copies = 0", "physical_volumes {"]
    for pv in pvs:
        lines += [f"{names[pv.id]} {{", f'id = "{pv.uuid}"', 'device = "unknown"', 'status = ["ALLOCATABLE"]',
                  "flags = []", f"dev_size = {sizes[pv.id] // _SECTOR}",
                  f"pe_start = {pv.pe_start_bytes // _SECTOR}", f"pe_count = {pv.extents}", "}"]
    lines.append("}")
    if lvs:
        lines.append("logical_volumes {")
        for lv in lvs:
            lines += _volume(lv, names)
        lines.append("}")
    return "\n".join([*lines, "}", ""])


def of_replica(text: str, renamed: Sequence[Renamed]) -> str:
    """LVM's own metadata text with the identities of a replica."""
    for new in renamed:
        text = text.replace(f'"{new.before}"', f'"{new.after}"')
    return text


def _volume(lv: LogicalVolume, names: Dict[str, str]) -> List[str]:
    pieces = [piece for text in lv.segments if (piece := parse_segment(text))]
    lines = [f"{lv.name} {{", f'id = "{lv.uuid}"', 'status = ["READ", "WRITE", "VISIBLE"]', "flags = []",
             f"tags = {_strings(lv.tags)}", f"segment_count = {len(pieces)}"]
    start = 0
    for number, (pv, first, count) in enumerate(pieces, 1):
        lines += [f"segment{number} {{", f"start_extent = {start}", f"extent_count = {count}", 'type = "striped"',
                  "stripe_count = 1", f'stripes = ["{names[pv]}", {first}]', "}"]
        start += count
    return [*lines, "}"]


def _strings(values: Sequence[str]) -> str:
    return "[" + ", ".join(json.dumps(value) for value in values) + "]"
