"""The parameters of a saved FAT, NTFS or F2FS as options of its mkfs. Pure: records in, options out.

The names are those of :mod:`sif.capture.fat_ntfs_f2fs`; a set may hold any part of them. Sources: mkfs.fat(8),
mkntfs(8), mkfs.f2fs(8), and of f2fs-tools 1.16 ``lib/libf2fs.c`` for the extensions that are there by default.
"""

from __future__ import annotations

from typing import Dict, Mapping, Optional, Tuple

from rescue.storage.ext_options import parameters
from sif.model import FileSystem

_KIB = 1024
_COLD = frozenset((
    "mp", "wm", "og", "jp", "avi", "m4v", "m4p", "mkv", "mov", "webm", "wav", "m4a", "3gp", "opus", "flac", "gif",
    "png", "svg", "webp", "jar", "deb", "iso", "gz", "xz", "zst", "pdf", "pyc", "ttc", "ttf", "exe", "apk", "cnt",
    "exo", "odex", "vdex", "so"))
_HOT = frozenset(("db", "vmdk", "vdi", "qcow2"))
"""What mkfs.f2fs lists by itself; its options only add to that."""


def vfat(fs: FileSystem) -> Dict[str, object]:
    """Options of mkfs.fat, None for those that the set leaves open."""
    known, sector = parameters(fs), fs.sector_size or 512
    heads, track = known.get("heads"), known.get("sectors_per_track")
    return {
        "-I": "", "-i": fs.uuid.replace("-", ""), "-n": fs.label, "-F": fs.fat_bits, "-S": fs.sector_size,
        "-s": fs.block_size // sector if fs.block_size else None, "-f": known.get("fats"),
        "-R": known.get("reserved_sectors"), "-r": known.get("root_entries") if fs.fat_bits != 32 else None,
        "-M": f"0x{int(known['media']):02x}" if "media" in known else None, "-h": known.get("hidden_sectors"),
        "-g": f"{heads}/{track}" if heads and track else None, "-b": known.get("backup_sector"),
        "-a": "" if _unaligned(fs, known, sector) else None}


def _unaligned(fs: FileSystem, known: Mapping[str, str], sector: int) -> bool:
    """Whether the tables were not laid out to whole clusters, which mkfs.fat does unless it is told not to."""
    cluster = max((fs.block_size or sector) // sector, 1)
    return any(int(known.get(name, 0)) % cluster for name in ("reserved_sectors", "fat_sectors"))


def ntfs(fs: FileSystem) -> Dict[str, object]:
    """Options of mkntfs. The sizes of its records are not among them: it makes those that Windows makes."""
    known = parameters(fs)
    return {"--fast": "", "--force": "", "--label": fs.label, "--cluster-size": fs.block_size,
            "--sector-size": fs.sector_size, "--partition-start": known.get("hidden_sectors"),
            "--heads": known.get("heads"), "--sectors-per-track": known.get("sectors_per_track")}


def f2fs(fs: FileSystem) -> Dict[str, object]:
    """Options of mkfs.f2fs."""
    known = parameters(fs)
    encoding = ":".join(known[name] for name in ("encoding",) if name in known) or None
    return {"-f": "", "-q": "", "-U": fs.uuid, "-l": fs.label, "-O": ",".join(fs.features) if fs.features else None,
            "-w": fs.sector_size, "-s": known.get("segments_per_section"), "-z": known.get("sections_per_zone"),
            "-e": _added(known.get("cold_extensions"), _COLD), "-E": _added(known.get("hot_extensions"), _HOT),
            "-C": encoding}


def _added(listed: Optional[str], usual: "frozenset[str]") -> Optional[str]:
    return ",".join(word for word in (listed or "").split(",") if word and word not in usual) or None


def size_argument(fs: FileSystem) -> Tuple[str, ...]:
    """What follows the device, so that a file system that is smaller than its device comes out so; in its tool's unit.

    Nothing where the set leaves it open, or where the tool cannot count so little: then it fills the device.
    """
    known, sector = parameters(fs), fs.sector_size or 512
    if fs.type.value == "vfat" and "sectors" in known:
        kib, rest = divmod(int(known["sectors"]) * sector, _KIB)
        return (str(kib),) if not rest else ()
    if fs.type.value == "ntfs" and "sectors" in known:
        return (str(int(known["sectors"]) + 1),)  # the last one holds a copy of the boot sector, and is not counted
    if fs.type.value == "f2fs" and fs.blocks and fs.block_size:
        return (str(fs.blocks * fs.block_size // sector),)
    return ()
