"""Machines for the planner's tests: what was saved, and hardware to restore it on."""

from __future__ import annotations

from dataclasses import replace
from typing import Tuple

from rescue.hardware import Hardware, PresentDisk
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    FsType,
    LogicalVolume,
    LvType,
    Partition,
    PhysicalVolume,
    Ref,
    Swap,
    System,
    SystemInformation,
    TableType,
    Version,
    VolumeGroup,
)

GIB = 1 << 30
LINUX = "0fc63daf-8483-4772-8e79-3d69d8477de4"
LVM = "e6d6d379-f507-44c2-a23c-238f2a3df928"
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"


def guid(number: int) -> str:
    return f"0f0e0d0c-0b0a-4908-8706-{number:012x}"


def disk(ident: str, size: int = 8 * GIB, **facts: object) -> Disk:
    base = Disk(ident, role=DiskRole.CRITICAL, size_bytes=size, logical_sector=512, physical_sector=512,
                table=TableType.GPT, table_id=guid(int(ident[1:]) + 100), gpt_entries=128, first_lba=2048,
                serial=f"SER{ident}", by_path=f"pci-0000:00:0{ident[1:]}.0")
    return replace(base, **facts)  # type: ignore[arg-type]


def part(disk_id: str, number: int, start_mib: int, mib: int, type: str = LINUX) -> Partition:
    return Partition(f"{disk_id}p{number}", Ref(disk_id), number, start_mib * 2048, mib * 2048, type,
                     uuid=guid(int(disk_id[1:]) * 16 + number))


def server() -> SystemInformation:
    """Two disks: ESP, /boot and a PV on d0; a PV on d1; / and swap in one group, /srv in the other."""
    return SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=1),
        system=System("web01", hostname="web01.example.org", firmware=Firmware.UEFI, arch="x86_64",
                      boot_fs=Ref("boot"), root_fs=Ref("root")),
        disks=(disk("d0"), disk("d1", 4 * GIB)),
        partitions=(part("d0", 1, 1, 100, ESP), part("d0", 2, 101, 400), part("d0", 3, 501, 7000, LVM),
                    part("d1", 1, 1, 4000, LVM)),
        pvs=(PhysicalVolume("pv0", Ref("d0p3"), "pv0uuid", 1 << 20, 1749),
             PhysicalVolume("pv1", Ref("d1p1"), "pv1uuid", 1 << 20, 999)),
        vgs=(VolumeGroup("vg0", "vg0", "vg0uuid", 4 << 20, (Ref("pv0"),)),
             VolumeGroup("vg1", "vg_data", "vg1uuid", 4 << 20, (Ref("pv1"),))),
        lvs=(LogicalVolume("lvroot", Ref("vg0"), "root", "lv0", LvType.LINEAR, 1000, ("pv0:0:1000",)),
             LogicalVolume("lvswap", Ref("vg0"), "swap", "lv1", LvType.LINEAR, 64, ("pv0:1000:64",)),
             LogicalVolume("lvsrv", Ref("vg1"), "srv", "lv2", LvType.LINEAR, 500, ("pv1:0:500",))),
        filesystems=(FileSystem("esp", Ref("d0p1"), FsType.VFAT, "7A3C-91E2", mount="/boot/efi"),
                     FileSystem("boot", Ref("d0p2"), FsType.EXT4, guid(200), mount="/boot"),
                     FileSystem("root", Ref("lvroot"), FsType.EXT4, guid(201), mount="/"),
                     FileSystem("srv", Ref("lvsrv"), FsType.XFS, guid(202), mount="/srv")),
        swaps=(Swap("swap0", Ref("lvswap"), guid(203)),),
    )


def present(name: str, size: int = 8 * GIB, **facts: object) -> PresentDisk:
    base = PresentDisk(name=name, path=f"/dev/{name}", size_bytes=size, logical_sector=512, physical_sector=512,
                       content=f"digest-{name}")
    return replace(base, **facts)  # type: ignore[arg-type]


def machine(*disks: PresentDisk, firmware: Firmware = Firmware.UEFI, arch: str = "x86_64") -> Hardware:
    return Hardware(firmware, arch, disks)


def itself() -> Tuple[PresentDisk, PresentDisk]:
    """The disks of :func:`server`, blank."""
    return (present("vda", serial="SERd0", by_path="pci-0000:00:00.0"),
            present("vdb", 4 * GIB, serial="SERd1", by_path="pci-0000:00:01.0"))


def one_disk() -> SystemInformation:
    """A server whose only disk is d0."""
    full = server()
    return replace(full, disks=full.disks[:1], partitions=full.partitions[:3], pvs=full.pvs[:1], vgs=full.vgs[:1],
                   lvs=full.lvs[:2], filesystems=full.filesystems[:3])
