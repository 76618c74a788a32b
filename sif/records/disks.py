"""Disks, their partition tables, and partitions that are kept as they are."""

from __future__ import annotations

from typing import ClassVar, Optional, Tuple

from sif.enums import Compression, DiskRole, TableType
from sif.keys import Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class Disk:
    KIND: ClassVar[str] = "DISK"

    id: str
    role: DiskRole = key("whether the disk is rebuilt", example="critical")
    size_bytes: int = key("size", unit="bytes", example="480103981056")
    logical_sector: int = key("logical sector size", unit="bytes", example="512")
    physical_sector: int = key("physical sector size", unit="bytes", identity=False, example="4096")
    table: TableType = key("partition table", example="gpt")
    table_id: Optional[str] = key("GPT disk GUID, or the MBR signature as 0x and 8 hex digits",
                                  form=Form.BARE, default=None, example="3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e01")
    gpt_entries: Optional[int] = key("entries the GPT has room for", default=None, example="128")
    first_lba: Optional[int] = key("first usable sector of the GPT", unit="sectors", default=None, example="2048")
    model: Optional[str] = key("model", default=None, identity=False, example='"SAMSUNG MZQL2480HCJR"')
    serial: Optional[str] = key("serial number", default=None, identity=False, example='"S64FNE0R100001"')
    wwn: Optional[str] = key("WWN, EUI-64 or NGUID", default=None, identity=False,
                             example='"eui.36344630521000010025384500000001"')
    bus: Optional[str] = key("transport", form=Form.BARE, default=None, identity=False, example="nvme")
    by_path: Optional[str] = key("name in /dev/disk/by-path", default=None, identity=False,
                                 example='"pci-0000:65:00.0-nvme-1"')
    device: Optional[str] = key("kernel name at capture time", default=None, identity=False, example='"nvme0n1"')
    last_lba: Optional[int] = key("last usable sector of the GPT, where it is not the usual one for the disk's size",
                                  unit="sectors", default=None, example="937703054")
    hybrid: Tuple[str, ...] = key("hybrid MBR beside the GPT: `slot:type:start:sectors` or "
                                  "`slot:type:start:sectors:active`, in sectors, the protective entry too", default=(),
                                  example='["1:0xee:1:2047", "2:0x83:2048:1048576:active"]')
    pmbr_active: bool = key("boot flag of the protective MBR beside the GPT", default=False, example="true")
    boot_code: Optional[str] = key("the first 440 bytes of the disk (BIOS boot code), if not zero", form=Form.QUOTED,
                                   default=None, identity=False, example='"media:boot/d0.mbr"')
    boot_code_sha256: Optional[str] = key("SHA-256 of that file", form=Form.QUOTED, default=None, identity=False,
                                          example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    boot_gap: Optional[str] = key("the sectors between the MBR (or the GPT's entries) and the first partition, from "
                                  "the first one, without the zeros at the end", form=Form.QUOTED, default=None,
                                  identity=False, example='"media:boot/d0.gap"')
    boot_gap_sha256: Optional[str] = key("SHA-256 of that file", form=Form.QUOTED, default=None, identity=False,
                                         example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    multipath: Optional[str] = key("WWID of the multipath map that the disk is used through", default=None,
                                   identity=False, example='"3600508b400105e210000900000490000"')
    paths: Tuple[str, ...] = key("names in /dev/disk/by-path of the paths to a multipath disk", default=(),
                                 identity=False, example='["pci-0000:3b:00.0-fc-0x2100-lun-1"]')


@dataclass(frozen=True)
class Partition:
    KIND: ClassVar[str] = "PARTITION"

    id: str
    disk: Ref = key("its disk", refs=("DISK",), example="d0")
    number: int = key("number in the table", example="1")
    start_sector: int = key("first sector", unit="sectors", example="2048")
    sectors: int = key("length", unit="sectors", example="1048576")
    type: str = key("GPT type GUID, or the MBR type as 0x and 2 hex digits", form=Form.BARE,
                    example="c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
    uuid: Optional[str] = key("GPT partition GUID", form=Form.UUID, default=None,
                              example="0f0e0d0c-0b0a-4908-8706-050403020101")
    name: Optional[str] = key("GPT partition name", default=None, example='"EFI System Partition"')
    attributes: int = key("GPT attribute bits", form=Form.HEX, default=0, example="0x1")
    active: bool = key("MBR boot flag", default=False, example="false")
    ebr_sector: Optional[int] = key("sector of the extended boot record that describes a logical partition",
                                    unit="sectors", default=None, example="2099199")


@dataclass(frozen=True)
class Raw:
    """A reserved (OEM) partition, or another one on request, that is kept sector by sector."""

    KIND: ClassVar[str] = "RAW"

    id: str
    device: Ref = key("what it is the image of", refs=("PARTITION", "DISK"), example="d0p4")
    path: str = key("the image: `media:PATH`, or `store:NAME/PATH`", form=Form.QUOTED, identity=False,
                    example='"media:raw/d0p4.zst"')
    size_bytes: int = key("length of the content", unit="bytes", example="524288000")
    sha256: str = key("SHA-256 of the content, uncompressed", form=Form.QUOTED,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    file_sha256: str = key("SHA-256 of the image file", form=Form.QUOTED, identity=False,
                           example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    compression: Compression = key("how the image is packed", default=Compression.ZSTD, identity=False, example="zstd")
    data_bytes: Optional[int] = key("how much of the content lies in blocks of 64 KiB that are not all zero",
                                    unit="bytes", default=None, identity=False, example="94371840")
