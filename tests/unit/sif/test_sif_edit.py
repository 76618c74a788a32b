"""Edits change what is meant and nothing else, keep the set whole, and refuse before they write."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import List

import pytest
from hypothesis import given, settings, strategies as st
from sif_samples import machine

from sif.cli import main
from sif.codec import schemas
from sif.edit import EditRefused, add_section, remove_section, set_key, unset_key
from sif.errors import Exit
from sif.media import MANIFEST, SIGNATURE, manifest_text, sha256_hex
from sif.reader import load_set, read_set
from sif.text import lex
from sif.writer import write_set, write_text

COMMENTED = """; a machine of the tests
[A one]   ; behind a header
k = 1     ; behind a value
  spaced   =  [ x ,"y" ]   ; a list

; above B
[B]
  k="a;b"
"""


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A set with comments, a vendor's section, and something like a signature."""
    directory = tmp_path / "web01"
    write_set(machine(), directory, {})
    state = directory / "dr_state.sif"
    text = state.read_text(encoding="utf-8").replace("[POLICY]\n", "; ours\n[POLICY] ; policy\n")
    state.write_text(text + '\n; a tape\n[X-ACME.TAPE t1]\nslot = 4 ; four\nlabel = "A 7"\n', encoding="utf-8")
    seal(directory)
    (directory / SIGNATURE).write_text("-----BEGIN SSH SIGNATURE-----\n", encoding="ascii")
    return directory


def seal(directory: Path) -> None:
    files = {path.name: path.read_bytes() for path in directory.iterdir() if path.name not in (MANIFEST, SIGNATURE)}
    (directory / MANIFEST).write_text(manifest_text(files), encoding="utf-8")


def changed_lines(before: str, after: str) -> List[str]:
    return [line for line in difflib.ndiff(before.splitlines(), after.splitlines()) if line[0] in "+-"]


@pytest.mark.parametrize(("section", "key", "value", "changed"), [
    ("A one", "k", "2", ["- k = 1     ; behind a value", "+ k = 2     ; behind a value"]),
    ("A one", "spaced", "[]", ['-   spaced   =  [ x ,"y" ]   ; a list', "+   spaced   =  []   ; a list"]),
    ("B", "k", '"c"', ['-   k="a;b"', '+   k="c"']),
    ("A one", "new", "7", ["+ new = 7"]),
])
def test_setting_a_key_changes_its_value_only(section: str, key: str, value: str, changed: List[str]) -> None:
    kind, _, ident = section.partition(" ")
    assert changed_lines(COMMENTED, set_key(COMMENTED, kind, ident, key, value)) == changed


def test_a_new_key_of_a_known_kind_comes_where_the_canonical_order_has_it() -> None:
    text = "[POLICY]\nmode = drill ; x\noverwrite = any\n"
    assert set_key(text, "POLICY", "", "fit", "fail") == "[POLICY]\nmode = drill ; x\nfit = fail\noverwrite = any\n"


def test_removing_and_adding_leaves_the_rest_as_it_was() -> None:
    assert changed_lines(COMMENTED, unset_key(COMMENTED, "A", "one", "k")) == ["- k = 1     ; behind a value"]
    behind = COMMENTED[COMMENTED.index("; above"):]
    assert remove_section(COMMENTED, "A", "one") == "; a machine of the tests\n" + behind
    added = add_section(COMMENTED, "DISK", "d9")
    assert changed_lines(COMMENTED, added) == ["+ [DISK d9]", "+ "]
    assert remove_section(added, "DISK", "d9") == COMMENTED


@pytest.mark.parametrize("edit", [
    lambda: set_key(COMMENTED, "A", "two", "k", "1"),
    lambda: unset_key(COMMENTED, "A", "one", "nope"),
    lambda: remove_section(COMMENTED, "B", "b"),
    lambda: add_section(COMMENTED, "B", ""),
])
def test_what_is_not_there_is_not_edited(edit: object) -> None:
    assert callable(edit)
    with pytest.raises(EditRefused):
        edit()


@settings(max_examples=60)
@given(st.data())
def test_setting_every_key_to_what_it_is_gives_the_same_bytes(data: st.DataObject) -> None:
    text = write_text(machine().records())
    section = data.draw(st.sampled_from(lex(text, "t")[0]))
    entry = data.draw(st.sampled_from(section.entries)) if section.entries else None
    if entry is not None:
        line = text.split("\n")[entry.line - 1]
        value = line[entry.value_column - 1:entry.end_column - 1]
        assert set_key(text, section.kind, section.ident, entry.key, value) == text
        without = unset_key(text, section.kind, section.ident, entry.key)
        assert set_key(without, section.kind, section.ident, entry.key, value) == text


def test_an_edit_of_the_first_part_keeps_comments_and_vendors_sections(medium: Path) -> None:
    before = (medium / "dr_state.sif").read_text(encoding="utf-8")
    assert main(["edit", str(medium), "POLICY", "intact=keep"]) == Exit.OK
    after = (medium / "dr_state.sif").read_text(encoding="utf-8")
    assert changed_lines(before, after) == ["+ intact = keep"]
    loaded = load_set(medium)
    assert loaded.info.policy.intact.value == "keep"
    assert [(found.kind, found.id, found.entries) for found in loaded.info.foreign] == [
        ("X-ACME.TAPE", "t1", (("label", '"A 7"'), ("slot", "4")))]


def test_an_edit_of_another_part_renews_its_digest_and_drops_the_signature(
        medium: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["edit", str(medium), "COMMAND", "2000", "timeout_s=60", "title=Bring it back", "--unset",
                 "env"]) == Exit.OK
    assert "its signature was removed" in capsys.readouterr().err
    assert not (medium / SIGNATURE).exists()
    assert sha256_hex((medium / "commands.sif").read_bytes()) in (medium / "dr_state.sif").read_text(encoding="utf-8")
    command = read_set(medium).commands[0]
    assert (command.timeout_s, command.title, command.env) == (60, "Bring it back", ())


def test_sections_are_added_and_removed(medium: Path) -> None:
    assert main(["edit", str(medium), "STORE", "second", "kind=tar", "location=/b c", "--add"]) == Exit.OK
    assert [store.location for store in read_set(medium).stores] == ["/restic", "/b c"]
    assert "[STORE second]" in (medium / "commands.sif").read_text(encoding="utf-8")
    assert main(["edit", str(medium), "STORE", "second", "--remove"]) == Exit.OK
    assert main(["edit", str(medium), "X-ACME.TAPE", "t1", "--remove"]) == Exit.OK
    assert load_set(medium).info.foreign == ()


@pytest.mark.parametrize(("arguments", "code"), [
    (["SYSTEM", "web01", "root_fs=nope"], Exit.SIF_INVALID),
    (["DISK", "d0", "--remove"], Exit.SIF_INVALID),
    (["DISK", "d0", "--unset", "role"], Exit.SIF_SYNTAX),
    (["DISK", "d0", "colour=red"], Exit.SIF_SYNTAX),
    (["VERSION", "set_id=00000000-0000-4000-8000-000000000000"], Exit.SIF_SET_BROKEN),
    (["VERSION", 'requires=["warp"]'], Exit.SIF_UNSUPPORTED),
    (["DISK", "d0", "size_bytes=1G"], Exit.USAGE),
    (["DISK", "d0", "role=useless"], Exit.USAGE),
    (["POLICY", "mode=drill recover"], Exit.USAGE),
    (["DISK", "d7", "role=data"], Exit.USAGE),
    (["DISK", "d0"], Exit.USAGE),
    (["DISK", "d0", "role=data", "more"], Exit.USAGE),
    (["DISK", "d0", "role=data", "--remove"], Exit.USAGE),
    (["DISK", "d0", "role\n[DISK d9]=data"], Exit.USAGE),
    (["X-ACME.TAPE", "t1", "slot=4\n[DISK d9]"], Exit.USAGE),
    (["STORE", "s3", "password=hunter2"], Exit.USAGE),
])
def test_an_edit_that_would_break_the_set_is_refused_and_nothing_is_written(
        medium: Path, arguments: List[str], code: Exit) -> None:
    before = {path.name: path.read_bytes() for path in medium.iterdir()}
    assert main(["edit", str(medium), *arguments]) == code
    assert {path.name: path.read_bytes() for path in medium.iterdir()} == before


def test_a_set_that_was_altered_is_not_edited(medium: Path) -> None:
    with (medium / "commands.sif").open("a", encoding="utf-8") as stream:
        stream.write("; x\n")
    assert main(["edit", str(medium), "POLICY", "intact=keep"]) == Exit.SIF_SET_BROKEN


def test_an_edit_may_repair_a_set_that_contradicts_itself(medium: Path) -> None:
    state = (medium / "dr_state.sif").read_text(encoding="utf-8")
    (medium / "dr_state.sif").write_text(state.replace("root_fs = root", "root_fs = roof"), encoding="utf-8")
    seal(medium)
    assert main(["check", str(medium)]) == Exit.SIF_INVALID
    assert main(["edit", str(medium), "SYSTEM", "web01", "root_fs=root"]) == Exit.OK
    assert main(["check", str(medium)]) == Exit.OK


def test_a_set_of_one_file_without_a_manifest_is_edited_too(tmp_path: Path) -> None:
    text = write_text(machine().records()).replace("parts = 2", "parts = 1")
    (tmp_path / "dr_state.sif").write_text(text, encoding="utf-8")
    assert main(["edit", str(tmp_path / "dr_state.sif"), "SYSTEM", "web01", "locale=C.UTF-8"]) == Exit.OK
    assert read_set(tmp_path).system.locale == "C.UTF-8"
    assert [path.name for path in tmp_path.iterdir()] == ["dr_state.sif"]


def test_every_kind_has_a_place_in_the_order_of_sections() -> None:
    text = "".join(f"[{kind} 1]\n\n" if schema.has_id else f"[{kind}]\n\n" for kind, schema in schemas().items())
    for kind, schema in schemas().items():
        ident = "1" if schema.has_id else ""
        assert add_section(remove_section(text, kind, ident), kind, ident).split() == text.split()
