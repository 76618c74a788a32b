"""The scenarios of the hardware matrix: each a replacement machine, the decisions beforehand, and what may differ."""

from __future__ import annotations

from typing import Mapping, Tuple

from drill.errors import DrillFailed
from drill.scenario import Content, NewDisk, Refusal, Replacement, Scenario
from drill.server import facts
from drill.server.facts import Server
from drill.spec import Bus
from drill.volatile import Scope, Volatile
from sif.model import Firmware

GIB = 1 << 30
UEFI, BIOS = Firmware.UEFI, Firmware.BIOS
SYSTEM = NewDisk("system", "NEWSYS77", facts.SYSTEM_DISK_BYTES)
DATA = NewDisk("data", "NEWDATA77", facts.DATA_DISK_BYTES)
OLD_SYSTEM = NewDisk("system", "SYSTEM01", content=Content.OLD)
OLD_DATA = NewDisk("data", "DATA01", content=Content.OLD, of="data")
ANY = "overwrite=any"
FILLS = (("COMMAND", "2000", "volumes=[root, boot, esp]"), ("COMMAND", "2100", "volumes=[srv]"))
"""Which volumes the restore programs fill: without that none of them is skipped."""


def _accept(*codes: str) -> str:
    return f"accept=[{', '.join(f'{chr(34)}{code}{chr(34)}' for code in codes)}]"


def _on(bus: Bus) -> Replacement:
    """New disks of the same sizes on another bus."""
    return Replacement(UEFI, (NewDisk("system", "NEWSYS77", facts.SYSTEM_DISK_BYTES, bus=bus),
                              NewDisk("data", "NEWDATA77", facts.DATA_DISK_BYTES, bus=bus)))


ALL: Tuple[Scenario, ...] = (
    Scenario("foreign-first", "a data disk that the kernel finds first, as large as the lost one, stays as it is",
             Server.PLAIN, BIOS, (Replacement(BIOS, (
                 NewDisk("foreign", "FOREIGN01", facts.SYSTEM_DISK_BYTES, Content.FOREIGN, used=False),
                 SYSTEM, DATA,
                 NewDisk("foreign2", "FOREIGN02", facts.DATA_DISK_BYTES, Content.FOREIGN, used=False))),)),
    Scenario("other-system", "the only disk holds another system: refused, then agreed to",
             Server.PLAIN, UEFI, (Replacement(UEFI, (NewDisk("system", "USED77", content=Content.OTHER), DATA)),),
             policy=(ANY,), refusal=Refusal((), "consent", "may not overwrite what these disks hold")),
    Scenario("same-group", "a used disk with a volume group of the same name is overwritten, another one is not",
             Server.PLAIN, UEFI, (Replacement(UEFI, (
                 NewDisk("bystander", "OTHER01", content=Content.OTHER, used=False), SYSTEM,
                 NewDisk("data", "USED77", content=Content.OTHER, of="data"))),), policy=(ANY,)),
    Scenario("smaller-disk", "a system of 8 GiB with 1 GiB in use comes back on 6 GiB",
             Server.ROOMY, UEFI, (Replacement(UEFI, (NewDisk("system", "NEWSYS77", 6 * GIB),)),),
             policy=("fit=shrink-free",), adjustments=(
                 "disk-smaller d0", "partition-shrunk d0p3", "pv-shrunk pv_d0p3", "lv-shrunk lv_vg0_root",
                 "lv-shrunk lv_vg0_srv", "lv-shrunk lv_vg0_swap", "fs-shrunk root", "fs-shrunk srv",
                 "vg-laid-out vg0")),
    Scenario("bigger-disk", "larger disks, whose room the volumes get",
             Server.PLAIN, UEFI, (Replacement(UEFI, (NewDisk("system", "NEWSYS77", 6 * GIB),
                                                     NewDisk("data", "NEWDATA77", 3 * GIB))),),
             policy=("grow=proportional",), adjustments=(
                 "disk-larger d0", "disk-larger d1", "partition-grown d0p3", "partition-grown d1p1",
                 "pv-grown pv_d0p3", "pv-grown pv_d1p1", "lv-grown lv_vg0_root", "lv-grown lv_vg_data_srv",
                 "fs-grown root", "fs-grown srv", "vg-laid-out vg0", "vg-laid-out vg_data")),
    Scenario("two-onto-one", "two disks come back on one",
             Server.PLAIN, UEFI, (Replacement(UEFI, (NewDisk("system", "NEWSYS77", 6 * GIB),)),),
             policy=(_accept("disks-merged"),),
             adjustments=("disk-larger d0", "disks-merged d1", "partition-moved d1p1")),
    Scenario("other-buses", "SATA to NVMe to virtio, each captured from the one before",
             Server.PLAIN, UEFI, (_on(Bus.NVME), _on(Bus.VIRTIO)), bus=Bus.SATA),
    Scenario("swapped-disks", "the machine's own disks, full, in the other order",
             Server.PLAIN, UEFI, (Replacement(UEFI, (OLD_DATA, OLD_SYSTEM)),)),
    Scenario("bios-to-uefi", "the new machine starts by UEFI",
             Server.PLAIN, BIOS, (Replacement(UEFI, (SYSTEM, DATA)),), policy=(_accept("firmware"),),
             renamed=("fs_d0p4",), changes=(
                 Volatile("/boot/efi", Scope.NEW, "mount point of the new EFI system partition"),
                 Volatile("/etc/fstab", Scope.CONTENT, "gets a line for it"),
                 Volatile("/boot", Scope.TIMES, "gets that mount point")), adjustments=(
                 "firmware system", "firmware-bios-boot-dropped d0p1", "partition-moved d0p2", "partition-shrunk d0p3",
                 "pv-shrunk pv_d0p3", "firmware-partition d0p4", "firmware-esp-added esp", "firmware-loader boot",
                 "firmware-efi-entry 1", "vg-laid-out vg0")),
    Scenario("uefi-to-bios", "the new machine starts by BIOS",
             Server.PLAIN, UEFI, (Replacement(BIOS, (SYSTEM, DATA)),), policy=(_accept("firmware"),), adjustments=(
                 "firmware system", "firmware-first-sector d0", "firmware-partition d0p4", "firmware-loader boot",
                 "firmware-efi-entry 1"),
             changes=(Volatile("/boot/grub/i386-pc", Scope.NEW, "GRUB's modules for BIOS"),
                      Volatile("/boot/grub/fonts", Scope.GROWS, "grub-install brings its font"),
                      Volatile("/boot/grub/locale", Scope.NEW, "grub-install brings its messages"),
                      Volatile("/boot/grub", Scope.TIMES, "gets these directories"))),
    Scenario("system-disk-lost", "the system's disk is new; the data disk survived and is left alone",
             Server.PLAIN, UEFI, (Replacement(UEFI, (
                 SYSTEM, NewDisk("data", "DATA01", content=Content.OLD, of="data", kept=True))),),
             policy=("intact=keep",), edits=FILLS, adjustments=("command-intact 2100",)),
    Scenario("boot-volume-lost", "only / is lost; /srv on the same disk survived and is left alone",
             Server.ROOMY, UEFI, (Replacement(UEFI, (NewDisk(
                 "system", "SYSTEM01", content=Content.WITHOUT_ROOT, kept_volumes=("/srv",)),)),),
             policy=("intact=keep",), edits=FILLS, adjustments=("command-intact 2100",)),
    Scenario("replica", "a second machine from the same set, with an identity of its own",
             Server.PLAIN, UEFI, (Replacement(UEFI, (SYSTEM, DATA)),), arguments="rescue.replica=web02", replica=True,
             adjustments=tuple(f"replica-identity {ident}" for ident in (
                 "system", "d0", "d1", "d0p1", "d0p2", "d0p3", "d1p1", "pv_d0p3", "pv_d1p1", "vg0", "vg_data",
                 "lv_vg0_root", "lv_vg0_swap", "lv_vg_data_srv", "boot", "esp", "root", "srv", "swap0"))),
)
BY_NAME: Mapping[str, Scenario] = {scenario.name: scenario for scenario in ALL}


def named(name: str) -> Scenario:
    """The scenario of that name. Raises :class:`DrillFailed`."""
    if name not in BY_NAME:
        raise DrillFailed("there is no such scenario", found=name, wanted=", ".join(BY_NAME))
    return BY_NAME[name]
