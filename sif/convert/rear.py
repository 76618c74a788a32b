"""A ReaR disk layout with its side files as the content of a set."""

from __future__ import annotations

from pathlib import Path
from typing import Callable, Dict, Optional

from sif.checks.common import device as find_device, size_of
from sif.convert.draft import Draft
from sif.convert.identity import Identities, source_digest
from sif.convert.rear_content import Ground, convert_content, xfs_name
from sif.convert.rear_disks import DiskFacts, DiskPart, convert_disks
from sif.convert.rear_layers import Layers
from sif.convert.rear_lines import FOREIGN, FsLine, Layout, PartLine, SwapLine, parse_layout
from sif.convert.rear_lvm import convert_lvm, group_files
from sif.convert.rear_machine import Hints, with_machine
from sif.convert.rear_side import (
    BOOTLOADER,
    BY_ID,
    SFDISK_DUMP,
    UEFI_VARIABLES,
    Place,
    Reading,
    bootloader,
    find_layout,
    list_unread,
    read_layout,
    read_side,
    signatures,
    wwids,
    wwns,
)
from sif.convert.report import Ledger
from sif.convert.sources import SourceFile
from sif.keys import CARRIERS
from sif.model import Firmware, Ref, System, SystemInformation, Version
from sif.plain import replace


def convert_rear(path: Path, hostname: Optional[str], ledger: Ledger) -> Draft:
    """Read the layout at ``path`` and its side files. Raises ForeignRejected; what is lost is in the ledger."""
    place, reading = find_layout(path), Reading()
    source = read_layout(place, reading)
    layout = parse_layout(source)
    backups = group_files(layout, place.layout)
    for backup in backups.values():
        if backup is not None:
            reading.add(backup)
    xfs = _xfs_files(layout, place, reading)
    dump, by_id = read_side(place, SFDISK_DUMP, reading), read_side(place, BY_ID, reading)
    loader = bootloader(read_side(place, BOOTLOADER, reading))
    identities = Identities(source_digest(reading.files))
    _others(layout, ledger)
    facts = DiskFacts(
        signatures(dump), wwns(by_id),
        vfat=frozenset(c.device for c in layout.components if isinstance(c, FsLine) and c.type == "vfat"),
        swap=frozenset(c.device for c in layout.components if isinstance(c, SwapLine)),
        wwids=wwids(by_id))
    disks = convert_disks(layout, facts, identities, ledger)
    info = _storage(disks)
    layers = Layers(dict(disks.ids), _sizes(info))
    layers.build(layout, ledger)
    lvm = convert_lvm(layout, backups, layers.ids, ledger)
    info = replace(info, pvs=lvm.pvs, vgs=lvm.vgs, lvs=lvm.lvs, omitted=lvm.omitted)
    layers.upon(lvm.ids, _sizes(info))
    layers.build(layout, ledger)
    layers.finish(layout, ledger)
    ids = layers.ids
    content = convert_content(layout, Ground(ids, layers.bytes_of, xfs), identities, ledger)
    list_unread(place, reading, ledger)
    uefi = place.base is not None and (place.base / UEFI_VARIABLES).exists()
    info = replace(info, arrays=tuple(layers.arrays), luks=tuple(layers.luks), filesystems=content.filesystems,
                   btrfs=content.btrfs, subvolumes=content.subvolumes, swaps=content.swaps,
                   version=replace(info.version, set_id=identities.uuid("set")))
    flagged = frozenset(ids[c.device] for c in layout.components
                        if isinstance(c, PartLine) and "esp" in c.flags and c.device in ids)
    hints = Hints(source.name, loader, uefi, flagged, lvm.metadata, hostname)
    return Draft(with_machine(info, hints, identities, ledger), lvm.files, tuple(reading.files))


def _xfs_files(layout: Layout, place: Place, reading: Reading) -> Dict[str, SourceFile]:
    found: Dict[str, SourceFile] = {}
    for line in layout.components:
        if isinstance(line, FsLine) and line.type == "xfs" and line.device not in found:
            source = read_side(place, xfs_name(line.device), reading)
            if source is not None:
                found[line.device] = source
    return found


def _others(layout: Layout, ledger: Ledger) -> None:
    """Lines that no record can hold."""
    if layout.dated is not None:
        ledger.left(layout.dated.where, "date", "a local time without its zone; the set has no time of capture",
                    layout.dated.words[-2] if len(layout.dated.words) > 1 else None)
    for line in layout.others:
        what = FOREIGN.get(line.keyword)
        ledger.lost(line.where, line.keyword or "line", f"{what}: a set has no kind of section for it" if what else
                    "a component that this importer does not know", line.text)


def _sizes(info: SystemInformation) -> Callable[[str], Optional[int]]:
    """Section id → size in bytes of what can carry something."""
    return lambda ident: size_of(info, find_device(info, ident, CARRIERS))


def _storage(disks: DiskPart) -> SystemInformation:
    version = Version(signature="$SIF$", format="2.0", set_id="", part=1, parts=2)
    system = System(id="machine", hostname="", firmware=Firmware.BIOS, arch="", boot_fs=Ref("boot"),
                    root_fs=Ref("root"))
    return SystemInformation(version=version, system=system, disks=disks.disks, partitions=disks.partitions)
