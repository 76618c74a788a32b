"""Arrays, encrypted volumes and LVM."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import Bitmap, CacheMode, LvRole, LvType, MdLevel, MdMetadata
from sif.keys import CARRIERS, Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class MdArray:
    KIND: ClassVar[str] = "MD"

    id: str
    uuid: str = key("array uuid as mdadm writes it: 4 groups of 8 hex digits with colons", form=Form.QUOTED,
                    example='"3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01"')
    level: MdLevel = key("RAID level", example="raid1")
    metadata: MdMetadata = key("superblock version", example="1.2")
    devices: int = key("number of slots (active devices when complete)", example="2")
    members: Tuple[Ref, ...] = key("what fills the slots, in the order of the slots; slots named by `missing` are "
                                   "left out", refs=CARRIERS, example="[d0p2, d1p2]")
    size_bytes: int = key("size of the array", unit="bytes", example="1071644672")
    name: Optional[str] = key("name in the superblock, without the home host", default=None, example='"boot"')
    homehost: Optional[str] = key("home host in the superblock", default=None, example='"web01"')
    missing: Tuple[int, ...] = key("numbers of the slots, from 0, that were empty: a degraded array", default=(),
                                   example="[1]")
    spares: Tuple[Ref, ...] = key("spare devices", refs=CARRIERS, default=(), example="[d2p2]")
    journal: Optional[Ref] = key("write journal of RAID 4/5/6", refs=CARRIERS, default=None, example="d3p1")
    layout: Optional[str] = key("layout as `mdadm --detail` names it (RAID 5/6/10)", default=None,
                                example='"left-symmetric"')
    chunk_bytes: Optional[int] = key("chunk size of a striped level", unit="bytes", default=None, example="524288")
    component_bytes: Optional[int] = key("used size of each member (none for linear and RAID 0)", unit="bytes",
                                         default=None, example="1071644672")
    data_offsets: Tuple[int, ...] = key("data offset of each member, spare and the journal, in their order (metadata "
                                        "1.x)", unit="bytes", default=(), example="[2097152, 2097152]")
    bitmap: Bitmap = key("write-intent bitmap", default=Bitmap.NONE, example="internal")
    bitmap_chunk_bytes: Optional[int] = key("what one bit of the bitmap stands for", unit="bytes", default=None,
                                            example="67108864")
    device: Optional[str] = key("name at capture time", default=None, identity=False, example='"md127"')
    write_mostly: Tuple[Ref, ...] = key("members that are read only when the others fail", refs=CARRIERS, default=(),
                                        example="[d1p2]")
    failfast: Tuple[Ref, ...] = key("members whose requests fail without retries", refs=CARRIERS, default=(),
                                    example="[d0p2, d1p2]")


@dataclass(frozen=True)
class Luks:
    KIND: ClassVar[str] = "LUKS"

    id: str
    device: Ref = key("what it lies on", refs=CARRIERS, example="d0p3")
    version: int = key("1 or 2", example="2")
    uuid: str = key("UUID", form=Form.UUID, example="0f0e0d0c-0b0a-4908-8706-050403020102")
    cipher: str = key("cipher and mode", form=Form.QUOTED, example='"aes-xts-plain64"')
    key_bits: int = key("length of the volume key", unit="bits", example="512")
    offset_bytes: int = key("where the data begins", unit="bytes", example="16777216")
    label: Optional[str] = key("label (LUKS2)", default=None, example='"data"')
    subsystem: Optional[str] = key("subsystem (LUKS2)", default=None, example='"backup"')
    name: Optional[str] = key("mapper name: of crypttab, else the one in use", default=None, example='"cryptdata"')
    options: Optional[str] = key("options as in crypttab", default=None, example='"luks,discard"')
    key_file: Optional[str] = key("key file as in crypttab", default=None, example='"/etc/keys/data.key"')
    hash: Optional[str] = key("hash of the digest (LUKS1: of the header)", default=None, example='"sha256"')
    sector_bytes: int = key("encryption sector size", unit="bytes", default=512, example="4096")
    size_bytes: Optional[int] = key("size of the opened volume", unit="bytes", default=None, example="1056964608")
    integrity: Optional[str] = key("integrity mode (LUKS2)", default=None, example='"hmac(sha256)"')
    flags: Tuple[str, ...] = key("persistent flags (LUKS2)", default=(), example='["allow-discards"]')
    keyslots: Tuple[str, ...] = key(
        "keyslots in use: `slot:pbkdf:iterations` for pbkdf2, `slot:argon2id:iterations:KiB:threads` for argon2",
        default=(), example='["0:argon2id:4:1048576:4"]')
    tokens: Tuple[str, ...] = key("tokens, noted by `slot:type` and not made again", default=(),
                                  example='["0:systemd-tpm2"]')
    passphrase: Optional[str] = key("what opens it; without it the operator is asked", form=Form.SECRET, default=None,
                                    identity=False, example="secret:luks-data")
    header: Optional[str] = key("the header with its keyslots as `luksHeaderBackup` writes it, packed by gzip; "
                                "only on request", form=Form.SECRET, default=None,
                                identity=False, example="secret:luks-header-data")


@dataclass(frozen=True)
class VolumeGroup:
    KIND: ClassVar[str] = "VG"

    id: str
    name: str = key("name", example='"vg_web"')
    uuid: str = key("LVM uuid", form=Form.QUOTED, example='"Qm1aXb-8dTe-P2nL-0sKd-7yUu-Wc3R-bN5hZq"')
    pe_bytes: int = key("extent size", unit="bytes", example="4194304")
    pvs: Tuple[Ref, ...] = key("its physical volumes, in LVM's order", refs=("PV",), example="[pv0]")
    tags: Tuple[str, ...] = key("tags", default=(), example='["prod"]')
    metadata: Optional[str] = key("full metadata text as vgcfgbackup writes it", form=Form.QUOTED, default=None,
                                  identity=False, example='"media:lvm/vg_web.vgcfg"')
    metadata_sha256: Optional[str] = key("SHA-256 of that file", form=Form.QUOTED, default=None, identity=False,
                                         example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')


@dataclass(frozen=True)
class PhysicalVolume:
    KIND: ClassVar[str] = "PV"

    id: str
    device: Ref = key("what it lies on", refs=CARRIERS, example="d0p3")
    uuid: str = key("LVM uuid", form=Form.QUOTED, example='"7wwpcO-KmNN-qsTE-7sp7-JBJS-vBdC-Zyt1W7"')
    pe_start_bytes: int = key("offset of the first extent", unit="bytes", example="1048576")
    extents: int = key("number of extents", unit="extents", example="114090")


@dataclass(frozen=True)
class LogicalVolume:
    KIND: ClassVar[str] = "LV"

    id: str
    vg: Ref = key("its volume group", refs=("VG",), example="vg_web")
    name: str = key("name", example='"root"')
    uuid: str = key("LVM uuid", form=Form.QUOTED, example='"aa11bb-22cc-33dd-44ee-55ff-66gg-77hh88"')
    type: LvType = key("segment type", example="linear")
    extents: int = key("length", unit="extents", example="10240")
    segments: Tuple[str, ...] = key("placement, in order: `pv:first-extent:extents`; the stripes of a segment are "
                                    "joined by `+`", default=(), example='["pv0:0:10240"]')
    tags: Tuple[str, ...] = key("tags", default=(), example="[]")
    role: LvRole = key("what the volume is for; every one but `volume` is a hidden part of another one",
                       default=LvRole.VOLUME, example="volume")
    parts: Tuple[Ref, ...] = key("hidden volumes it is made of, images first, then their metadata, in LVM's order",
                                 refs=("LV",), default=(), example="[lv_vg0_root_rimage_0]")
    stripes: Optional[int] = key("stripes (without parity)", default=None, example="2")
    stripe_bytes: Optional[int] = key("stripe size", unit="bytes", default=None, example="65536")
    region_bytes: Optional[int] = key("region size of RAID and mirror", unit="bytes", default=None, example="524288")
    chunk_bytes: Optional[int] = key("chunk size of a pool or cache", unit="bytes", default=None, example="65536")
    pool: Optional[Ref] = key("thin pool of a thin volume, or cache pool of a cached one", refs=("LV",), default=None,
                              example="lv_vg0_pool")
    origin: Optional[Ref] = key("volume that this one is a thin snapshot of, or that is cached", refs=("LV",),
                                default=None, example="lv_vg0_root")
    device_number: Optional[int] = key("number of a thin volume in its pool", default=None, example="1")
    discards: Optional[str] = key("what a thin pool makes of discards", form=Form.BARE, default=None,
                                  example="passdown")
    zero: Optional[bool] = key("whether a thin pool zeroes new blocks", default=None, example="true")
    cache_mode: Optional[CacheMode] = key("mode of a cache", default=None, example="writethrough")
    layout: Optional[str] = key("LVM's own name of the segment type, where it says more than `type`", form=Form.BARE,
                                default=None, example="raid5_la")
    active: bool = key("whether it was active", default=True, identity=False, example="true")
