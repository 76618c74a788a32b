"""The grammars of the specification are true: they accept what the reader reads, and nothing else.

A second reader could be written from them. Digests, limits and duplicates are not a grammar's affair.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import List, Pattern

import pytest
from ebnf import BadGrammar, recogniser
from hostile_table import BASE, Case, cases
from hypothesis import given, settings, strategies as st
from sif_samples import machine

from sif import docs
from sif.catalog.text import parse_catalog
from sif.media import manifest_text, parse_manifest
from sif.text import lex
from sif.writer import write_text

TESTS = Path(__file__).resolve().parents[2]
NOT_GRAMMAR = ("is there twice",)


@cache
def grammar(start: str) -> Pattern[str]:
    """The page's grammar whose first rule that is."""
    found = re.findall(r"```ebnf\n(.*?)```", docs.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (mine,) = [text for text in found if re.match(rf"{start} +=", text)]
    return recogniser(mine, start)


def accepts(text: str) -> bool:
    return grammar("file").fullmatch(text) is not None


def examples() -> List[str]:
    """Every text of a SIF that documentation and tests hold as a sound one."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(docs.PAGE.parent.glob("*.md"))]
    fenced = [text for page in pages for text in re.findall(r"```(?:sif)?\n(\[.*?)```", page, re.DOTALL)]
    files = [*BASE.glob("*.sif"), *TESTS.glob("unit/convert/golden/*.sif")]
    return [*fenced, *(path.read_text(encoding="utf-8") for path in files), write_text(machine().records())]


def test_the_grammar_accepts_every_example_and_every_canonical_file() -> None:
    assert len(examples()) >= 8
    for text in examples():
        assert accepts(text), text[:200]


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.source}: {case.name}")
def test_the_grammar_rejects_the_hostile_texts_that_break_it_and_only_those(case: Case) -> None:
    good = True
    for path, data in case.files().items():
        if path.endswith(".sif"):
            try:
                good = good and accepts(data.decode("utf-8"))
            except UnicodeDecodeError:
                good = False
    assert good is case.grammatical


WORDS = st.sampled_from(["[A]", "[A b]", "[A-1.B c.d]", "[a]", "[A b", "k", "K", "key_1", " ", "  ", "=", ",", ";",
                         "; c", "[", "]", "[]", '"', '""', '"a b"', '"\\n"', "\\", "\\x", "x", "1", "0x1", "media:a/b",
                         "${a:b}", "\t", "\n", "\u00e9", "\u202e", "\u0661", "\u00a0", "#", "%", "'", "-", ".", "+"])
LINES = st.lists(WORDS | st.characters(), max_size=8).map("".join)


@settings(max_examples=600)
@given(st.lists(LINES, max_size=3).map(lambda lines: "\n".join(["[Z]", *lines])))
def test_the_grammar_and_the_reader_agree_about_any_text(text: str) -> None:
    faults = [problem.what for problem in lex(text, "t")[1]
              if not any(words in problem.what for words in NOT_GRAMMAR)]
    assert accepts(text) is not bool(faults), faults


def test_the_grammar_of_the_catalog_accepts_the_example_and_rejects_what_the_reader_rejects() -> None:
    example = re.findall(r"```catalog\n(.*?)```", docs.PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    found = grammar("catalog")
    assert found.fullmatch(example)
    for old, new in (("sif-catalog 1", "sif-catalog 2"), (" 0755 ", " 755 "), (" 0:0 ", " 00:0 "), ("same", "equal"),
                     ("/usr/bin/ls", "usr/bin/ls"), ("/usr/bin/ls", "/usr/bin/l s"), ("\\xc3", "\\xC3"), (" - ", "  ")):
        harmed = example.replace(old, new, 1)
        assert harmed != example
        assert not found.fullmatch(harmed)
        assert parse_catalog(harmed.encode(), "t")[1] != ()


def test_the_grammar_of_the_manifest_accepts_the_example_and_rejects_what_the_reader_rejects() -> None:
    example = re.findall(r"```manifest\n(.*?)```", docs.PAGE.read_text(encoding="utf-8"), re.DOTALL)[0]
    assert parse_manifest(example, "t")[1] == ()
    for text in (example, "", (BASE / "manifest").read_text("utf-8"),
                 manifest_text({"a b/\u00e4": b"x", "z": b""})):
        assert grammar("manifest").fullmatch(text) and parse_manifest(text, "t")[1] == ()
    for old, new in ((" 1742 ", " 01742 "), (" 1742 ", " "), (" 1742 ", "  1742 "), ("lvm/vg_web", "/vg_web"),
                     ("lvm/vg_web", "lvm//vg_web"), ("lvm/vg_web", "lvm\\vg_web"), ("commands.sif", "c:"),
                     ("commands.sif", "a\tb"), ("2c1d", "2C1D"), ("2c1d", "2c1"), ("\n7d", "\n\n7d"), ("9310", "-1")):
        harmed = example.replace(old, new, 1)
        assert harmed != example
        assert not grammar("manifest").fullmatch(harmed), harmed
        assert parse_manifest(harmed, "t")[1] != (), harmed


@pytest.mark.parametrize("text", [
    "a = b ;", "a = a ;", "a = { \"x\" ;", "a = ? something ? ;", "a = \"x\" ;\nb = \"y\" ;",
    "a = \"x\" ;\na = \"y\" ;", "a = 3 \"x\" ;", "a = , ;", "a = \"x\" \"y\" ;",
])
def test_a_grammar_that_is_none_is_noticed(text: str) -> None:
    with pytest.raises((BadGrammar, KeyError)):
        recogniser(text, "a")
