"""``sif plan`` and ``sif check --on``: the planner on the healthy machine, as text, picture, JSON and exit code."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Tuple

import pytest
from planner_cases import mirror, plain
from planner_machines import GIB, itself, machine, present, server

from rescue.hardware import PresentDisk
from rescue.plan_view import coloured
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.codec import dump_hardware, load_plan
from rescue.planner.command import answer
from rescue.planner.compare import comparison
from rescue.planner.spare import hardware_of
from sif import pack, planning
from sif.cli import main
from sif.errors import Exit
from sif.model import Command, Firmware, Phase, Ref
from sif.writer import write_set


@pytest.fixture
def saved(tmp_path: Path) -> str:
    write_set(server(), tmp_path / "set", {})
    return str(tmp_path / "set")


@pytest.fixture
def spare(tmp_path: Path) -> str:
    """A machine with one disk for everything, larger than both of the saved ones."""
    path = tmp_path / "spare.json"
    path.write_text(dump_hardware(machine(present("nvme0n1", 16 * GIB, serial="NEW"))), "utf-8")
    return str(path)


def test_a_healthy_machine_s_set_restores_exactly_on_itself(saved: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", saved, "--on", "itself"]) == 0
    assert "on itself: would restore exactly as saved" in capsys.readouterr().out


def test_a_spare_is_answered_with_what_would_be_asked(saved: str, spare: str,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", saved, "--on", "itself", "--on", spare]) == 0
    shown = capsys.readouterr().out
    assert f"on {spare}: would restore with" in shown
    assert "would ask: d1 [disks-merged]" in shown and "disk-larger" in shown


def test_the_secrets_that_would_be_asked_for_are_listed() -> None:
    saved = replace(mirror(), commands=(Command("2000", Phase.RESTORE, "tar", "All", (
        "restore", "--key", "${secretfile:backup}"), volumes=(Ref("root"),)),))
    good, text = answer(saved, hardware_of(saved))
    assert good and "would ask: the secret `backup`" in text and "would ask: the secret `luks-crypt`" in text
    assert "would ask" not in answer(plain(), hardware_of(plain()))[1]


@pytest.mark.parametrize(("disks", "code", "words"), [
    ((present("sda", 20 * GIB), present("sdb", 20 * GIB)), 0, "--map d0=sda or --map d0=sdb"),
    ((present("sda", 1 * GIB),), Exit.NO_PLAN, "would not restore"),
])
def test_what_stands_in_the_way_is_said(saved: str, tmp_path: Path, disks: Tuple[PresentDisk, ...], code: int,
                                        words: str, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.json"
    path.write_text(dump_hardware(machine(*disks)), "utf-8")
    assert main(["check", saved, "--on", str(path)]) == code
    assert words in capsys.readouterr().out


def test_a_set_of_another_machine_describes_a_spare(saved: str, tmp_path: Path,
                                                    capsys: pytest.CaptureFixture[str]) -> None:
    write_set(replace(plain(), disks=tuple(replace(d, size_bytes=16 * GIB) for d in plain().disks)),
              tmp_path / "other", {})
    assert main(["plan", saved, "--on", str(tmp_path / "other")]) == 0
    assert "d0 -> /dev/d0  16.0 GiB" in capsys.readouterr().out


def test_the_plan_comes_as_text_json_and_page(saved: str, spare: str, tmp_path: Path,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "plan.html"
    assert main(["plan", saved, "--on", spare, "--html", str(page)]) == 0
    text = capsys.readouterr().out
    assert "d0: size 8.0 GiB then, 16.0 GiB now" in text and "disks-merged" in text
    shown = page.read_text("utf-8")
    assert "<svg" in shown and "disks-merged" in shown and "http" not in shown.replace("http://www.w3.org/2000/svg", "")
    assert main(["plan", saved, "--on", spare, "--json"]) == 0
    plan = load_plan(capsys.readouterr().out)
    assert plan.target is not None and [m.name for m in plan.matches] == ["nvme0n1"]


@pytest.mark.parametrize(("arguments", "code"), [
    (("--map", "d0=vdz"), Exit.NO_PLAN), (("--on", "/nowhere"), Exit.USAGE), (("--fit", "fail"), Exit.NO_PLAN),
    (("--html", "/nowhere/plan.html"), Exit.USAGE), (("--replica", "web02"), Exit.NO_PLAN),
])
def test_what_cannot_be_answered_has_its_exit_code(saved: str, spare: str, arguments: Tuple[str, ...], code: Exit,
                                                   capsys: pytest.CaptureFixture[str]) -> None:
    on = () if "--on" in arguments or "--replica" in arguments else ("--on", spare)
    assert main(["plan", saved, *on, *arguments]) == code
    assert capsys.readouterr().out == ""


def test_a_machine_needs_a_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--on", "itself"]) == Exit.USAGE


def test_the_operator_s_decisions_reach_the_planner(saved: str, spare: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", saved, "--on", spare, "--map", "d1=none", "--accept", "disk-missing", "--grow", "named",
                 "--grow-volume", "root", "--json"]) == 0
    found = {(a["code"], a["subject"]): a["consent"] for a in json.loads(capsys.readouterr().out)["adjustments"]}
    assert found[("disk-missing", "d1")] is False and ("lv-grown", "lvroot") in found


def test_bars_are_coloured_and_nothing_else_changes(saved: str, spare: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", saved, "--on", spare]) == 0
    plain_text = capsys.readouterr().out
    assert "\x1b" not in plain_text
    assert main(["plan", saved, "--on", spare, "--color", "always"]) == 0
    colour = capsys.readouterr().out
    assert "\x1b[48;5;" in colour and re.sub(r"\x1b\[[0-9;]*m", "", colour) == plain_text
    assert coloured("no bar") == "no bar"


def test_what_differs_is_said_before_the_plan() -> None:
    saved = replace(plain(), system=replace(plain().system, ram_bytes=64 * GIB))
    here = replace(machine(present("vda", 9 * GIB)), firmware=Firmware.BIOS, ram_bytes=16 * GIB)
    lines = comparison(saved, here, plan_restore(saved, here, RestorePolicy()))
    assert [line.split(":")[0] for line in lines] == ["firmware", "memory", "d0"]
    assert comparison(server(), machine(*itself()), plan_restore(server(), machine(*itself()), RestorePolicy())) == ()


def test_what_depends_on_memory_and_display_is_named_where_there_is_less() -> None:
    base = plain()
    assert base.boot is not None
    saved = replace(base, system=replace(base.system, ram_bytes=64 * GIB, cpu_threads=16, video=("pci:v1 mgag200",)),
                    boot=replace(base.boot, cmdline="root=/dev/x crashkernel=512M hugepages=20000 nomodeset quiet"))
    disks = machine(present("vda", serial="SERd0"))
    less = replace(disks, ram_bytes=16 * GIB, cpu_threads=4, video=("pci:v2",))
    lines = plan_restore(saved, less, RestorePolicy()).differs
    assert [line.split(":")[0] for line in lines] == ["memory", "processors", "display"]
    assert "`crashkernel=512M hugepages=20000` of the kernel's command line" in lines[0]
    assert "pci:v1 then, pci:v2 now" in lines[2] and "nomodeset" in lines[2]
    for same in (replace(disks, ram_bytes=64 * GIB, cpu_threads=32, video=("pci:v1", "pci:v2")), disks):
        assert plan_restore(saved, same, RestorePolicy()).differs == ()


def test_the_one_file_has_the_planner(saved: str, tmp_path: Path) -> None:
    made = tmp_path / "sif.pyz"
    assert pack.main([str(made)]) == 0
    ran = subprocess.run([sys.executable, "-I", str(made), "plan", saved], capture_output=True, text=True,
                         cwd=tmp_path, check=False)
    assert ran.returncode == 0 and "d0 -> /dev/d0" in ran.stdout, ran.stderr


def test_without_the_planner_it_is_said(saved: str, monkeypatch: pytest.MonkeyPatch,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(planning, "PLANNER", "rescue.planner.nowhere")
    assert main(["plan", saved]) == Exit.TOOL_MISSING
    assert "rescue plan" in capsys.readouterr().err


def test_the_described_machine_keeps_its_data_disks() -> None:
    assert all(disk.blank for disk in hardware_of(server()).disks)
