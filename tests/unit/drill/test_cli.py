"""The command line of the drills."""

from __future__ import annotations

from pathlib import Path

import pytest

from drill.cli import main, parser
from drill.plan import Order
from drill.progress import Progress
from drill.run import prepare_folder, run_drill
from sif.errors import Exit, LifeboatError
from sif.model import Firmware


def test_run_all_takes_a_list_of_firmwares() -> None:
    arguments = parser().parse_args(["run-all", "--firmware", "bios,uefi,bios", "--iso", "x", "--evidence", "y"])
    assert arguments.firmware == (Firmware.BIOS, Firmware.UEFI)


@pytest.mark.parametrize("argv", [[], ["run"], ["run", "--firmware", "coreboot", "--iso", "x", "--evidence", "y"],
                                  ["run-all", "--firmware", "bios,x", "--iso", "x", "--evidence", "y"]])
def test_wrong_usage(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(argv)
    assert stop.value.code == Exit.USAGE
    assert "usage: drill" in capsys.readouterr().err


def test_without_an_iso_the_drill_fails_at_once_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("drill.run.have", lambda tool: True)
    verdict = run_drill(Order(Firmware.BIOS, tmp_path / "no.iso", tmp_path / "evidence"), Progress())
    assert not verdict.passed and verdict.error is not None and "there is no rescue ISO" in verdict.error
    assert (tmp_path / "evidence/index.html").is_file()
    assert not list((tmp_path / "cache/drill").glob("run-*"))
    assert "DRILL FAILED bios" in capsys.readouterr().err


def test_a_folder_with_other_things_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(LifeboatError, match="holds something else"):
        prepare_folder(tmp_path)
    assert (tmp_path / "thesis.txt").exists()


def test_run_all_shows_the_verdict_of_every_drill(tmp_path: Path, capfd: pytest.CaptureFixture[str],
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sys.stderr", (tmp_path / "said").open("w"))
    status = main(["run-all", "--iso", str(tmp_path / "no.iso"), "--evidence", str(tmp_path / "evidence")])
    assert status == Exit.DRILL_FAILED
    lines = capfd.readouterr().out.splitlines()
    assert [line.split(" in ")[0] for line in lines] == ["DRILL FAILED bios", "DRILL FAILED uefi"]
    assert (tmp_path / "evidence/bios/index.html").is_file() and (tmp_path / "evidence/uefi/index.html").is_file()
