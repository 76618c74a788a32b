"""``rescue plan``: from a set on disk and a hardware file to text, JSON and exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple

import pytest
from planner_machines import itself, machine, present, server

from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.cli import main
from rescue.planner.codec import dump_hardware, load_plan
from sif.errors import Exit
from sif.reader import read_set
from sif.writer import write_set


@pytest.fixture
def saved(tmp_path: Path) -> str:
    write_set(server(), tmp_path / "set", {})
    return str(tmp_path / "set" / "dr_state.sif")


@pytest.fixture
def hardware(tmp_path: Path) -> str:
    path = tmp_path / "hardware.json"
    path.write_text(dump_hardware(machine(*itself())), "utf-8")
    return str(path)


def test_the_plan_as_text(saved: str, hardware: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([saved, "--hardware", hardware]) == 0
    assert "d0 -> /dev/vda" in capsys.readouterr().out


def test_the_plan_as_json(saved: str, hardware: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([saved, "--hardware", hardware, "--json"]) == 0
    wanted = plan_restore(read_set(Path(saved)), machine(*itself()), RestorePolicy())
    assert load_plan(capsys.readouterr().out) == wanted


@pytest.mark.parametrize(("arguments", "code"), [
    (("--map", "d0=vdz"), Exit.NO_PLAN), (("--map", "d0"), Exit.USAGE), (("--hardware", "/nowhere"), Exit.USAGE),
])
def test_what_fails_says_why_on_stderr(saved: str, hardware: str, arguments: Tuple[str, ...], code: Exit,
                                       capsys: pytest.CaptureFixture[str]) -> None:
    assert main([saved, "--hardware", hardware, *arguments]) == code
    shown = capsys.readouterr()
    assert shown.out == "" and arguments[-1].partition("=")[2] in shown.err


def test_a_tie_is_answered_by_the_map(saved: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = itself()
    path = tmp_path / "spares.json"
    path.write_text(dump_hardware(machine(present("sda"), present("sdb"), second)), "utf-8")
    assert main([saved, "--hardware", str(path)]) == Exit.NO_PLAN
    assert "--map d0=sdb" in capsys.readouterr().err
    assert main([saved, "--hardware", str(path), "--map", "d0=sdb"]) == 0
    assert "d0 -> /dev/sdb" in capsys.readouterr().out
