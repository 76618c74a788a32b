"""File systems, swap areas, and where they are mounted."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import BtrfsProfile, FsType, MountSource, OmittedWhy
from sif.keys import CARRIERS, MOUNTABLE, Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class Btrfs:
    KIND: ClassVar[str] = "BTRFS"

    id: str
    devices: Tuple[Ref, ...] = key("what it lies on, in the order of btrfs' device numbers", refs=CARRIERS,
                                   example="[d0p2, d1p2]")
    uuid: str = key("UUID", form=Form.UUID, example="4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1002")
    label: Optional[str] = key("label", default=None, example='"tank"')
    data: BtrfsProfile = key("profile of data", default=BtrfsProfile.SINGLE, example="raid1")
    metadata: BtrfsProfile = key("profile of metadata", default=BtrfsProfile.DUP, example="raid1")
    system: BtrfsProfile = key("profile of the system chunks", default=BtrfsProfile.DUP, example="raid1")
    mixed: bool = key("whether data and metadata share block groups", default=False, example="false")
    sector_size: int = key("sector size", unit="bytes", default=4096, example="4096")
    node_size: int = key("node size", unit="bytes", default=16384, example="16384")
    checksum: str = key("checksum", form=Form.BARE, default="crc32c", example="crc32c")
    features: Tuple[str, ...] = key("features as `mkfs.btrfs -O list-all` names them", default=(),
                                    example='["extref", "skinny-metadata", "no-holes", "free-space-tree"]')
    default: Optional[Ref] = key("default subvolume; none: the top level", refs=("SUBVOLUME",), default=None,
                                 example="sv_root")
    quotas: bool = key("whether quotas are on", default=False, example="false")
    qgroups: Tuple[str, ...] = key("limits of quota groups: `level/id:referenced:exclusive`, bytes or `none`; the id "
                                   "of a level-0 group is its subvolume's path", default=(),
                                   example='["0/@home:10737418240:none"]')
    mount: Optional[str] = key("mount point of the top level", default=None, example='"/mnt/tank"')
    options: Optional[str] = key("mount options of the top level", default=None, example='"subvolid=5"')
    device_bytes: Tuple[int, ...] = key("size of each device as btrfs uses it", unit="bytes", default=(),
                                        example="[1072693248, 1072693248]")
    used_bytes: Optional[int] = key("space in use at capture time", unit="bytes", default=None, identity=False,
                                    example="524288000")


@dataclass(frozen=True)
class Subvolume:
    KIND: ClassVar[str] = "SUBVOLUME"

    id: str
    btrfs: Ref = key("its file system", refs=("BTRFS",), example="tank")
    path: str = key("path from the top level", example='"@home"')
    number: Optional[int] = key("subvolume id; a new one is given at a restore", default=None, identity=False,
                                example="257")
    readonly: bool = key("read-only flag", default=False, example="false")
    nocow: bool = key("whether its directory has the attribute C (no copy on write)", default=False, example="false")
    mount: Optional[str] = key("mount point", default=None, example='"/home"')
    options: Optional[str] = key("mount options as in fstab", default=None, example='"subvol=@home,compress=zstd"')
    content: str = key("`restore` or `none`", form=Form.QUOTED, default="restore", example='"restore"')


@dataclass(frozen=True)
class FileSystem:
    KIND: ClassVar[str] = "FS"

    id: str
    device: Ref = key("what it lies on", refs=CARRIERS, example="lv_root")
    type: FsType = key("file system type", example="xfs")
    uuid: str = key("UUID; vfat: the serial as XXXX-XXXX; ntfs: the serial as 16 hex digits", form=Form.BARE,
                    example="4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1001")
    label: Optional[str] = key("label", default=None, example='"root"')
    mount: Optional[str] = key("mount point", default=None, example='"/"')
    options: Optional[str] = key("mount options as in fstab", default=None, example='"defaults"')
    block_size: Optional[int] = key("block (vfat: cluster) size", unit="bytes", default=None, example="4096")
    sector_size: Optional[int] = key("sector size the file system was made with (xfs, vfat)", unit="bytes",
                                     default=None, example="512")
    inode_size: Optional[int] = key("inode size", unit="bytes", default=None, example="512")
    inodes: Optional[int] = key("number of inodes (ext)", default=None, example="65536")
    blocks: Optional[int] = key("number of blocks (ext, xfs)", default=None, example="131072")
    reserved_blocks: Optional[int] = key("blocks kept for root (ext)", default=None, example="6553")
    features: Tuple[str, ...] = key("features as dumpe2fs (ext) and dump.f2fs name them, or `name=value` as xfs_info "
                                    "shows them (xfs)", default=(), example='["has_journal", "extent"]')
    fat_bits: Optional[int] = key("width of a FAT entry (vfat): 12, 16 or 32", default=None, example="32")
    used_bytes: Optional[int] = key("space in use at capture time", unit="bytes", default=None, identity=False,
                                    example="524288000")
    content: str = key("`restore`, `none`, or `copy-of:FS`", form=Form.QUOTED, default="restore",
                       example='"restore"')
    parameters: Tuple[str, ...] = key("what else mkfs needs to make the same again, `name=value`", default=(),
                                      example='["journal_blocks=4096", "flex_bg=16"]')


@dataclass(frozen=True)
class Swap:
    KIND: ClassVar[str] = "SWAP"

    id: str
    device: Ref = key("what it lies on; of a swap file: the file system", refs=(*CARRIERS, *MOUNTABLE),
                      example="lv_swap")
    uuid: str = key("UUID", form=Form.UUID, example="91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01")
    label: Optional[str] = key("label", default=None, example='"swap"')
    page_bytes: int = key("page size", unit="bytes", default=4096, example="4096")
    path: Optional[str] = key("a swap file: its path in the system", default=None, example='"/swapfile"')
    size_bytes: Optional[int] = key("a swap file: its length", unit="bytes", default=None, example="2147483648")
    options: Optional[str] = key("options as in fstab", default=None, example='"pri=10,discard"')


@dataclass(frozen=True)
class Mount:
    """What is mounted from no disk of the set (network, memory, bind): known, checked, not made by a restore."""

    KIND: ClassVar[str] = "MOUNT"

    id: str
    what: str = key("the source as configured", example='"nas:/export/home"')
    where: str = key("mount point", example='"/home"')
    type: str = key("file system type", form=Form.BARE, example="nfs4")
    options: Optional[str] = key("mount options", default=None, example='"ro,soft"')
    source: MountSource = key("where it is configured", default=MountSource.FSTAB, example="fstab")


@dataclass(frozen=True)
class Omitted:
    """What the capture found and left out: it is not there after a restore."""

    KIND: ClassVar[str] = "OMITTED"

    id: str
    what: str = key("what it is, as the capture names it", identity=False, example='"ZFS pool tank"')
    why: OmittedWhy = key("why it was left out", identity=False, example="excluded")
    device: Optional[Ref] = key("what it lies on", refs=(*CARRIERS, "BTRFS", "VG"), default=None, identity=False,
                                example="d1p1")
