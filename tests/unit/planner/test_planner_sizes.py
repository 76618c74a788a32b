"""Disks of other sizes and sectors, fewer disks, disks that are not there: what the plan makes of the layout."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Dict, Tuple

import pytest
from planner_machines import ESP, GIB, disk, guid, machine, one_disk, part, present, server

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import NoPlan, RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.consent import ConsentMissing, require_unattended
from sif.check import check
from sif.model import (
    Boot,
    Command,
    FileSystem,
    Fit,
    FsType,
    Grow,
    Loader,
    LogicalVolume,
    Luks,
    LvType,
    MdArray,
    MdLevel,
    MdMetadata,
    OneDisk,
    Overwrite,
    Partition,
    Phase,
    Policy,
    Ref,
    SystemInformation,
    TableType,
)
from sif.problems import errors_of

MIB = 1 << 20


def used(saved: SystemInformation, **sizes: int) -> SystemInformation:
    """The machine with so many MiB in use in each named file system."""
    return replace(saved, filesystems=tuple(
        replace(fs, used_bytes=sizes[fs.id] * MIB) if fs.id in sizes else fs for fs in saved.filesystems))


NOTHING_DECIDED = RestorePolicy()


def planned(saved: SystemInformation, *disks: PresentDisk, policy: RestorePolicy = NOTHING_DECIDED) -> RestorePlan:
    """A plan, after a look at what holds for every plan: no overlap, nothing out of bounds, no loose end."""
    plan = plan_restore(saved, machine(*disks), policy)
    known = {(p.subject, p.what) for p in check(saved)}
    assert not [p for p in errors_of(check(plan.target_of(saved))) if (p.subject, p.what) not in known]
    return plan


def target(saved: SystemInformation, *disks: PresentDisk,
           policy: RestorePolicy = NOTHING_DECIDED) -> SystemInformation:
    return planned(saved, *disks, policy=policy).target_of(saved)


def sizes(info: SystemInformation) -> Dict[str, int]:
    """MiB of every partition, logical volume, array and encrypted volume."""
    sector = {d.id: d.logical_sector for d in info.disks}
    pe = {vg.id: vg.pe_bytes for vg in info.vgs}
    found = {p.id: p.sectors * sector[p.disk] // MIB for p in info.partitions}
    found.update({lv.id: lv.extents * pe[lv.vg] // MIB for lv in info.lvs})
    found.update({array.id: array.size_bytes // MIB for array in info.arrays})
    found.update({luks.id: (luks.size_bytes or 0) // MIB for luks in info.luks})
    return found


def codes(plan: RestorePlan) -> Dict[str, str]:
    return {a.subject: a.code for a in plan.adjustments}


def plain() -> SystemInformation:
    """ESP, /boot, /, /srv and swap as partitions of one disk of 8 GiB, full to the end."""
    base = one_disk()
    parts = (part("d0", 1, 1, 100, ESP), part("d0", 2, 101, 400), part("d0", 3, 501, 3000), part("d0", 4, 3501, 4000),
             part("d0", 5, 7501, 690))
    return replace(
        base, partitions=parts, pvs=(), vgs=(), lvs=(), swaps=(replace(base.swaps[0], device=Ref("d0p5")),),
        filesystems=(*base.filesystems[:2],
                     replace(base.filesystems[2], device=Ref("d0p3"), block_size=4096, blocks=768000, inodes=192000,
                             inode_size=256, reserved_blocks=38400, used_bytes=1024 * MIB),
                     FileSystem("srv", Ref("d0p4"), FsType.XFS, guid(202), mount="/srv", used_bytes=500 * MIB)))


# Smaller disks

def test_free_room_at_the_end_goes_first_and_nothing_else_changes() -> None:
    plan = planned(one_disk(), present("vda", 7600 * MIB))
    assert codes(plan) == {"d0": "disk-smaller"}


def test_room_that_no_volume_uses_goes_before_any_volume() -> None:
    plan = planned(used(one_disk(), root=1024), present("vda", 5 * GIB))
    assert codes(plan) == {"d0": "disk-smaller", "d0p3": "partition-shrunk", "pv0": "pv-shrunk"}
    assert sizes(plan.target_of(one_disk()))["lvroot"] == 4000


def test_the_boot_volume_shrinks_to_what_it_holds_and_a_margin() -> None:
    made = target(used(one_disk(), root=1024), present("vda", 3 * GIB))
    assert 1024 < sizes(made)["lvroot"] < 2600 and sizes(made)["lvswap"] < 256
    root = next(fs for fs in made.filesystems if fs.id == "root")
    assert root.blocks is None and root.inodes is None


def test_data_gives_before_the_boot_volume_and_the_system_volume_never() -> None:
    made = target(plain(), present("vda", 6 * GIB))
    assert sizes(made) == {"d0p1": 100, "d0p2": 400, "d0p3": 3000, "d0p4": 1952, "d0p5": 690}
    smaller = sizes(target(plain(), present("vda", 4 * GIB)))
    assert smaller["d0p1"] == 100 and smaller["d0p2"] == 400 and 1024 < smaller["d0p3"] < 3000
    assert 500 < smaller["d0p4"] < 1000


def test_an_ext_file_system_keeps_its_share_of_inodes_and_its_reserve() -> None:
    made = target(plain(), present("vda", 4 * GIB))
    root = next(fs for fs in made.filesystems if fs.id == "root")
    assert "inode_ratio=16384" in root.parameters
    assert root.reserved_blocks == 38400 * sizes(made)["d0p3"] // 3000


def test_partitions_before_the_first_change_stay_where_they_are() -> None:
    made = {p.id: p.start_sector for p in target(plain(), present("vda", 6 * GIB)).partitions}
    saved = {p.id: p.start_sector for p in plain().partitions}
    assert [ident for ident in saved if made[ident] != saved[ident]] == ["d0p5"]


def test_a_data_volume_that_does_not_fit_is_left_out_before_the_system_fails() -> None:
    saved = used(plain(), srv=3900)
    plan = planned(saved, present("vda", 4 * GIB))
    assert codes(plan)["srv"] == "volume-lost" and codes(plan)["d0p4"] == "partition-dropped"
    assert {a.subject for a in plan.adjustments if a.consent} >= {"d0", "srv"}
    assert "fs:srv" not in {action.id for action in plan.actions}


def test_a_disk_that_cannot_hold_the_system_is_refused_with_the_size_that_would_do() -> None:
    with pytest.raises(NoPlan, match=r"d0 needs at least"):
        plan_restore(plain(), machine(present("vda", 2 * GIB)), RestorePolicy())


def test_swap_keeps_its_size_when_the_machine_sleeps_in_it() -> None:
    saved = replace(plain(), boot=Boot(Loader.GRUB_EFI, cmdline="root=/dev/sda3 resume=UUID=1"))
    assert sizes(target(saved, present("vda", 4 * GIB)))["d0p5"] == 690
    assert sizes(target(plain(), present("vda", 4 * GIB)))["d0p5"] < 690


@pytest.mark.parametrize(("fit", "asks"), [(Fit.EXACT, True), (Fit.SHRINK_FREE, False)])
def test_who_decides_about_a_smaller_disk(fit: Fit, asks: bool) -> None:
    plan = planned(replace(plain(), policy=Policy(fit=fit)), present("vda", 6 * GIB))
    assert any(a.consent for a in plan.adjustments) is asks
    if asks:
        with pytest.raises(ConsentMissing, match='accept = \\["disk-smaller"\\]'):
            require_unattended(plan, Overwrite.ANY)
    else:
        require_unattended(plan, Overwrite.ANY)


def test_what_was_agreed_to_beforehand_is_not_asked() -> None:
    saved = replace(plain(), policy=Policy(accept=("disk-smaller",)))
    require_unattended(planned(saved, present("vda", 6 * GIB)), Overwrite.BLANK_ONLY)


def test_layers_shrink_together() -> None:
    """LVM on LUKS on a mirror of two disks, both replaced by smaller ones."""
    saved = stacked()
    plan = planned(saved, present("vda", 5 * GIB, serial="SERd0"), present("vdb", 5 * GIB, serial="SERd1"))
    made = sizes(plan.target_of(saved))
    assert made["d0p2"] == made["d1p2"] < 5000 and made["md0"] == made["d0p2"] - 1
    assert made["crypt"] == made["md0"] - 16 and made["lvroot"] <= made["crypt"] - 1
    assert {codes(plan)[ident] for ident in ("md0", "crypt", "pv0")} == {"md-shrunk", "luks-shrunk", "pv-shrunk"}


def stacked() -> SystemInformation:
    base = replace(server(), disks=(disk("d0", 8 * GIB), disk("d1", 8 * GIB)))
    parts = (part("d0", 1, 1, 200, ESP), part("d0", 2, 201, 7980), part("d1", 1, 1, 200), part("d1", 2, 201, 7980))
    size = 7979 * MIB
    array = MdArray("md0", "3d1c2b5e:6f0a4a55:8f0e0a4c:7b9d1e01", MdLevel.RAID1, MdMetadata.V1_2, 2,
                    (Ref("d0p2"), Ref("d1p2")), size, component_bytes=size, data_offsets=(MIB, MIB))
    luks = Luks("crypt", Ref("md0"), 2, guid(77), "aes-xts-plain64", 512, 16 * MIB, size_bytes=size - 16 * MIB)
    extents = (size - 17 * MIB) // (4 * MIB)
    return replace(
        base, partitions=parts, arrays=(array,), luks=(luks,), vgs=base.vgs[:1],
        pvs=(replace(base.pvs[0], device=Ref("crypt"), extents=extents),),
        lvs=(replace(base.lvs[0], extents=extents - 64, segments=(f"pv0:0:{extents - 64}",)),
             replace(base.lvs[1], segments=(f"pv0:{extents - 64}:64",))),
        filesystems=(base.filesystems[0], replace(base.filesystems[1], device=Ref("d1p1")),
                     replace(base.filesystems[2], used_bytes=GIB)))


# Larger disks

@pytest.mark.parametrize(("grow", "names", "grown"), [
    (Grow.NONE, (), {}), (Grow.LAST, (), {"d0p4"}), (Grow.PROPORTIONAL, (), {"d0p3", "d0p4"}),
    (Grow.NAMED, ("root",), {"d0p3"}), (Grow.NAMED, ("boot",), set()),
])
def test_who_gets_the_room_of_a_larger_disk(grow: Grow, names: Tuple[str, ...], grown: Any) -> None:
    saved = replace(plain(), policy=Policy(grow=grow, grow_volumes=tuple(Ref(n) for n in names)))
    before, after = sizes(saved), sizes(target(saved, present("vda", 12 * GIB)))
    assert {ident for ident in before if after[ident] > before[ident]} == set(grown)
    if grown:
        assert sum(after.values()) > 12 * 1024 - 16


def test_a_logical_volume_grows_with_its_group() -> None:
    saved = replace(one_disk(), policy=Policy(grow=Grow.NAMED, grow_volumes=(Ref("root"),)))
    made = sizes(target(saved, present("vda", 16 * GIB)))
    assert made["lvroot"] > 4000 + 7 * 1024 and made["lvswap"] == 256


def test_the_operator_decides_over_the_set() -> None:
    made = sizes(target(plain(), present("vda", 12 * GIB), policy=RestorePolicy(grow=Grow.LAST)))
    assert made["d0p4"] > 7000


# Sectors

def test_sectors_of_4096_bytes_keep_every_byte_where_it_was() -> None:
    plan = planned(plain(), present("nvme0n1", logical_sector=4096, physical_sector=4096))
    made = plan.target_of(plain())
    assert {p.id: p.start_sector * 8 for p in made.partitions} == {p.id: p.start_sector for p in plain().partitions}
    assert next(fs.sector_size for fs in made.filesystems if fs.id == "esp") == 4096
    assert set(codes(plan).values()) == {"sector-size", "fs-sectors"}
    assert next(d.first_lba for d in made.disks) == 256


def test_there_and_back_the_places_are_the_same() -> None:
    once = target(plain(), present("nvme0n1", logical_sector=4096, physical_sector=4096))
    back = target(once, present("sda", serial="SERd0"))
    assert [(p.start_sector, p.sectors) for p in back.partitions] == [
        (p.start_sector, p.sectors) for p in plain().partitions]


def test_a_partition_that_is_not_on_whole_sectors_moves() -> None:
    saved = plain()
    odd = replace(saved.partitions[0], start_sector=2049, sectors=100 * 2048 - 8)
    saved = replace(saved, partitions=(odd, *saved.partitions[1:4]), swaps=())
    plan = planned(saved, present("nvme0n1", logical_sector=4096, physical_sector=4096))
    assert codes(plan)["d0p1"] == "partition-moved"


def test_blocks_smaller_than_a_sector_are_enlarged() -> None:
    saved = plain()
    saved = replace(saved, filesystems=(saved.filesystems[0], replace(
        saved.filesystems[1], block_size=1024, blocks=409600, inodes=102400, features=("has_journal",),
        parameters=("blocks_per_group=8192",)), *saved.filesystems[2:]))
    made = target(saved, present("nvme0n1", logical_sector=4096, physical_sector=4096))
    boot = made.filesystems[1]
    assert (boot.block_size, boot.blocks, boot.parameters) == (4096, None, ("inode_ratio=4096",))


# Fewer disks

def test_two_disks_on_one() -> None:
    plan = planned(server(), present("vda", 16 * GIB))
    made = plan.target_of(server())
    assert [(m.saved, m.name) for m in plan.matches] == [("d0", "vda")]
    moved = next(p for p in made.partitions if p.id == "d1p1")
    assert (moved.disk, moved.number) == ("d0", 4)
    assert codes(plan) == {"d0": "disk-larger", "d1": "disks-merged", "d1p1": "partition-moved"}


def test_a_mirror_with_one_disk_comes_back_degraded_and_asks() -> None:
    saved = mirrored()
    plan = planned(saved, present("vda", 16 * GIB, serial="SERd0"))
    made = plan.target_of(saved)
    assert (made.arrays[0].members, made.arrays[0].missing) == (("d0p2",), (1,))
    assert [a.subject for a in plan.adjustments if a.consent] == ["md0"]


def mirrored() -> SystemInformation:
    saved = stacked()
    return replace(saved, filesystems=(saved.filesystems[0], replace(saved.filesystems[2])),
                   partitions=saved.partitions, system=replace(saved.system, boot_fs=Ref("root")))


def test_a_mirror_becomes_a_plain_volume_if_the_policy_says_so() -> None:
    saved = mirrored()
    made = target(saved, present("vda", 16 * GIB, serial="SERd0"), policy=RestorePolicy(one_disk=OneDisk.LINEAR))
    assert made.arrays == () and made.luks[0].device == "d0p2"


def test_a_mirror_shares_a_disk_if_the_policy_says_so_and_asks() -> None:
    saved = mirrored()
    plan = planned(saved, present("vda", 17 * GIB, serial="SERd0"), policy=RestorePolicy(one_disk=OneDisk.SHARE))
    assert len(plan.target_of(saved).arrays[0].members) == 2
    assert ("policy", "mirror-shared", True) in [(a.subject, a.code, a.consent) for a in plan.adjustments]


def test_a_whole_disk_gets_a_partition_when_it_moves() -> None:
    base = server()
    saved = replace(base, disks=(base.disks[0], replace(base.disks[1], table=TableType.NONE, table_id=None,
                                                        gpt_entries=None, first_lba=None)),
                    partitions=base.partitions[:3], pvs=(base.pvs[0], replace(base.pvs[1], device=Ref("d1"))))
    plan = planned(saved, present("vda", 16 * GIB))
    made = plan.target_of(saved)
    assert (made.pvs[1].device, made.partitions[-1].type) == ("d1whole", "e6d6d379-f507-44c2-a23c-238f2a3df928")
    assert "partition:d1whole" in next(a for a in plan.actions if a.id == "pv:pv1").needs


# Missing disks

def test_a_data_volume_without_a_disk_is_listed_and_its_programs_are_skipped() -> None:
    base = server()
    commands = (Command("2000", Phase.RESTORE, "tar", "System", ("true",), volumes=(Ref("root"),)),
                Command("2100", Phase.RESTORE, "tar", "Data", ("true",), volumes=(Ref("srv"),)),
                Command("2200", Phase.RESTORE, "tar", "Both", ("true",), volumes=(Ref("root"), Ref("srv"))))
    saved = replace(base, commands=commands)
    plan = planned(saved, present("vda", 6 * GIB, serial="SERd0"))
    made = plan.target_of(saved)
    assert {fs.id for fs in made.filesystems} == {"esp", "boot", "root"}
    assert [(c.id, c.volumes) for c in made.commands] == [("2000", ("root",)), ("2200", ("root",))]
    assert codes(plan)["2100"] == "command-skipped" and codes(plan)["2200"] == "command-partly"
    assert {"d1", "srv"} <= {a.subject for a in plan.adjustments if a.consent}


def test_a_system_without_its_disk_is_refused() -> None:
    with pytest.raises(NoPlan) as caught:
        plan_restore(server(), machine(present("vdb", 4 * GIB, serial="SERd1")), RestorePolicy())
    assert [reason.subject for reason in caught.value.reasons] == ["d0"]


def test_the_system_comes_before_data_when_there_is_one_disk_for_both() -> None:
    """The data disk alone would fit better; the machine would be none without its system."""
    saved = replace(used(server(), root=900), disks=tuple(
        replace(d, serial=None, by_path=None) for d in server().disks))
    plan = planned(saved, present("vda", 4 * GIB))
    assert [(m.saved, m.name) for m in plan.matches] == [("d0", "vda")]


# MBR

def logical() -> SystemInformation:
    mbr = disk("d0", table=TableType.MBR, table_id="0x1234abcd", first_lba=None, gpt_entries=None)
    base = one_disk()

    def entry(number: int, start: int, mib: int, type: str = "0x83") -> Partition:
        return replace(part("d0", number, start, mib), type=type, uuid=None)

    return replace(
        base, disks=(mbr,), pvs=(), vgs=(), lvs=(), swaps=(),
        partitions=(entry(1, 1, 400), entry(2, 401, 7790, "0x05"), entry(5, 402, 4000), entry(6, 4403, 3788)),
        filesystems=(replace(base.filesystems[1], device=Ref("d0p1")),
                     replace(base.filesystems[2], device=Ref("d0p5"), used_bytes=GIB),
                     FileSystem("srv", Ref("d0p6"), FsType.EXT4, guid(202), mount="/srv", used_bytes=GIB)))


def test_logical_partitions_shrink_inside_their_container() -> None:
    made = target(logical(), present("vda", 6 * GIB))
    size = sizes(made)
    assert size["d0p5"] == 4000 and 1024 < size["d0p6"] < 3788 and size["d0p2"] < 7790


def test_sectors_change_under_logical_partitions_too() -> None:
    made = target(logical(), present("vda", logical_sector=4096, physical_sector=4096))
    assert sizes(made) == sizes(logical())


# Which disk

def test_a_used_disk_is_never_better_than_a_blank_smaller_one() -> None:
    saved = replace(plain(), disks=tuple(replace(d, serial=None, by_path=None) for d in plain().disks))
    plan = planned(saved, present("vda", 8 * GIB, signatures=("vda: LVM2_member",)), present("vdb", 6 * GIB))
    assert plan.matches[0].name == "vdb"


def test_one_lv_of_many_is_left_out_when_the_group_is_too_small() -> None:
    base = used(one_disk(), root=900)
    lvs = (*base.lvs, LogicalVolume("lvsrv", Ref("vg0"), "srv", base.lvs[0].uuid.replace("lv0", "lv9"), LvType.LINEAR,
                                    600, ("pv0:1064:600",)))
    saved = replace(base, lvs=lvs, filesystems=(*base.filesystems, FileSystem(
        "srv", Ref("lvsrv"), FsType.EXT4, guid(205), mount="/srv", used_bytes=2300 * MIB)))
    plan = planned(saved, present("vda", 3 * GIB), policy=RestorePolicy(parse_disk_map(["d0=vda"])))
    assert codes(plan)["lvsrv"] == "lv-lost" and codes(plan)["srv"] == "volume-lost"


def test_hardware_without_any_disk_is_refused() -> None:
    with pytest.raises(NoPlan, match="no disk is present"):
        plan_restore(one_disk(), Hardware(machine().firmware, "x86_64", ()), RestorePolicy())


