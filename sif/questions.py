"""What every capture asks of the whole machine, as commands: known before the rest of the program is loaded."""

from __future__ import annotations

from typing import Sequence, Tuple

from sif import look

SECONDS = 120.0

LSBLK = ("lsblk", "--json", "--bytes", "--output",
         "KNAME,PKNAME,PATH,TYPE,SIZE,LOG-SEC,PHY-SEC,MODEL,SERIAL,WWN,TRAN,RM,RO,MOUNTPOINT")

PVS = "pv_name,pv_uuid,vg_name,pe_start,pv_pe_count"
VGS = "vg_name,vg_uuid,vg_extent_size,vg_tags,vg_partial,vg_exported"
LVS = ("vg_name,lv_name,lv_uuid,lv_tags,segtype,seg_start_pe,seg_size_pe,seg_pe_ranges,lv_role,devices,"
       "metadata_devices,stripe_size,region_size,chunk_size,thin_id,discards,zero,pool_lv,origin,data_lv,"
       "metadata_lv,mirror_log,cache_mode")
"""The columns of LVM's reports."""

_REPORT = ("--reportformat", "json", "--units", "b", "--nosuffix")


def lvm_report(command: str, columns: str, more: Sequence[str] = ()) -> Tuple[str, ...]:
    """The command for one of LVM's reports: ``pvs``, ``vgs`` or ``lvs``."""
    return "lvm", command, *_REPORT, "--readonly", "--options", columns, *more


def of_the_machine() -> Tuple[Tuple[str, ...], ...]:
    """The questions that are asked in every capture, whatever the machine is."""
    if not look.have("lvm"):
        return (LSBLK,)
    return LSBLK, lvm_report("pvs", PVS), lvm_report("vgs", VGS), lvm_report("lvs", LVS, ("--all", "--segments"))
