"""A small machine as the tests use it: UEFI, two disks, LVM over both."""

from __future__ import annotations

from sif.model import (
    Boot,
    Command,
    Disk,
    DiskRole,
    EfiEntry,
    FileSystem,
    Firmware,
    FsType,
    Loader,
    LogicalVolume,
    LvType,
    Nic,
    Partition,
    Phase,
    PhysicalVolume,
    Ref,
    Store,
    StoreKind,
    Swap,
    System,
    SystemInformation,
    TableType,
    Then,
    Version,
    VolumeGroup,
)

SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"
ESP_TYPE = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
LINUX_TYPE = "0fc63daf-8483-4772-8e79-3d69d8477de4"
LVM_TYPE = "e6d6d379-f507-44c2-a23c-238f2a3df928"


def disk(number: int) -> Disk:
    return Disk(id=f"d{number}", role=DiskRole.CRITICAL, size_bytes=8 << 30, logical_sector=512, physical_sector=512,
                table=TableType.GPT, table_id=f"3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e0{number}", gpt_entries=128,
                first_lba=2048, by_path=f"pci-0000:00:0{number + 4}.0", device=f"vd{'ab'[number]}")


def partition(number: int, start: int, sectors: int, kind: str, on: int = 0) -> Partition:
    return Partition(id=f"d{on}p{number}", disk=Ref(f"d{on}"), number=number, start_sector=start, sectors=sectors,
                     type=kind, uuid=f"0f0e0d0c-0b0a-4908-8706-0504030202{on}{number}")


def machine() -> SystemInformation:
    """A sound set; tests break one thing at a time with ``dataclasses.replace``."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=2, requires=("gpt", "lvm"),
                        created="2026-11-22T02:10:04Z"),
        system=System(id="web01", hostname="web01.example.org", firmware=Firmware.UEFI, arch="x86_64",
                      boot_fs=Ref("boot"), root_fs=Ref("root")),
        boot=Boot(loader=Loader.GRUB_EFI, esp=(Ref("esp"),), shim=True, cmdline="root=/dev/mapper/vg-root ro",
                  grub_prefix="/boot/grub", boot_order=(Ref("1"),)),
        disks=(disk(0), disk(1)),
        partitions=(
            partition(1, 2048, 131072, ESP_TYPE), partition(2, 133120, 1048576, LINUX_TYPE),
            partition(3, 1181696, 14000000, LVM_TYPE), partition(1, 2048, 16000000, LVM_TYPE, on=1)),
        pvs=(
            PhysicalVolume(id="pv_d0p3", device=Ref("d0p3"), uuid="7wwpcO-KmNN-qsTE-7sp7-JBJS-vBdC-Zyt1W7",
                           pe_start_bytes=1048576, extents=1700),
            PhysicalVolume(id="pv_d1p1", device=Ref("d1p1"), uuid="8wwpcO-KmNN-qsTE-7sp7-JBJS-vBdC-Zyt1W7",
                           pe_start_bytes=1048576, extents=1900)),
        vgs=(VolumeGroup(id="vg", name="vg", uuid="Qm1aXb-8dTe-P2nL-0sKd-7yUu-Wc3R-bN5hZq", pe_bytes=4194304,
                         pvs=(Ref("pv_d0p3"), Ref("pv_d1p1"))),),
        lvs=(
            _volume("root", 1000, "pv_d0p3:0:1000", "aa"), _volume("swap", 100, "pv_d0p3:1000:100", "bb"),
            LogicalVolume(id="lv_vg_srv", vg=Ref("vg"), name="srv", uuid="cc11bb-22cc-33dd-44ee-55ff-66gg-77hh88",
                          type=LvType.LINEAR, extents=2000, segments=("pv_d0p3:1100:600", "pv_d1p1:0:1400"))),
        filesystems=(
            FileSystem(id="boot", device=Ref("d0p2"), type=FsType.EXT4, uuid="d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f001",
                       label="boot", mount="/boot", options="defaults", block_size=4096, blocks=131072,
                       features=("has_journal", "extent")),
            FileSystem(id="esp", device=Ref("d0p1"), type=FsType.VFAT, uuid="7A3C-91E2", label="ESP", fat_bits=32,
                       mount="/boot/efi", options="umask=0077"),
            FileSystem(id="root", device=Ref("lv_vg_root"), type=FsType.EXT4, mount="/",
                       uuid="d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f002"),
            FileSystem(id="srv", device=Ref("lv_vg_srv"), type=FsType.XFS, mount="/srv",
                       features=("crc=1", "agcount=4"), uuid="d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f003")),
        swaps=(Swap(id="swap0", device=Ref("lv_vg_swap"), uuid="91b2c3d4-0000-4a1b-8c2d-5f6a7b8c9d01"),),
        efi_entries=(EfiEntry(id="1", label="debian", esp=Ref("esp"), path="\\EFI\\debian\\shimx64.efi"),),
        nics=(Nic(id="enp1s0", mac="52:54:00:12:34:56", driver="virtio_net", dhcp=True),),
        stores=(Store(id="s3", kind=StoreKind.RESTIC, location="/restic", device="LABEL=store", snapshot="latest"),),
        commands=(
            Command(id="2000", phase=Phase.RESTORE, vendor="restic", title='Restore "all" files', on_error=Ref("9000"),
                    argv=("restic", "-r", "${store:s3}", "restore", "${snapshot:s3}", "--target", "${target}"),
                    env=("RESTIC_PASSWORD_FILE=/etc/x",), volumes=(Ref("root"), Ref("srv"))),
            Command(id="9000", phase=Phase.ERROR, vendor="core", title="Stop", argv=("true",), then=Then.STOP)),
    )


def _volume(name: str, extents: int, segment: str, tag: str) -> LogicalVolume:
    return LogicalVolume(id=f"lv_vg_{name}", vg=Ref("vg"), name=name, uuid=f"{tag}11bb-22cc-33dd-44ee-55ff-66gg-77hh88",
                         type=LvType.LINEAR, extents=extents, segments=(segment,))
