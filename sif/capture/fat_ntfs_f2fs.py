"""FAT, NTFS and F2FS: their boot sectors and superblocks as records, read without any program of theirs."""

from __future__ import annotations

import struct
from typing import Iterable, Tuple

from sif.capture.names import uuid_text
from sif.capture.signature import NotDescribed, Signature
from sif.model import FileSystem, FsType, Ref


def describe_vfat(boot_sector: bytes, device_id: str, signature: Signature) -> FileSystem:
    """The BIOS parameter block of a FAT file system as a record. Source: Microsoft's FAT specification, 3.1."""
    sector, per_cluster, reserved, fats, root_entries = struct.unpack_from("<HBHBH", boot_sector, 11)
    media, fat_sectors, track, heads, hidden = struct.unpack_from("<BHHHI", boot_sector, 21)
    small, = struct.unpack_from("<H", boot_sector, 19)
    large, wide_fat_sectors = struct.unpack_from("<II", boot_sector, 32)
    bits = int(signature.version.replace("FAT", "") or "0")
    facts = (("fats", fats), ("reserved_sectors", reserved), ("root_entries", root_entries),
             ("media", media), ("hidden_sectors", hidden), ("sectors_per_track", track), ("heads", heads),
             ("sectors", small or large), ("fat_sectors", fat_sectors or wide_fat_sectors),
             ("backup_sector", struct.unpack_from("<H", boot_sector, 50)[0] if bits == 32 else 0))
    return FileSystem(
        id=f"fs_{device_id}", device=Ref(device_id), type=FsType.VFAT, uuid=signature.uuid.upper(),
        label=signature.label or None, block_size=sector * per_cluster, sector_size=sector, fat_bits=bits or None,
        parameters=_parameters(facts))


def describe_ntfs(boot_sector: bytes, device_id: str, signature: Signature) -> FileSystem:
    """The boot sector of an NTFS volume as a record. Source: the layout in ntfs-3g's ``layout.h``.

    Raises NotDescribed if it is none.
    """
    if boot_sector[3:11] != b"NTFS    " or len(boot_sector) < 80:
        raise NotDescribed("no NTFS boot sector")
    sector, per_cluster = struct.unpack_from("<HB", boot_sector, 11)
    track, heads, hidden = struct.unpack_from("<HHI", boot_sector, 24)
    sectors, = struct.unpack_from("<Q", boot_sector, 40)
    record, index = (struct.unpack_from("<b", boot_sector, place)[0] for place in (64, 68))
    serial, = struct.unpack_from("<Q", boot_sector, 72)
    # Above 128 sectors it is the negative of a power of two.
    cluster = sector * (per_cluster if per_cluster <= 128 else 1 << (256 - per_cluster))
    facts = (("sectors", sectors), ("hidden_sectors", hidden), ("sectors_per_track", track), ("heads", heads),
             ("mft_record_bytes", _sized(record, cluster)), ("index_record_bytes", _sized(index, cluster)))
    return FileSystem(
        id=f"fs_{device_id}", device=Ref(device_id), type=FsType.NTFS, uuid=f"{serial:016X}",
        label=signature.label or None, block_size=cluster, sector_size=sector, parameters=_parameters(facts))


def _sized(code: int, cluster: int) -> int:
    """A record's size in bytes: a number of clusters, or as a negative number the power of two."""
    return code * cluster if code > 0 else 1 << -code


F2FS_SUPERBLOCK = (1024, 3072)
"""Offset and length of the first superblock, in bytes."""

_F2FS_MAGIC = 0xF2F52010
_F2FS_FEATURES = ("encrypt", "blkzoned", "atomic_write", "extra_attr", "project_quota", "inode_checksum",
                  "flexible_inline_xattr", "quota", "inode_crtime", "lost_found", "verity", "sb_checksum", "casefold",
                  "compression", "ro", "device_alias")
"""Names of mkfs.f2fs -O by bit. Source: f2fs-tools, include/f2fs_fs.h and lib/libf2fs.c."""
_F2FS_ENCODINGS = {1: "utf8"}


def describe_f2fs(head: bytes, device_id: str, signature: Signature) -> FileSystem:
    """The superblock of an F2FS file system (:data:`F2FS_SUPERBLOCK`) as a record. Raises NotDescribed."""
    magic, = struct.unpack_from("<I", head, 0)
    if magic != _F2FS_MAGIC:
        raise NotDescribed("no F2FS superblock")
    sector_log, _, block_log, _, per_section, per_zone = struct.unpack_from("<6I", head, 8)
    blocks, = struct.unpack_from("<Q", head, 36)
    label = head[124:1148].decode("utf-16-le", "replace").partition("\0")[0]
    flags, = struct.unpack_from("<I", head, 2180)
    if head[2201:2265].strip(b"\0"):
        raise NotDescribed("it lies on several devices")
    hot, encoding, encoding_flags = struct.unpack_from("<BHH", head, 2757)
    cold, = struct.unpack_from("<I", head, 1148)
    names = [head[1152 + 8 * i:1160 + 8 * i].partition(b"\0")[0].decode("ascii", "replace") for i in range(64)]
    features = tuple(_F2FS_FEATURES[bit] if bit < len(_F2FS_FEATURES) else f"FEATURE_I{bit}"
                     for bit in range(32) if flags >> bit & 1)
    facts: Tuple[Tuple[str, object], ...] = (
        ("segments_per_section", per_section), ("sections_per_zone", per_zone),
        ("cold_extensions", ",".join(names[:cold])), ("hot_extensions", ",".join(names[cold:cold + hot])),
        ("encoding", _F2FS_ENCODINGS.get(encoding, encoding)), ("encoding_flags", encoding_flags))
    return FileSystem(
        id=f"fs_{device_id}", device=Ref(device_id), type=FsType.F2FS,
        uuid=uuid_text(head[108:124]), label=label or None, block_size=1 << block_log,
        sector_size=1 << sector_log, blocks=blocks, features=features, parameters=_parameters(facts))


def _parameters(facts: Iterable[Tuple[str, object]]) -> Tuple[str, ...]:
    return tuple(f"{name}={value}" for name, value in facts if value)
