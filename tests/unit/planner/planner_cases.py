"""The machines and the small language of the decision table in docs/planner.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Optional, Tuple

from planner_machines import ESP, GIB, disk, guid, one_disk, part, server

from rescue.hardware import Hardware, PresentDisk, Whole
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, parse_disk_map, plan_restore
from sif.model import (
    Boot,
    Command,
    Disk,
    DiskRole,
    EfiEntry,
    FileSystem,
    Firmware,
    Fit,
    FsType,
    Grow,
    Intact,
    Loader,
    Luks,
    MdArray,
    MdLevel,
    MdMetadata,
    OneDisk,
    Partition,
    Phase,
    Policy,
    Ref,
    SystemInformation,
    TableType,
)

MIB = 1 << 20


def with_boot(saved: SystemInformation) -> SystemInformation:
    """The machine as UEFI starts it."""
    return replace(saved, boot=Boot(Loader.GRUB_EFI, esp=(Ref("esp"),), boot_order=(Ref("1"),)),
                   efi_entries=(EfiEntry("1", "debian", Ref("esp"), "\\EFI\\debian\\shimx64.efi"),))


def plain() -> SystemInformation:
    """ESP, /boot, / (3000 MiB, 1024 in use), /srv (4000 MiB, 500 in use) and swap on one disk of 8 GiB."""
    base = one_disk()
    parts = (part("d0", 1, 1, 100, ESP), part("d0", 2, 101, 400), part("d0", 3, 501, 3000), part("d0", 4, 3501, 4000),
             part("d0", 5, 7501, 690))
    return with_boot(replace(
        base, partitions=parts, pvs=(), vgs=(), lvs=(), swaps=(replace(base.swaps[0], device=Ref("d0p5")),),
        filesystems=(*base.filesystems[:2],
                     replace(base.filesystems[2], device=Ref("d0p3"), block_size=4096, blocks=768000, inodes=192000,
                             inode_size=256, reserved_blocks=38400, used_bytes=1024 * MIB),
                     FileSystem("srv", Ref("d0p4"), FsType.XFS, guid(202), mount="/srv", used_bytes=500 * MIB))))


def lvm() -> SystemInformation:
    """ESP, /boot and a volume group with / (4000 MiB, 1024 in use), swap and 2.7 GiB free on one disk of 8 GiB."""
    base = one_disk()
    return with_boot(replace(base, filesystems=(*base.filesystems[:2], replace(
        base.filesystems[2], used_bytes=1024 * MIB))))


def two() -> SystemInformation:
    """`lvm` with a second disk of 4 GiB: a group with /srv (2000 MiB, 100 in use), and a program that restores it."""
    base = server()
    return with_boot(replace(
        base, filesystems=(*base.filesystems[:2], replace(base.filesystems[2], used_bytes=1024 * MIB),
                           replace(base.filesystems[3], used_bytes=100 * MIB)),
        commands=(Command("2000", Phase.RESTORE, "tar", "System", ("true",), volumes=(Ref("root"), Ref("boot"))),
                  Command("2100", Phase.RESTORE, "tar", "Data", ("true",), volumes=(Ref("srv"),)))))


def anonymous(saved: SystemInformation) -> SystemInformation:
    """The machine with disks that carry neither serial number nor slot."""
    return replace(saved, disks=tuple(replace(d, serial=None, by_path=None) for d in saved.disks))


def mirror() -> SystemInformation:
    """Two disks of 8 GiB with an ESP each and a mirror below LUKS below a group with / (1024 MiB in use) and swap."""
    base = replace(server(), disks=(disk("d0", 8 * GIB), disk("d1", 8 * GIB)))
    parts = (part("d0", 1, 1, 200, ESP), part("d0", 2, 201, 7980), part("d1", 1, 1, 200, ESP),
             part("d1", 2, 201, 7980))
    size = 7979 * MIB
    array = MdArray("md0", "3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", MdLevel.RAID1, MdMetadata.V1_2, 2,
                    (Ref("d0p2"), Ref("d1p2")), size, component_bytes=size, data_offsets=(MIB, MIB))
    luks = Luks("crypt", Ref("md0"), 2, guid(77), "aes-xts-plain64", 512, 16 * MIB, size_bytes=size - 16 * MIB)
    extents = (size - 17 * MIB) // (4 * MIB)
    return with_boot(replace(
        base, partitions=parts, arrays=(array,), luks=(luks,), vgs=base.vgs[:1],
        system=replace(base.system, boot_fs=Ref("root")),
        pvs=(replace(base.pvs[0], device=Ref("crypt"), extents=extents),),
        lvs=(replace(base.lvs[0], extents=extents - 64, segments=(f"pv0:0:{extents - 64}",)),
             replace(base.lvs[1], segments=(f"pv0:{extents - 64}:64",))),
        filesystems=(base.filesystems[0], replace(base.filesystems[2], used_bytes=GIB))))


def bios() -> SystemInformation:
    """A BIOS boot area, /boot and / (2000 MiB in use) on one GPT disk of 8 GiB."""
    base = one_disk()
    parts = (part("d0", 1, 1, 1, "21686148-6449-6e6f-744e-656564454649"), part("d0", 2, 2, 400),
             part("d0", 3, 402, 6000))
    return replace(
        base, partitions=parts, pvs=(), vgs=(), lvs=(), swaps=(), boot=Boot(Loader.GRUB_PC, disks=(Ref("d0"),)),
        system=replace(base.system, firmware=Firmware.BIOS),
        filesystems=(replace(base.filesystems[1], device=Ref("d0p2")),
                     replace(base.filesystems[2], device=Ref("d0p3"), used_bytes=2000 * MIB)))


def mbr() -> SystemInformation:
    """An MBR disk of 8 GiB: /boot, and / (1024 MiB in use) and /srv (1024 MiB in use) as logical partitions."""
    def entry(number: int, start: int, mib: int, type: str = "0x83") -> Partition:
        return replace(part("d0", number, start, mib), type=type, uuid=None)

    base = bios()
    return replace(
        base, disks=(disk("d0", table=TableType.MBR, table_id="0x1234abcd", first_lba=None, gpt_entries=None),),
        partitions=(entry(1, 1, 400), entry(2, 401, 7790, "0x05"), entry(5, 402, 4000), entry(6, 4403, 3788)),
        filesystems=(replace(base.filesystems[0], device=Ref("d0p1")),
                     replace(base.filesystems[1], device=Ref("d0p5"), used_bytes=GIB),
                     FileSystem("srv", Ref("d0p6"), FsType.EXT4, guid(202), mount="/srv", used_bytes=GIB)))


def data() -> SystemInformation:
    """`lvm` with a second disk (serial DATA) that holds data and is not rebuilt."""
    extra = Disk("d1", role=DiskRole.DATA, size_bytes=8 * GIB, logical_sector=512, physical_sector=512,
                 table=TableType.NONE, serial="DATA")
    return replace(lvm(), disks=(*lvm().disks, extra))


def bare() -> SystemInformation:
    """`two` with the second disk as a physical volume without a partition table."""
    base = two()
    return replace(
        base, partitions=base.partitions[:-1], pvs=(base.pvs[0], replace(base.pvs[1], device=Ref("d1"))),
        disks=(base.disks[0], replace(base.disks[1], table=TableType.NONE, table_id=None, first_lba=None,
                                      gpt_entries=None)))


MACHINES: Dict[str, Callable[[], SystemInformation]] = {
    "plain": plain, "lvm": lvm, "two": two, "mirror": mirror, "bios": bios, "mbr": mbr, "data": data, "bare": bare}

_UNITS = {"M": MIB, "G": GIB}


def machine_of(words: str) -> SystemInformation:
    """``two anonymous`` as the machine."""
    name, *more = words.split()
    saved = MACHINES[name]()
    return anonymous(saved) if "anonymous" in more else saved


def present_of(words: str) -> Hardware:
    """``bios; vda 8G serial=SERd0; vdb 4G 4k holds=ext4`` as hardware."""
    firmware, disks = Firmware.UEFI, []
    whole: Optional[Tuple[Whole, ...]] = None
    for item in (word.strip() for word in words.split(";")):
        if item in ("bios", "uefi"):
            firmware = Firmware(item)
        elif item and item != "no disk":
            disks.append(_disk(item))
            found = re.search(r" whole=(\S+)", item)
            if found:
                whole = (*(whole or ()), *(_whole(word, disks[-1].name) for word in found.group(1).split("+")))
    return Hardware(firmware, "x86_64", tuple(disks), whole=whole)


def _whole(word: str, disk: str) -> Whole:
    """``fs:srv``, on the disk where it stands; ``md:md0@vda``: on that disk, too."""
    ident, _, other = word.partition("@")
    return Whole(ident, (other, disk) if other else (disk,))


def _disk(item: str) -> PresentDisk:
    name, size, *facts = item.split()
    known: Dict[str, Any] = {"name": name, "path": f"/dev/{name}", "size_bytes": int(size[:-1]) * _UNITS[size[-1]],
                             "logical_sector": 512, "physical_sector": 512, "content": f"digest-{name}"}
    for fact in facts:
        key, _, value = fact.partition("=")
        meant: Dict[str, Dict[str, Any]] = {
            "serial": {"serial": value}, "slot": {"by_path": f"pci-0000:00:0{value}.0"},
            "whole": {}, "begun": {"begun": True}, "keeping": {"keeping": tuple(value.split("+"))},
            "4k": {"logical_sector": 4096, "physical_sector": 4096},
            "holds": {"signatures": (f"{name}: {value}",)},
            "usb": {"bus": "usb"}, "ro": {"read_only": True}, "excluded": {"excluded": value.replace("-", " ")}}
        known.update(meant[key])
    return PresentDisk(**known)


def policy_of(words: str, saved: SystemInformation) -> Tuple[SystemInformation, RestorePolicy]:
    """``fit=exact, map d1=vda`` as the operator's decisions, and the machine with what its set says."""
    decided: Dict[str, Any] = {}
    maps = []
    for item in (word.strip() for word in words.split(",")):
        key, _, value = item.partition("=")
        if item.startswith("map "):
            maps.append(item[4:])
        elif key == "fit":
            decided["fit"] = Fit(value)
        elif key == "grow":
            how, _, names = value.partition(":")
            decided.update(grow=Grow(how), grow_volumes=tuple(names.split("+")) if names else ())
        elif key == "intact":
            decided["intact"] = Intact(value)
        elif key == "replica":
            decided["replica"] = value
        elif key == "one_disk":
            decided["one_disk"] = OneDisk(value)
        elif key == "accept":
            decided["accept"] = tuple(value.split("+"))
        elif item:
            raise AssertionError(f"unknown policy {item!r}")
    assert saved.policy == Policy()
    return saved, RestorePolicy(disk_map=parse_disk_map(maps), **decided)


def outcome(saved: SystemInformation, hardware: Hardware, policy: RestorePolicy) -> str:
    """What the planner answers, in the words of the table."""
    try:
        plan = plan_restore(saved, hardware, policy)
    except NoPlan as error:
        questions = [f"asks {' or '.join(question.answers)}" for question in error.questions]
        asked = {question.saved for question in error.questions}
        return "; ".join(questions + [f"refuses {r.subject}: `{r.code}`" for r in error.reasons
                                      if r.subject not in asked or r.code != "disk-tie"])
    return told(plan)


def told(plan: RestorePlan) -> str:
    """``d0 on vda; `disk-smaller` d0!; ...``: where the disks go, then code and subjects, `!`: needs consent."""
    grouped: Dict[str, list[str]] = {}
    for adjustment in plan.adjustments:
        grouped.setdefault(adjustment.code, []).append(adjustment.subject + ("!" if adjustment.consent else ""))
    consents = [f"overwrites {c.path[5:]} ({'the recorded disk' if c.same_disk else 'another disk'})"
                for c in plan.consents]
    kept = [word for word in plan.kept if word.startswith("fs:")]
    keeps = [f"keeps {' '.join(word[3:] for word in kept)}"] if kept else []
    return "; ".join([*(f"{m.saved} on {m.name}" for m in plan.matches), *consents, *keeps,
                      *(f"`{code}` {' '.join(subjects)}" for code, subjects in grouped.items())])


_ROW = re.compile(r"\| ([^|]+) \| `([^|`]+)` \| `([^|`]+)` \| (?:`([^|`]+)`)? ?\| ([^|]+) \|")
_CODE = re.compile(r"\| `([a-z-]+)` \|")


@dataclass(frozen=True)
class Row:
    """A row of the decision table."""

    case: str
    saved: str
    present: str
    policy: str
    answer: str


def rows(text: str) -> Tuple[Row, ...]:
    """The rows of the decision table in the document."""
    found = (_ROW.fullmatch(line) for line in text.splitlines())
    return tuple(Row(*(group or "" for group in match.groups())) for match in found if match)


def documented_codes(text: str) -> Tuple[str, ...]:
    """The codes of the document's lists, in their order."""
    return tuple(match.group(1) for line in text.splitlines() if (match := _CODE.match(line)))


def line_of(row: Row, answer: str) -> str:
    """The row as the document has it, with that answer."""
    policy = f" `{row.policy}` " if row.policy else " "
    return f"| {row.case} | `{row.saved}` | `{row.present}` |{policy}| {answer} |"


def answer_to(row: Row) -> str:
    """What the planner answers to a row's case."""
    saved, policy = policy_of(row.policy, machine_of(row.saved))
    return outcome(saved, present_of(row.present), policy)
