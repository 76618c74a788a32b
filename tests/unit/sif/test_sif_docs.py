"""The specification says what the code does."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from sif import docs
from sif.cli import main
from sif.codec import schemas
from sif.errors import Exit
from sif.parse import parse_document, parse_text
from sif.problems import SifSetBroken
from sif.reader import read_set
from sif.signature import NAMESPACE, SignatureInvalid, SignatureMissing, SignerRefused
from sif.writer import write_text


def page() -> str:
    return docs.PAGE.read_text(encoding="utf-8")


def example() -> str:
    found = re.search(r"```sif\n(.*?)```", page(), re.DOTALL)
    assert found
    return found.group(1)


def test_the_generated_parts_are_up_to_date() -> None:
    assert docs.main(["--check"]) == Exit.OK
    assert all(f"<!-- generated: {name} -->" in page() for name in docs.PARTS)


def test_a_change_is_noticed() -> None:
    harmed = page().replace("| `set_id` |", "| `setid` |")
    assert harmed != page()
    assert docs.render(harmed) == page()


def test_the_example_is_a_sound_set_in_canonical_form(tmp_path: Path) -> None:
    (tmp_path / "dr_state.sif").write_text(example(), encoding="utf-8")
    info = read_set(tmp_path)
    assert write_text(info.records()) == example()


def test_the_example_of_every_key_is_a_value_of_it() -> None:
    head = ('[VERSION]\nsignature = "$SIF$"\nformat = 2.0\nset_id = 5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11\n'
            'part = 1\nparts = 1\n')
    for schema in schemas().values():
        if schema.kind == "VERSION":
            continue
        keys = "".join(f"{key.name} = {key.info.example}\n" for key in schema.keys)
        header = f"[{schema.kind} 1]" if schema.has_id else f"[{schema.kind}]"
        assert parse_text(f"{head}{header}\n{keys}", schema.kind)[1] == ()


def test_every_number_that_is_a_size_or_a_place_says_its_unit() -> None:
    units = {(schema.kind, key.name): key.info.unit for schema in schemas().values() for key in schema.keys
             if re.search(r"(_bytes|_size|sectors?|_lba|extents|_s|_bits)$", key.name) and key.base is int}
    assert len(units) > 30
    assert [name for name, unit in units.items() if not unit and name[1] != "fat_bits"] == []


def test_the_page_has_what_an_implementer_needs() -> None:
    for heading in ("Text", "Types", "Canonical form", "Versions", "Sections", "Commands", "Catalog", "Signature",
                    "Secrets", "Editing", "Error codes", "What the checks refuse", "Example"):
        assert re.search(rf"^##+ {heading}$", page(), re.MULTILINE), heading
    for schema in schemas().values():
        assert f"### `[{schema.kind}{' id' if schema.has_id else ''}]`" in page()


def test_the_edits_of_the_page_are_edits(tmp_path: Path) -> None:
    (tmp_path / "dr_state.sif").write_text(example(), encoding="utf-8")
    lines = re.findall(r"^sif (edit) /media/stick/web01 (.*)$", page(), re.MULTILINE)
    assert len(lines) == 4
    for command, words in lines:
        assert main([command, str(tmp_path), *shlex.split(words)]) == Exit.OK
    assert read_set(tmp_path).policy.intact.value == "keep"


def test_the_fragments_of_the_vendor_guide_are_fragments() -> None:
    guide = (docs.PAGE.parent / "vendor-guide.md").read_text(encoding="utf-8")
    found = re.findall(r"```\n(\[STORE .*?)```", guide, re.DOTALL)
    assert len(found) == 2
    for fragment in found:
        assert parse_document(fragment, "guide", fragment=True).problems == ()


def test_the_page_says_how_a_set_is_signed() -> None:
    assert page().count(f"-n {NAMESPACE}") == 2
    for error in (SifSetBroken, SignatureMissing, SignatureInvalid, SignerRefused):
        assert f"`{error.code.name}`" in page()
