"""The evidence folder tells the whole story, also of a drill that ended early."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drill.events import AgentEvent, State
from drill.evidence import leave_evidence, verdict_line
from drill.picture import disk_bars, spell_bytes, time_bars
from drill.plan import Bench, Check, Order, Verdict
from drill.progress import Progress, Span, spell
from drill.spec import Accel
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

GOOD = Verdict(Firmware.UEFI, (Check("a", True, "fine"), Check("b", True, "fine")), 843.4)


@pytest.mark.parametrize(("verdict", "line"), [
    (GOOD, "DRILL PASSED uefi in 14 min 3 s: 2 of 2 checks"),
    (Verdict(Firmware.BIOS, (Check("a", True, ""), Check("b", False, "")), 5.0),
     "DRILL FAILED bios in 5.0 s: 1 of 2 checks; not so: b"),
    (Verdict(Firmware.BIOS, (), 5.0, "no medium\n  hint: look"),
     "DRILL FAILED bios in 5.0 s: 0 of 0 checks; no medium"),
    (Verdict(Firmware.BIOS, (), 5.0), "DRILL FAILED bios in 5.0 s: 0 of 0 checks"),
])
def test_the_verdict_is_one_line(verdict: Verdict, line: str) -> None:
    assert verdict_line(verdict) == line


class Page(HTMLParser):
    """Collects what the page shows, and every address it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.loads: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "img", "iframe"):
            self.loads.append(tag)


def bench(folder: Path) -> Bench:
    progress = Progress(out=(folder / "said").open("w"))
    with progress.step("one"), progress.step("two"):
        progress.say("hello")
    return Bench(Order(Firmware.UEFI, Path("/x/rescue.iso"), folder), folder, folder / "logs", Accel.TCG, progress)


def test_a_passed_drill(tmp_path: Path) -> None:
    (tmp_path / "lifeboat-logs").mkdir()
    (tmp_path / "lifeboat-logs/plan.txt").write_text("wipe <everything> & more")
    (tmp_path / "events.jsonl").write_text(
        AgentEvent(1.0, 1, "rebuild", State.FINISHED, "Rebuild the disks", seconds=12.34).line() + "\n")
    page = Page()
    page.feed(leave_evidence(bench(tmp_path), GOOD).read_text("utf-8"))
    for words in ("DRILL PASSED uefi", "fine", "wipe <everything> & more", "Rebuild the disks", "12.3", "/var/log"):
        assert words in page.text
    assert page.loads == []
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["passed"] is True and len(report["checks"]) == 2
    timeline = json.loads((tmp_path / "timeline.json").read_text())
    assert [step["title"] for step in timeline["steps"]] == ["one", "two"]
    assert timeline["rescue"][0]["step"] == "rebuild"


def test_a_drill_that_ended_early_still_leaves_a_page(tmp_path: Path) -> None:
    page = Page()
    page.feed(leave_evidence(bench(tmp_path), Verdict(Firmware.UEFI, (), 3.0, "<no> medium")).read_text("utf-8"))
    assert "DRILL FAILED" in page.text and "<no> medium" in page.text and "did not get this far" in page.text


MACHINE = SystemInformation(
    version=Version("$SIF$", "2.0", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", 1, 1),
    system=System("web01", "web01", Firmware.UEFI, "x86_64", Ref("root"), Ref("root")),
    disks=(Disk("d0", DiskRole.CRITICAL, 1 << 30, 512, 512, TableType.GPT),
           Disk("d1", DiskRole.DATA, 1 << 30, 512, 512, TableType.GPT)),
    partitions=(Partition("d0p2", Ref("d0"), 2, 1 << 20, 1 << 20, "t"),
                Partition("d0p1", Ref("d0"), 1, 0, 1 << 20, "t")),
    pvs=(PhysicalVolume("pv0", Ref("d0p2"), "u", 1 << 20, 100),),
    vgs=(VolumeGroup("vg", "vg0", "u", 4 << 20, (Ref("pv0"),)),),
    lvs=(LogicalVolume("lv", Ref("vg"), "root", "u", LvType.LINEAR, 50, ("pv0:25:50",)),),
    filesystems=(FileSystem("root", Ref("lv"), FsType.EXT4, "u", mount="/"),))


def test_the_disk_picture_shows_what_lies_where() -> None:
    disk, volumes = disk_bars(MACHINE)
    assert [(block.x, block.width, block.label) for block in disk.blocks] == [(0.0, 50.0, "1 "), (50.0, 50.0, "2 LVM")]
    assert [(block.x, block.width, block.label) for block in volumes.blocks] == [(25.0, 50.0, "root ext4 /")]


def test_time_bars_share_one_scale() -> None:
    bars = time_bars((Span("a", 100.0, 110.0), Span("b", 105.0, 120.0, ok=False, note="broke")))
    assert [(bar.blocks[0].x, bar.blocks[0].width, bar.blocks[0].kind) for bar in bars] == [
        (0.0, 50.0, "step"), (25.0, 75.0, "failed")]
    assert time_bars(()) == ()


def test_numbers_for_people() -> None:
    assert [spell(1.25), spell(61.0), spell(600.4)] == ["1.2 s", "1 min 1 s", "10 min 0 s"]
    assert [spell_bytes(9), spell_bytes(1536), spell_bytes(5 << 40)] == ["9 B", "1.5 KiB", "5.0 TiB"]


def test_a_failed_step_is_in_the_timeline(tmp_path: Path) -> None:
    progress = Progress(out=(tmp_path / "said").open("w"))
    with pytest.raises(ValueError, match="why"), progress.step("bad"):
        raise ValueError("why\nmore")
    assert [(span.title, span.ok, span.note) for span in progress.spans] == [("bad", False, "why")]
