"""Scenarios are data: what they may say, what QEMU makes of it, and what counts as explained."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

from drill.adjusted import explained, require_announced
from drill.cli import parser
from drill.errors import DrillFailed
from drill.matrix import Job, run_jobs
from drill.medium import _ARGUMENTS
from drill.parts import volume_at
from drill.plan import Bench, Order, Placed
from drill.progress import Progress
from drill.scenario import OWN_SIZE, NewDisk, Scenario, same_again
from drill.scenarios import ALL, named
from drill.server import facts
from drill.server.facts import Server
from drill.spec import Accel, Bus, DiskFormat, MachineSpec, qemu_argv
from sif.diff import Difference
from sif.errors import Exit
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
    System,
    SystemInformation,
    TableType,
    Version,
    VolumeGroup,
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("scenario", ALL, ids=lambda scenario: scenario.name)
def test_a_scenario_describes_machines_that_can_be_put_together(scenario: Scenario) -> None:
    assert re.fullmatch(r"[a-z0-9-]+", scenario.name)
    for machine in scenario.machines:
        names = [disk.name for disk in machine.disks]
        assert len(set(names)) == len(names) and "store" not in names
        assert len({disk.serial for disk in machine.disks}) == len(names)
        assert machine.used
        for disk in machine.disks:
            assert (disk.size == 0) == (disk.content in OWN_SIZE), "a size where nothing else says it"
            assert disk.of in facts.disk_names(scenario.server)
            assert disk.used or not (disk.kept or disk.kept_volumes)
        assert sum(disk.bus is Bus.SATA for disk in machine.disks) <= 4, "the chipset has six, one has the CD"
    assert all(re.fullmatch(r"[a-z-]+ \S+", adjustment) for adjustment in scenario.adjustments)
    codes = set(re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/planner.md").read_text("utf-8"), re.MULTILINE))
    assert {adjustment.partition(" ")[0] for adjustment in scenario.adjustments} <= codes


def test_scenarios_are_called_by_name_and_listed_in_help_and_documentation() -> None:
    given = parser().parse_args(("run", "--scenario", ALL[0].name, "--iso", "x", "--evidence", "y"))
    assert given.scenario == ALL[0].name
    with pytest.raises(DrillFailed, match="no such scenario"):
        named("atlantis")
    documented = (ROOT / "docs/drill.md").read_text("utf-8")
    assert [scenario.name for scenario in ALL if f"`{scenario.name}`" not in documented] == []


@pytest.mark.parametrize("argv", [("matrix", "--scenario", "atlantis"),
                                  ("run", "--scenario", "other-buses", "--firmware", "uefi")])
def test_wrong_usage(argv: "tuple[str, ...]") -> None:
    with pytest.raises(SystemExit) as stop:
        parser().parse_args((*argv, "--iso", "x", "--evidence", "y"))
    assert stop.value.code == Exit.USAGE


def test_without_a_scenario_new_disks_and_a_strangers_disk_take_the_place() -> None:
    scenario = same_again(Server.PLAIN, Firmware.BIOS)
    assert [(disk.name, disk.serial, disk.used) for disk in scenario.machines[0].disks] == [
        ("system", "NEWSYSTEM77", True), ("data", "NEWDATA77", True), ("foreign", "FOREIGN01", False)]
    assert scenario.again and scenario.adjustments == ()


def test_a_bystander_is_found_first_by_the_kernel_and_never_started_from() -> None:
    disks = (NewDisk("foreign", "F1", 1, used=False), NewDisk("a", "A1", 1), NewDisk("b", "B1", 1, bus=Bus.SATA),
             NewDisk("c", "C1", 1, bus=Bus.NVME))
    placed = tuple(Placed(disk, Path(f"/{disk.name}"), DiskFormat.RAW).attached for disk in disks)
    argv = qemu_argv(MachineSpec("m", Firmware.BIOS, Path("/l"), Path("/s"), Accel.TCG, placed))
    devices = [word for word in argv if re.match(r"(virtio-blk-pci|ide-hd|nvme),", word)]
    assert devices == ["virtio-blk-pci,drive=foreign,serial=F1,addr=0x11",
                       "virtio-blk-pci,drive=a,serial=A1,addr=0x12,bootindex=2",
                       "ide-hd,drive=b,serial=B1,bus=ide.3,bootindex=3", "nvme,drive=c,serial=C1,addr=0x14,bootindex=4"]


MACHINE = SystemInformation(
    version=Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1),
    system=System("web01", "web01", Firmware.UEFI, "x86_64", Ref("root"), Ref("root")),
    disks=(Disk("d0", DiskRole.CRITICAL, 1 << 30, 512, 512, TableType.GPT),),
    partitions=(Partition("d0p1", Ref("d0"), 1, 2048, 2048, "t"), Partition("d0p2", Ref("d0"), 2, 4096, 1 << 20, "t")),
    pvs=(PhysicalVolume("pv0", Ref("d0p2"), "u", 1 << 20, 100),),
    vgs=(VolumeGroup("vg", "vg0", "u", 4 << 20, (Ref("pv0"),)),),
    lvs=(LogicalVolume("lv", Ref("vg"), "root", "u", LvType.LINEAR, 50, ("pv0:25:30", "pv0:60:20")),),
    filesystems=(FileSystem("root", Ref("lv"), FsType.EXT4, "u", mount="/"),
                 FileSystem("boot", Ref("d0p1"), FsType.EXT4, "u", mount="/boot")))


def test_where_a_file_system_lies_on_its_disk() -> None:
    assert volume_at(MACHINE, "/boot") == ((1 << 20, 1 << 20),)
    base = (2 << 20) + (1 << 20)
    assert volume_at(MACHINE, "/") == ((base + 25 * (4 << 20), 30 * (4 << 20)), (base + 60 * (4 << 20), 20 * (4 << 20)))
    with pytest.raises(DrillFailed, match="no such file system"):
        volume_at(MACHINE, "/srv")


@pytest.mark.parametrize(("difference", "well"), [
    (Difference("LV", "root", "extents", "1", "2"), True), (Difference("LV", "swap", "extents", "1", "2"), False),
    (Difference("SYSTEM", "system", "firmware", "bios", "uefi"), True),
    (Difference("BOOT", "", "loader", "a", "b"), False)])
def test_only_what_the_plan_named_may_differ(difference: Difference, well: bool) -> None:
    assert explained(difference, frozenset({"root", "system"})) is well


def test_adjustments_are_exactly_those_of_the_scenario(tmp_path: Path) -> None:
    (tmp_path / "lifeboat-logs/job").mkdir(parents=True)
    (tmp_path / "lifeboat-logs/job/report.json").write_text(json.dumps({"ended": 1, "adjustments": [
        {"code": "disk-larger", "subject": "d0"}, {"code": "pv-grown", "subject": "pv0"}]}))

    def bench(*adjustments: str) -> Bench:
        scenario = Scenario("s", "s", Server.PLAIN, Firmware.UEFI, (), adjustments=adjustments)
        return Bench(Order(Firmware.UEFI, tmp_path / "iso", tmp_path, scenario=scenario), tmp_path, tmp_path, Accel.TCG,
                     Progress())

    assert require_announced(bench("pv-grown pv0", "disk-larger d0")) == "disk-larger d0, pv-grown pv0"
    for wrong in (("disk-larger d0",), ("disk-larger d0", "pv-grown pv0", "lv-grown lv0"), ()):
        with pytest.raises(DrillFailed, match="adapted the machine in another way"):
            require_announced(bench(*wrong))


def test_arguments_go_to_where_the_boot_menu_has_them() -> None:
    menu = (ROOT / "builder_lib/templates/grub.cfg.j2").read_text("utf-8").replace("{{ append }}", "rescue.auto")
    assert _ARGUMENTS.findall(menu) == ["rescue.auto"]


def test_a_matrix_tells_every_verdict_and_fails_with_one(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drill.matrix.POLL_SECONDS", 0.01)
    monkeypatch.setattr("sys.stderr", (tmp_path / "said").open("w"))
    (tmp_path / "good").mkdir()
    (tmp_path / "good/report.json").write_text('{"verdict": "DRILL PASSED good"}')
    good, bad = (Job(name, (sys.executable, "-c", f"raise SystemExit({status})"), tmp_path)
                 for name, status in (("good", 0), ("bad", 60)))
    assert run_jobs([good], 2) is Exit.OK
    assert run_jobs([good, bad], 1) is Exit.DRILL_FAILED
    assert capsys.readouterr().out.splitlines()[1:] == [
        "DRILL PASSED good", "DRILL FAILED bad: it ended without a verdict"]
