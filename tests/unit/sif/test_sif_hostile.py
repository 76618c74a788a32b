"""Hostile sets are refused with exactly the errors of the table, all of them at once, and nothing is written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hostile_table import BASE, Case, cases

from sif.cli import main
from sif.errors import Exit
from sif.problems import SifRejected
from sif.reader import load_set
from sif.writer import write_text


def test_the_set_that_all_cases_begin_with_is_sound_and_canonical() -> None:
    loaded = load_set(BASE)
    assert loaded.warnings == ()
    texts = "".join((BASE / name).read_text(encoding="utf-8") for name in ("dr_state.sif", "commands.sif"))
    assert all(line in texts for line in write_text(loaded.info.records()).split("\n"))


def test_the_table_is_a_table() -> None:
    names = [case.name for case in cases()]
    assert len(set(names)) == len(names) >= 80


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.source}: {case.name}")
def test_a_hostile_set_is_refused_with_exactly_these_problems(case: Case, tmp_path: Path) -> None:
    case.lay_out(tmp_path / "set")
    before = listing(tmp_path)
    with pytest.raises(SifRejected) as caught:
        load_set(tmp_path / "set" / "dr_state.sif")
    found = [f"{problem.where} {problem.what}".replace(f"{tmp_path}/set/", "") for problem in caught.value.problems]
    assert caught.value.code is Exit[case.spec["code"]]
    if "count" in case.spec:
        assert (len(found), found[-1]) == (case.spec["count"], case.spec["last"])
        found = found[:len(case.spec["problems"])]
    assert found == case.spec["problems"]
    assert listing(tmp_path) == before


def listing(directory: Path) -> "list[tuple[str, int, int]]":
    return sorted((str(path), os.lstat(path).st_size, os.lstat(path).st_mtime_ns) for path in directory.rglob("*"))


def test_a_secret_in_clear_is_in_no_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [case for case in cases() if "secret in clear" in case.name]
    assert len(bad) == 2
    for number, case in enumerate(bad):
        case.lay_out(tmp_path / str(number))
        assert main(["check", str(tmp_path / str(number))]) == Exit.SIF_SYNTAX
        shown = "".join(capsys.readouterr())
        assert "password" in shown or "text after the end" in shown
        assert "hunter2" not in shown
        assert "horse" not in shown
        assert "battery" not in shown


def test_a_password_in_an_address_is_in_no_message(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = [case for case in cases() if "a password in a" in case.name]
    assert len(bad) == 2
    for number, case in enumerate(bad):
        case.lay_out(tmp_path / str(number))
        assert main(["check", str(tmp_path / str(number))]) == Exit.SIF_INVALID
        shown = "".join(capsys.readouterr())
        assert "secretfile" in shown
        assert "hunter2" not in shown


def test_what_is_shown_of_a_hostile_file_is_safe_for_a_terminal(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, case in enumerate(cases()):
        case.lay_out(tmp_path / str(number))
        main(["check", str(tmp_path / str(number) / "dr_state.sif")])
        shown = "".join(capsys.readouterr())
        assert all(char == "\n" or char.isprintable() for char in shown), case.name
        assert len(shown) < 20000
