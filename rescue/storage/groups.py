"""What LVM says about one volume group once it is restored: asked for all of its volumes at once.

Each LVM command takes locks and reads every physical volume, and each activation waits for udev: one of each serves
the whole group.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Tuple

from rescue.storage.check import require
from rescue.storage.errors import RebuildFailed
from rescue.storage.site import Site
from sif.model import LogicalVolume, LvType, VolumeGroup
from sif.run import run

Report = Mapping[str, List[Dict[str, str]]]
"""The rows of each kind in LVM's full report, sizes in bytes."""

_TIMEOUT = 600.0
_FIELDS = {"vg": "vg_uuid,vg_extent_size", "pv": "pv_uuid,pe_start,pv_pe_count", "seg": "lv_uuid",
           "pvseg": "pv_uuid", "lv": "lv_name,lv_uuid,lv_size,lv_active,cache_dirty_blocks"}


class Group:
    """A restored group of the plan. It may be asked from several threads."""

    def __init__(self, site: Site, vg: VolumeGroup) -> None:
        self._site, self._vg = site, vg
        self._lock = threading.Lock()
        self._report: Optional[Report] = None

    def restore(self, metadata: Path) -> None:
        """Write the group's metadata to its physical volumes, activate it and check what LVM then says.

        Raises :class:`RebuildFailed` unless group and physical volumes are what was saved.
        """
        # LVM wants the word for thin pools, whose own metadata has just been written to match.
        thin = any(lv.vg == self._vg.id and lv.type is LvType.THIN_POOL for lv in self._site.saved.lvs)
        run(("vgcfgrestore", *self._only(), *(("--force",) if thin else ()), "--yes", "--file", str(metadata),
             self._vg.name), timeout=_TIMEOUT)
        self._verify(self._activated())

    def volume(self, lv: LogicalVolume) -> Mapping[str, str]:
        """What LVM says about the activated volume, by the names of its report."""
        found = next((row for row in self._activated()["lv"] if row["lv_uuid"] == lv.uuid), None)
        if found is None:
            raise RebuildFailed("the logical volume is not in its group", where=f"{self._vg.name}/{lv.name}",
                                wanted=f"uuid {lv.uuid}", hint="keep the logs; make a new plan to try again")
        return found

    def _activated(self) -> Report:
        with self._lock:
            if self._report is None:
                run(("vgchange", *self._only(), "--quiet", "--activate", "y", self._vg.name), timeout=_TIMEOUT)
                self._report = self._ask()
            return self._report

    def _verify(self, report: Report) -> None:
        (group,) = report["vg"]
        found = [f"{name} is {got}, not {wanted}" for name, got, wanted in (
            ("uuid", group["vg_uuid"], self._vg.uuid),
            ("extent size", int(group["vg_extent_size"]), self._vg.pe_bytes)) if got != wanted]
        there = {row["pv_uuid"]: row for row in report["pv"]}
        for pv in (pv for pv in self._site.saved.pvs if pv.id in self._vg.pvs):
            row = there.get(pv.uuid)
            got = (int(row["pe_start"]), int(row["pv_pe_count"])) if row else None
            if got != (pv.pe_start_bytes, pv.extents):
                found.append(f"{pv.id} (start, extents) is {got}, not {(pv.pe_start_bytes, pv.extents)}")
        require(f"volume group {self._vg.name}", ", ".join(self._site.pv_devices()), tuple(found))

    def _only(self) -> Tuple[str, ...]:
        """The option that confines an LVM command to the plan's physical volumes."""
        return ("--devices", ",".join(self._site.pv_devices()))

    def _ask(self) -> Report:
        fields = [word for kind, names in _FIELDS.items() for word in ("--configreport", kind, "-o", names)]
        shown = run(("lvm", "fullreport", *self._only(), *fields, "--reportformat", "json", "--units", "b",
                     "--nosuffix", self._vg.name), timeout=_TIMEOUT).stdout
        report: Mapping[str, Any] = json.loads(shown)["report"][0]
        return {kind: report.get(kind, []) for kind in _FIELDS}
