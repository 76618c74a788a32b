"""The example in docs/importers.md does what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sif.cli import main
from sif.convert import Note
from sif.convert.rear_layer_lines import LAYER_PARSERS
from sif.convert.rear_lines import FOREIGN
from sif.errors import Exit
from sif.reader import DEFAULT_NAME

PAGE = Path(__file__).resolve().parents[3] / "docs" / "importers.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found, language
    return found.group(1)


def test_the_example_works_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    Path("disklayout.conf").write_text(block("conf"), encoding="utf-8")
    prompt, program, *arguments = shlex.split(block("console"))
    assert (prompt, program) == ("$", "sif")
    assert main(arguments) == Exit.OK
    assert capsys.readouterr().err == block("text")
    assert Path("out", DEFAULT_NAME).read_text("utf-8") == block("sif")
    assert main(["check", "out"]) == Exit.OK


def test_every_kind_of_note_and_foreign_component_is_on_the_page() -> None:
    text = PAGE.read_text("utf-8")
    notes = text[text.index("| note |"):text.index("`files` names")]
    assert re.findall(r"^\| `([a-z-]+)` \|", notes, re.MULTILINE) == [note.value for note in Note]
    assert all(f"`{word}`" in text for word in (*FOREIGN, *LAYER_PARSERS))
