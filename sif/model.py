"""The typed content of a System Information File set.

Every record is a frozen dataclass; each field is one key of the section named by ``KIND``. The field's
type and its :func:`key` metadata are the schema: the reader, the writer, the checks, ``sif diff`` and
``docs/sif-format.md`` are all driven by them. Source: docs/sif-format.md.

Units: a name ending in ``_bytes`` counts bytes, ``sectors``/``start_sector`` count the disk's logical
sectors, ``extents`` counts the volume group's extents.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, ClassVar, NewType, Optional, Tuple, Type, Union

from sif.catalog.section import Catalog as Catalog
from sif.enums import (
    CatalogPolicy as CatalogPolicy,
    DiskRole as DiskRole,
    Firmware as Firmware,
    Fit as Fit,
    FsType as FsType,
    Intact as Intact,
    Loader as Loader,
    LvType as LvType,
    MachineId as MachineId,
    Mode as Mode,
    Overwrite as Overwrite,
    Phase as Phase,
    Progress as Progress,
    SecretSource as SecretSource,
    StoreKind as StoreKind,
    TableType as TableType,
    Then as Then,
)
from sif.keys import Form, key

Ref = NewType("Ref", str)
"""The id of another section. ``key(refs=...)`` says which kinds it may name."""


@dataclass(frozen=True)
class Version:
    KIND: ClassVar[str] = "VERSION"
    ID_LESS: ClassVar[bool] = True

    signature: str = key("the literal `$SIF$`", form=Form.QUOTED, example='"$SIF$"', identity=False)
    format: str = key("format version, `major.minor`", form=Form.BARE, example="2.0", identity=False)
    set_id: str = key("id of the set; equal in all its parts", form=Form.UUID, identity=False,
                      example="5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11")
    part: int = key("number of this part, from 1", identity=False, example="1")
    parts: int = key("how many parts the set has", identity=False, example="2")
    requires: Tuple[str, ...] = key("features a reader must understand, by name", default=(),
                                    identity=False, example='["gpt", "lvm", "xfs"]')
    provider: Optional[str] = key("program that wrote the set", default=None, identity=False,
                                  example='"sif 0.1.0"')
    created: Optional[str] = key("when the capture began, RFC 3339 UTC", form=Form.TIME, default=None,
                                 identity=False, example="2026-11-22T02:10:04Z")
    serial: Optional[int] = key("counts the captures of this machine", default=None, identity=False,
                                example="417")


@dataclass(frozen=True)
class Include:
    KIND: ClassVar[str] = "INCLUDE"

    id: str
    path: str = key("file name in the same directory", identity=False, example='"web01.commands.sif"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')


@dataclass(frozen=True)
class System:
    KIND: ClassVar[str] = "SYSTEM"

    id: str
    hostname: str = key("the machine's full name; typed by the operator as consent", example='"web01.example.org"')
    firmware: Firmware = key("how the machine starts", example="uefi")
    arch: str = key("machine architecture as in `uname -m`", form=Form.BARE, example="x86_64")
    boot_fs: Ref = key("FS that the boot loader reads (the system volume)", refs=("FS",), example="boot")
    root_fs: Ref = key("FS that holds the operating system (the boot volume)", refs=("FS",), example="root")
    os: Optional[str] = key("PRETTY_NAME of os-release", default=None, example='"Debian GNU/Linux 13 (trixie)"')
    kernel: Optional[str] = key("running kernel release", default=None, example='"6.12.38+deb13-amd64"')
    secure_boot: bool = key("whether Secure Boot was on", default=False, example="false")
    machine_id: MachineId = key("what becomes of /etc/machine-id", default=MachineId.RESTORE, example="restore")
    machine_id_value: Optional[str] = key("content of /etc/machine-id", form=Form.QUOTED, default=None,
                                          example='"0f6a3c1f7d115b7f3a0e3f1d4f6e9a59"')
    time_zone: Optional[str] = key("time zone name", default=None, example='"Etc/UTC"')
    locale: Optional[str] = key("LANG of the system", default=None, example='"C.UTF-8"')
    ram_bytes: Optional[int] = key("memory", unit="bytes", default=None, identity=False, example="34359738368")
    cpu_threads: Optional[int] = key("logical processors", default=None, identity=False, example="16")
    dmi_vendor: Optional[str] = key("DMI system vendor", default=None, identity=False, example='"Dell Inc."')
    dmi_product: Optional[str] = key("DMI product name", default=None, identity=False, example='"PowerEdge R450"')
    dmi_serial: Optional[str] = key("DMI product serial", default=None, identity=False, example='"ABC1234"')


@dataclass(frozen=True)
class Policy:
    KIND: ClassVar[str] = "POLICY"
    ID_LESS: ClassVar[bool] = True

    mode: Mode = key("what the restore is for", default=Mode.RECOVER, identity=False, example="recover")
    intact: Intact = key("what becomes of volumes that survived", default=Intact.REBUILD, identity=False,
                         example="rebuild")
    fit: Fit = key("how volumes adapt to disks of another size", default=Fit.EXACT, identity=False, example="exact")
    overwrite: Overwrite = key("disks an unattended run may overwrite; a disk that is neither blank nor the "
                               "recorded one needs `any` or a person", default=Overwrite.SAME_DISK,
                               identity=False, example="same-disk")


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
    device: Ref = key("what it lies on", refs=("PARTITION", "DISK"), example="d0p3")
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
    segments: Tuple[str, ...] = key("placement, in order: `pv:first-extent:extents`", default=(),
                                    example='["pv0:0:10240"]')
    tags: Tuple[str, ...] = key("tags", default=(), example="[]")


@dataclass(frozen=True)
class FileSystem:
    KIND: ClassVar[str] = "FS"

    id: str
    device: Ref = key("what it lies on", refs=("PARTITION", "LV", "DISK"), example="lv_root")
    type: FsType = key("file system type", example="xfs")
    uuid: str = key("UUID, or the vfat serial as XXXX-XXXX", form=Form.BARE,
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
    features: Tuple[str, ...] = key("features as dumpe2fs names them (ext), or `name=value` as xfs_info shows "
                                    "them (xfs)", default=(), example='["has_journal", "extent"]')
    fat_bits: Optional[int] = key("width of a FAT entry (vfat): 12, 16 or 32", default=None, example="32")
    used_bytes: Optional[int] = key("space in use at capture time", unit="bytes", default=None, identity=False,
                                    example="524288000")
    content: str = key("`restore`, `none`, or `copy-of:FS`", form=Form.QUOTED, default="restore",
                       example='"restore"')


@dataclass(frozen=True)
class Swap:
    KIND: ClassVar[str] = "SWAP"

    id: str
    device: Ref = key("what it lies on", refs=("PARTITION", "LV", "DISK"), example="lv_swap")
    uuid: str = key("UUID", form=Form.UUID, example="91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01")
    label: Optional[str] = key("label", default=None, example='"swap"')
    page_bytes: int = key("page size", unit="bytes", default=4096, example="4096")


@dataclass(frozen=True)
class Boot:
    KIND: ClassVar[str] = "BOOT"
    ID_LESS: ClassVar[bool] = True

    loader: Loader = key("boot loader", example="grub-efi")
    disks: Tuple[Ref, ...] = key("disks whose first sector starts the machine (BIOS)", refs=("DISK",), default=(),
                                 example="[d0]")
    esp: Tuple[Ref, ...] = key("EFI system partitions, the first one in use first", refs=("FS",), default=(),
                               example="[esp]")
    shim: bool = key("whether shim starts the loader", default=False, example="true")
    cmdline: Optional[str] = key("kernel command line without BOOT_IMAGE", default=None,
                                 example='"root=/dev/mapper/vg_web-root ro quiet"')
    grub_prefix: Optional[str] = key("directory of GRUB's files", default=None, example='"/boot/grub"')
    boot_order: Tuple[Ref, ...] = key("EFI entries of this system, in BootOrder", refs=("EFIENTRY",), default=(),
                                      example="[1]")


@dataclass(frozen=True)
class EfiEntry:
    KIND: ClassVar[str] = "EFIENTRY"

    id: str
    label: str = key("what the firmware's menu shows", example='"debian"')
    esp: Ref = key("file system the path is on", refs=("FS",), example="esp")
    path: str = key("file, with the firmware's backslashes", example='"\\\\EFI\\\\debian\\\\shimx64.efi"')


@dataclass(frozen=True)
class Nic:
    KIND: ClassVar[str] = "NIC"

    id: str
    mac: str = key("permanent address", form=Form.QUOTED, identity=False, example='"b4:45:06:aa:bb:01"')
    driver: Optional[str] = key("kernel driver", default=None, identity=False, example='"tg3"')
    pci: Optional[str] = key("PCI address", default=None, identity=False, example='"0000:04:00.0"')
    addresses: Tuple[str, ...] = key("static addresses with prefix length", default=(), example='["192.0.2.21/24"]')
    dhcp: bool = key("whether the addresses come from DHCP", default=False, example="true")
    gateway: Optional[str] = key("default gateway", default=None, example='"192.0.2.1"')
    dns: Tuple[str, ...] = key("name servers", default=(), example='["192.0.2.53"]')


@dataclass(frozen=True)
class Device:
    KIND: ClassVar[str] = "DEVICE"

    id: str
    modalias: str = key("modalias of the device", form=Form.QUOTED, identity=False,
                        example='"pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00"')
    driver: Optional[str] = key("kernel driver bound to it", default=None, identity=False, example='"virtio-pci"')


@dataclass(frozen=True)
class Store:
    KIND: ClassVar[str] = "STORE"

    id: str
    kind: StoreKind = key("what is there", example="restic", identity=False)
    location: str = key("URL, or a path on `device`", example='"/restic"', identity=False)
    device: Optional[str] = key("file system to mount read-only: `UUID=` or `LABEL=`", default=None,
                                example='"LABEL=store"', identity=False)
    snapshot: Optional[str] = key("which backup", default=None, example='"7f3a9b21"', identity=False)
    password: Optional[str] = key("what opens it; `${secretfile:NAME}` gives it to a command", form=Form.SECRET,
                                  default=None, example="secret:restic-web01", identity=False)


@dataclass(frozen=True)
class Command:
    KIND: ClassVar[str] = "COMMAND"

    id: str
    phase: Phase = key("when it runs", example="2", identity=False)
    vendor: str = key("whose program it is", example='"restic"', identity=False)
    title: str = key("what the operator sees", example='"Restore files"', identity=False)
    argv: Tuple[str, ...] = key("program and arguments; `${...}` is substituted once", identity=False,
                                example='["restic", "-r", "${store:s3}", "restore", "${snapshot:s3}"]')
    env: Tuple[str, ...] = key("`NAME=value` pairs", default=(), example="[]", identity=False)
    user: str = key("who runs it", form=Form.BARE, default="root", example="root", identity=False)
    chroot: bool = key("run inside the restored system", default=False, example="false", identity=False)
    network: bool = key("needs the network", default=False, example="false", identity=False)
    timeout_s: int = key("limit", unit="seconds", default=14400, example="14400", identity=False)
    retries: int = key("how often to try again", default=0, example="2", identity=False)
    success: Tuple[int, ...] = key("exit codes that mean success", default=(0,), example="[0]", identity=False)
    critical: bool = key("whether its failure ends the restore", default=True, example="true", identity=False)
    on_error: Optional[Ref] = key("error command to run", refs=("COMMAND",), default=None, example="9000",
                                  identity=False)
    then: Then = key("what follows an error command", default=Then.STOP, example="stop", identity=False)
    volumes: Tuple[Ref, ...] = key("file systems it restores", refs=("FS",), default=(), example="[root, boot]",
                                   identity=False)
    progress: Progress = key("how its output maps to a progress bar", default=Progress.NONE, example="json-lines",
                             identity=False)

    @property
    def sequence(self) -> int:
        """Its place in the order of commands: the section's id is the number."""
        return int(self.id)


@dataclass(frozen=True)
class SecretsFile:
    """The age file with the values of the set's `secret:NAME`. Without this section the operator is asked."""

    KIND: ClassVar[str] = "SECRETS"
    ID_LESS: ClassVar[bool] = True

    path: str = key("the age file", form=Form.QUOTED, identity=False, example='"media:secrets/web01.age"')
    sha256: str = key("SHA-256 of that file's bytes", form=Form.QUOTED, identity=False,
                      example='"5b25544c66c4068efbe5ee47b76b951e3435282c880aa242c83c2e8443121a39"')
    order: Tuple[SecretSource, ...] = key(
        "where a secret is looked for, in turn", default=(SecretSource.IDENTITY, SecretSource.PROMPT), identity=False,
        example="[identity, prompt]")


Record = Union[
    Version, Include, System, Policy, Disk, Partition, PhysicalVolume, VolumeGroup, LogicalVolume, FileSystem,
    Swap, Boot, EfiEntry, Nic, Device, Store, Command, Catalog, SecretsFile,
]

RECORDS: Tuple[Type[Any], ...] = (
    Version, Include, System, Policy, Disk, Partition, PhysicalVolume, VolumeGroup, LogicalVolume, FileSystem,
    Swap, Boot, EfiEntry, Nic, Device, Store, Command, Catalog, SecretsFile,
)
"""Every known kind, in the canonical order of sections."""

RESERVED_KINDS: Tuple[str, ...] = (
    "RAW", "MD", "LUKS", "BTRFS", "SUBVOLUME", "DRIVER", "FILE",
)
"""Kinds the format names but this version cannot restore yet: a SIF that has one is refused by name."""


@dataclass(frozen=True)
class SystemInformation:
    """The merged content of a whole set: every part's sections, in canonical order."""

    version: Version
    system: System
    policy: Policy = Policy()
    boot: Optional[Boot] = None
    includes: Tuple[Include, ...] = ()
    disks: Tuple[Disk, ...] = ()
    partitions: Tuple[Partition, ...] = ()
    pvs: Tuple[PhysicalVolume, ...] = ()
    vgs: Tuple[VolumeGroup, ...] = ()
    lvs: Tuple[LogicalVolume, ...] = ()
    filesystems: Tuple[FileSystem, ...] = ()
    swaps: Tuple[Swap, ...] = ()
    efi_entries: Tuple[EfiEntry, ...] = ()
    nics: Tuple[Nic, ...] = ()
    devices: Tuple[Device, ...] = ()
    stores: Tuple[Store, ...] = ()
    commands: Tuple[Command, ...] = ()
    catalogs: Tuple[Catalog, ...] = ()
    secrets: Optional[SecretsFile] = None

    def records(self) -> Tuple[Record, ...]:
        """Every record, in the canonical order of sections."""
        found: list[Record] = []
        for field in _CANONICAL_FIELDS:
            value = getattr(self, field)
            if value is None:
                continue
            found.extend(value if isinstance(value, tuple) else (value,))
        return tuple(found)

    def find(self, kind: str, ident: str) -> Optional[Record]:
        """The record of that kind and id, or None."""
        for record in self.records():
            if kind == record.KIND and getattr(record, "id", "") == ident:
                return record
        return None


_CANONICAL_FIELDS = (
    "version", "includes", "system", "policy", "disks", "partitions", "pvs", "vgs", "lvs", "filesystems", "swaps",
    "boot", "efi_entries", "nics", "devices", "stores", "commands", "catalogs", "secrets",
)

FIELD_OF_KIND = dict(zip((r.KIND for r in RECORDS), _CANONICAL_FIELDS))
"""Section kind → attribute of :class:`SystemInformation`."""

assert set(_CANONICAL_FIELDS) == {f.name for f in dataclasses.fields(SystemInformation)}
