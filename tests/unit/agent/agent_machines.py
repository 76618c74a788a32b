"""A saved server and its plan, for the agent's tests."""

from __future__ import annotations

from typing import Tuple

from rescue.plan import DiskMatch, Fingerprint, RestorePlan
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
    Partition,
    PhysicalVolume,
    Ref,
    Store,
    StoreKind,
    System,
    SystemInformation,
    TableType,
    Version,
    VolumeGroup,
)

MIB = 1024 * 1024
SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"
BOOT_UUID = "d2b1f0a4-53a0-4b83-8a4f-3d9ab3a0f001"
ROOT_UUID = "4f0a7b9c-1d22-4f9b-9d6b-7c2e0f7a1001"
TABLE_ID = "3d1c2b5e-6f0a-4a55-8f0e-0a4c7b9d1e01"
ESP_GUID = "0f0e0d0c-0b0a-4908-8706-050403020101"


def _part(number: int, start: int, mib: int, uuid: str) -> Partition:
    return Partition(f"d0p{number}", Ref("d0"), number, start * 2048, mib * 2048,
                     "0fc63daf-8483-4772-8e79-3d69d8477de4", uuid=uuid)


def server(*, boot_mib: int = 500, boot_used: int = 60 * MIB, commands: Tuple[Command, ...] = (),
           stores: Tuple[Store, ...] = (), loader: Loader = Loader.GRUB_EFI) -> SystemInformation:
    """ESP, /boot and LVM with / on one disk of 4 GiB."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=1),
        system=System("web01", hostname="web01.example.org", firmware=Firmware.UEFI, arch="x86_64",
                      boot_fs=Ref("boot"), root_fs=Ref("root")),
        boot=Boot(loader, disks=(Ref("d0"),), esp=(Ref("esp"),), boot_order=(Ref("2"), Ref("1"))),
        disks=(Disk("d0", DiskRole.CRITICAL, 4096 * MIB, 512, 512, TableType.GPT, table_id=TABLE_ID, serial="S1"),),
        partitions=(_part(1, 1, 100, ESP_GUID), _part(2, 101, boot_mib, "0f0e0d0c-0b0a-4908-8706-050403020102"),
                    _part(3, 700, 3000, "0f0e0d0c-0b0a-4908-8706-050403020103")),
        pvs=(PhysicalVolume("pv0", Ref("d0p3"), "7wwpcO-KmNN-qsTE-7sp7-JBJS-vBdC-Zyt1W7", MIB, 700),),
        vgs=(VolumeGroup("vg", "vg_web", "Qm1aXb-8dTe-P2nL-0sKd-7yUu-Wc3R-bN5hZq", 4 * MIB, (Ref("pv0"),)),),
        lvs=(LogicalVolume("lv_root", Ref("vg"), "root", "aa11bb-22cc-33dd-44ee-55ff-66gg-77hh88", LvType.LINEAR,
                           600),),
        filesystems=(
            FileSystem("esp", Ref("d0p1"), FsType.VFAT, "7A3C-91E2", mount="/boot/efi", used_bytes=5 * MIB),
            FileSystem("boot", Ref("d0p2"), FsType.EXT4, BOOT_UUID, mount="/boot", used_bytes=boot_used),
            FileSystem("root", Ref("lv_root"), FsType.EXT4, ROOT_UUID, mount="/", used_bytes=500 * MIB)),
        efi_entries=(EfiEntry("1", "debian", Ref("esp"), "\\EFI\\debian\\shimx64.efi"),
                     EfiEntry("2", "rescue kernel", Ref("esp"), "\\EFI\\debian\\grubx64.efi")),
        stores=stores or (Store("s", StoreKind.RESTIC, "/restic", device="LABEL=store", snapshot="7f3a"),),
        commands=commands)


def plan_for(path: str = "/dev/vda", serial: "str | None" = "S1") -> RestorePlan:
    match = DiskMatch("d0", path.rpartition("/")[2], path, "serial",
                      Fingerprint(path, 4096 * MIB, serial, None, "c"))
    return RestorePlan(SET_ID, "web01.example.org", (match,), (), ())
