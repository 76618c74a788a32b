"""Vendors' sections and what a newer minor version adds: kept, shown, compared, and without any effect."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
from sif_samples import machine

from sif.capture.vendor import with_vendor_sections
from sif.check import check
from sif.cli import main
from sif.diff import diff
from sif.errors import Exit
from sif.foreign import Foreign
from sif.media import MANIFEST
from sif.parse import parse_document
from sif.problems import SifRejected
from sif.reader import load_set
from sif.writer import render_set, write_set, write_text

TAPE = Foreign("X-ACME.TAPE", "t1", (("changer", '["a b", 2]'), ("slot", "4")))


def newer() -> str:
    """A set of one part in a format of tomorrow."""
    text = write_text(machine().records()).replace("format = 2.0", "format = 2.7").replace("parts = 2", "parts = 1")
    return text.replace("role = critical\n", "role = critical\nspin = [1, \"x y\"]\n", 1).replace(
        "[POLICY]", "[HOLOGRAM h1]\ndepth = 3 ; deep\n\n[POLICY]\nmood = good")


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    (tmp_path / "dr_state.sif").write_text(newer() + "\n[X-ACME.TAPE t1]\nslot = 4\nchanger = [ \"a b\",2 ]\n",
                                           encoding="utf-8")
    return tmp_path


def test_what_is_unknown_warns_and_is_kept_when_the_set_is_written_again(medium: Path, tmp_path: Path) -> None:
    loaded = load_set(medium)
    assert [warning.what for warning in loaded.warnings] == [
        "no such kind of section: HOLOGRAM", "[POLICY] has no key mood", "[DISK] has no key spin"]
    assert loaded.info.foreign == (
        Foreign("DISK", "d0", (("spin", '[1, "x y"]'),), whole=False),
        Foreign("HOLOGRAM", "h1", (("depth", "3"),)), Foreign("POLICY", "", (("mood", "good"),), whole=False), TAPE)
    write_set(loaded.info, tmp_path / "again", {})
    again = load_set(tmp_path / "again")
    assert again.info.foreign == loaded.info.foreign
    assert again.info.version.format == "2.7"
    text = (tmp_path / "again" / "dr_state.sif").read_text(encoding="utf-8")
    assert text.endswith('\n[HOLOGRAM h1]\ndepth = 3\n\n[X-ACME.TAPE t1]\nchanger = ["a b", 2]\nslot = 4\n')
    assert 'device = "vda"\nspin = [1, "x y"]\n' in text
    assert render_set(again.info, {}) == render_set(loaded.info, {})


def test_a_vendors_section_needs_no_newer_version_and_changes_nothing_else() -> None:
    info = dataclasses.replace(machine(), foreign=(TAPE,))
    assert check(info) == ()
    assert info.records() == machine().records()
    assert info.find("X-ACME.TAPE", "t1") is None
    document = parse_document(write_text(info.records(), info.foreign), "t")
    assert (document.problems, document.foreign) == ((), (TAPE,))


def test_unknown_keys_of_a_section_that_is_gone_are_gone() -> None:
    keys = Foreign("NIC", "gone", (("k", "v"),), whole=False)
    assert write_text(machine().records(), (keys,)) == write_text(machine().records())


def test_show_has_them_as_text_and_as_json(medium: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(medium)]) == Exit.OK
    shown = capsys.readouterr()
    assert "[X-ACME.TAPE t1]" in shown.out
    assert "mood = good" in shown.out
    assert "warning: " in shown.err
    assert main(["show", "--json", str(medium)]) == Exit.OK
    content = json.loads(capsys.readouterr().out)
    assert content["X-ACME.TAPE"] == [{"id": "t1", "changer": '["a b", 2]', "slot": "4"}]
    assert content["POLICY"][0]["mood"] == "good"


def test_diff_compares_them_but_not_as_identity() -> None:
    other = dataclasses.replace(TAPE, entries=(("slot", "5"),))
    before = dataclasses.replace(machine(), foreign=(TAPE,))
    assert [str(found) for found in diff(before, dataclasses.replace(machine(), foreign=(other,)), False)] == [
        '[X-ACME.TAPE t1] changer: ["a b", 2] -> (none)', "[X-ACME.TAPE t1] slot: 4 -> 5"]
    assert [str(found) for found in diff(before, machine(), False)] == ["[X-ACME.TAPE t1] only in the first"]
    assert diff(before, machine(), True) == ()


def test_a_capture_takes_vendors_sections_from_the_providers_fragments(tmp_path: Path) -> None:
    store = "[STORE s]\nkind = tar\nlocation = x\n"
    (tmp_path / "a.sif").write_text(store + "[X-ACME.TAPE t1]\nslot = 4\nchanger = [\"a b\", 2]\n", encoding="utf-8")
    (tmp_path / "b.sif").write_text("[X-ACME.TAPE t2]\n", encoding="utf-8")
    (tmp_path / "not-a-fragment").write_text("[X-ACME.TAPE t3]\n", encoding="utf-8")
    assert with_vendor_sections(machine(), tmp_path).foreign == (TAPE, Foreign("X-ACME.TAPE", "t2", ()))
    assert with_vendor_sections(machine(), tmp_path / "none") == machine()
    (tmp_path / "b.sif").write_text("; b\n[X-ACME.TAPE T1]\n", encoding="utf-8")
    with pytest.raises(SifRejected) as caught:
        with_vendor_sections(machine(), tmp_path)
    assert [problem.where for problem in caught.value.problems] == [f"{tmp_path}/b.sif:2:1"]


def test_a_set_of_several_parts_has_them_once(tmp_path: Path) -> None:
    write_set(dataclasses.replace(machine(), foreign=(TAPE,)), tmp_path, {})
    texts = [path.read_text(encoding="utf-8") for path in tmp_path.iterdir() if path.name != MANIFEST]
    assert sum(text.count("[X-ACME.TAPE t1]") for text in texts) == 1
    assert load_set(tmp_path).info.foreign == (TAPE,)
