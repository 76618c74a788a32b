"""A Windows ``asr.sif`` as the content of a set: disks and partitions to the sector, FAT and NTFS, and a report."""

from __future__ import annotations

from pathlib import Path
from typing import List, Optional, Sequence, Tuple

from sif.convert.asr_disks import Placed, convert_disks, convert_partitions
from sif.convert.asr_fields import BOOT_VOLUME, FIELDS, SYSTEM_VOLUME, Record, records
from sif.convert.asr_lines import Row, number, parse_rows
from sif.convert.draft import Draft
from sif.convert.errors import ForeignRejected
from sif.convert.identity import Identities, is_hostname, source_digest
from sif.convert.report import Ledger
from sif.convert.sources import read_source
from sif.media import find_name
from sif.model import FileSystem, Firmware, FsType, Ref, System, SystemInformation, Version
from sif.problems import Problem

STATE_NAME = "asr.sif"
_SIGNATURE = "$WINDOWS NT$"
_ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
_ARCH = {"X86": "i686", "AMD64": "x86_64", "IA64": "ia64"}
_FAT_BITS = {0x01: 12, 0x04: 16, 0x06: 16, 0x0E: 16, 0x0B: 32, 0x0C: 32}
_FAT_NAMES = {"FAT": 16, "FAT12": 12, "FAT16": 16, "FAT32": 32}
_NTFS = 0x07
_WHY_NOT = {
    "BUSES": "the transport of a disk is found on the machine itself",
    "VOLUMES": "drive letters and labels of Windows; a set has no key for them",
    "REMOVABLEMEDIA": "removable media are not rebuilt",
    "INSTALLFILES": "drivers for Windows' setup, which is not what restores the set",
}


def convert_asr(path: Path, hostname: Optional[str], ledger: Ledger) -> Draft:
    """Read the state file at ``path``. Raises ForeignRejected; what is lost is in the ledger."""
    source = read_source(*_find(path))
    rows = parse_rows(source)
    problems: List[Problem] = []
    identities = Identities(source_digest((source,)))
    _version(rows, source.name, problems)
    disks = convert_disks([record for section in ("DISKS.MBR", "DISKS.GPT")
                           for record in records(rows, section, problems)], ledger)
    placed = convert_partitions([record for section in ("PARTITIONS.MBR", "PARTITIONS.GPT")
                                 for record in records(rows, section, problems)], disks, ledger)
    if not disks:
        problems.append(Problem("no disk in this file", f"{source.name}:1", None, "[DISKS.MBR] or [DISKS.GPT]"))
    filesystems = _filesystems(placed, identities, ledger)
    system = _system(records(rows, "SYSTEMS", problems), placed, filesystems, source.name, hostname, identities,
                     ledger, problems)
    if problems:
        raise ForeignRejected(source.name, problems)
    _others(rows, ledger)
    ledger.lost(source.name, "boot loader", "Windows' loader; this version restores GRUB 2 only")
    ledger.left(source.name, "STORE and COMMAND", "where the backup is and how it is restored is a program's affair; "
                "without a COMMAND the set rebuilds the disks and restores no file")
    version = Version(signature="$SIF$", format="2.0", set_id=identities.uuid("set"), part=1, parts=2)
    return Draft(SystemInformation(
        version=version, system=system, disks=tuple(disks.values()), filesystems=filesystems,
        partitions=tuple(p.partition for p in placed)), {}, (source,))


def _find(path: Path) -> Tuple[Path, str]:
    real = path.resolve()
    try:
        name = find_name(real, STATE_NAME) if real.is_dir() else real.name
    except OSError as error:
        raise ForeignRejected(str(path), [Problem(f"cannot be read: {error.strerror}", f"{path}:1")]) from error
    if name is None:
        raise ForeignRejected(str(path), [Problem(f"no {STATE_NAME} here", f"{path}:1")])
    return (real, name) if real.is_dir() else (real.parent, name)


def _version(rows: Sequence[Row], file: str, problems: List[Problem]) -> None:
    head = {row.key: row for row in rows if row.section == "VERSION"}
    for key, wanted in (("SIGNATURE", _SIGNATURE), ("ASR-VERSION", "1.0")):
        row = head.get(key)
        if row is None or row.value(0).upper() != wanted:
            problems.append(Problem(f"not an ASR state file: {key.capitalize()}", row.where if row else f"{file}:1",
                                    row.value(0) if row else "nothing", wanted))


def _filesystems(placed: Sequence[Placed], identities: Identities, ledger: Ledger) -> Tuple[FileSystem, ...]:
    found: List[FileSystem] = []
    root = next((p for p in placed if p.record.number("boot-sys", 0) & BOOT_VOLUME), None)
    for item in placed:
        record, part = item.record, item.partition
        text = record.text("fs-type").upper()
        code = number(text)
        bits = _FAT_NAMES.get(text) or _FAT_BITS.get(code if code is not None else -1)
        ntfs = code == _NTFS or text == "NTFS"
        if bits is None and not ntfs:
            if code or (text and code is None):
                ledger.lost(record.where, f"file system on {part.id}", "of a type that is not known", text)
            continue
        ident = "root" if item is root else f"fs_{part.id}"
        ledger.place("FS", ident, record.where)
        ledger.generated(record.where, f"{ident} uuid", f"the serial number of {'NTFS' if ntfs else 'FAT'}: ASR does "
                         "not record it")
        ledger.left(record.where, f"{ident} label, sector_size", "ASR does not record them; mkfs chooses")
        if item is root:
            ledger.assumed(record.where, "root mount", "Windows' boot volume stands at / in the set")
        purpose = f"fs:{part.id}"
        found.append(FileSystem(
            id=ident, device=Ref(part.id), type=FsType.NTFS if ntfs else FsType.VFAT,
            uuid=identities.ntfs_serial(purpose) if ntfs else identities.fat_serial(purpose),
            mount="/" if item is root else None, block_size=record.number("cluster-bytes", 0) or None, fat_bits=bits,
            content="restore" if item is root else "none"))
    return tuple(found)


def _system(systems: Sequence[Record], placed: Sequence[Placed], filesystems: Sequence[FileSystem], file: str,
            hostname: Optional[str], identities: Identities, ledger: Ledger, problems: List[Problem]) -> System:
    if len(systems) != 1:
        problems.append(Problem("not the state of one system", f"{file}:1", f"{len(systems)} systems",
                                "1 in [SYSTEMS]"))
    by_device = {str(fs.device): fs for fs in filesystems}

    def volume(bit: int, what: str, ident: str) -> str:
        item = next((p for p in placed if p.record.number("boot-sys", 0) & bit), None)
        fs = by_device.get(item.partition.id) if item else None
        if fs is None:
            ledger.lost(item.record.where if item else file, what,
                        "its file system is not carried" if item else "no partition is marked as such")
        return fs.id if fs else ident

    root_fs = volume(BOOT_VOLUME, "Windows' boot volume (a set's root_fs)", "root")
    boot_fs = volume(SYSTEM_VOLUME, "Windows' system volume (a set's boot_fs)", "boot")
    uefi = any(p.partition.type == _ESP for p in placed)
    ledger.assumed(file, "firmware", f"{'uefi' if uefi else 'bios'}: there is {'an' if uefi else 'no'} "
                   "EFI system partition")
    name, arch = hostname, "x86_64"
    if systems:
        record = systems[0]
        name = name or (record.text("node-name") if is_hostname(record.text("node-name")) else None)
        known = _ARCH.get(record.text("platform").upper())
        arch = known or arch
        ledger.assumed(record.where, "arch", arch if known else f"{arch}: an unknown platform", record.text("platform"))
        for index, field in enumerate(FIELDS["SYSTEMS"][2:], 2):
            if record.row.value(index):
                ledger.left(record.where, field, "a set has no key for it", record.row.value(index))
    if name is None:
        name = identities.hostname()
        ledger.generated(file, "hostname", f"{name}: the file does not name the machine; --hostname does")
    ident = name.split(".")[0]
    ledger.place("SYSTEM", ident, systems[0].where if systems else file)
    return System(id=ident, hostname=name, firmware=Firmware.UEFI if uefi else Firmware.BIOS, arch=arch,
                  boot_fs=Ref(boot_fs), root_fs=Ref(root_fs))


def _others(rows: Sequence[Row], ledger: Ledger) -> None:
    """Everything that is not a disk, a partition or the system."""
    for row in rows:
        if row.section == "COMMANDS":
            ledger.command(row.where, f"command {row.key}", "belongs to the foreign system; a provider's fragment "
                           "takes its place", row.text)
        elif row.section == "VERSION":
            if row.key not in ("SIGNATURE", "ASR-VERSION"):
                ledger.left(row.where, row.key.capitalize(), "a set names its own writer", row.value(0))
        elif row.section == "BUSES" or row.section not in FIELDS:
            ledger.left(row.where, row.section, _WHY_NOT.get(row.section, "a section that this importer does not know"),
                        row.text)
