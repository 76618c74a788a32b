"""The text layer refuses what is not plainly allowed, at the right line and column."""

from __future__ import annotations

import pytest

from sif.parse import parse_text
from sif.text import MAX_FILE_BYTES, MAX_LINE_BYTES, MAX_SECTIONS, decode, lex

HEAD = '[VERSION]\nsignature = "$SIF$"\nformat = 2.0\n'


@pytest.mark.parametrize(("text", "where", "what"), [
    ("key = 1\n", "t:1:1", "text before the first section"),
    ("[A]\nk =\n", "t:2:4", "no value here"),
    ("[A]\nk = ; nothing\n", "t:2:5", "no value here"),
    ("[A]\nk 1\n", "t:2:3", "no = after k"),
    ("[A]\nk = 1 2\n", "t:2:7", "text after the end"),
    ("[A]\nk = 1;x\n", "t:2:6", "text after the end"),
    ("[A]\nk = [a b]\n", "t:2:8", "the list does not go on here"),
    ("[A]\nk = [a,\nb = 1\n", "t:2:8", "no value here"),
    ("[A]\nk = [a,]\n", "t:2:8", "no value here"),
    ("[A]\nk = [[a]]\n", "t:2:6", "no value here"),
    ('[A]\nk = "abc\n', "t:2:5", "the quoted string does not end on this line"),
    ('[A]\nk = "a\\x"\n', "t:2:7", "an escape that does not exist"),
    ('[A]\nk = "a\\', "t:2:7", "an escape that does not exist"),
    ("[A]\nK = 1\n", "t:2:1", "not a key"),
    ("[A]\nk\u00e9y = 1\n", "t:2:2", "no = after k"),
    ("[A]\nk = 1\nk = 2\n", "t:3:1", "key k is there twice"),
    ("[A x]\n[A X]\n", "t:2:1", "[A X] is there twice"),
    ("[a]\n", "t:1:2", "not a section kind"),
    ("[A  x]\n", "t:1:4", "not an id"),
    ("[A \u0661]\n", "t:1:4", "not an id"),
    ("[A x\n", "t:1:5", "the section header does not end here"),
    ("[A x y]\n", "t:1:5", "the section header does not end here"),
    ("[A] x\n", "t:1:5", "text after the end"),
    ("[A]\nk\t= 1\n", "t:2:2", "a character that is not allowed"),
    ("[A]\r\nk = 1\n", "t:1:4", "a character that is not allowed"),
    ("[A]\n; \u202e\n", "t:2:3", "a character that is not allowed"),
    ('[A]\nk = "\u0000"\n', "t:2:6", "a character that is not allowed"),
    ("[A]\nk = " + "x" * MAX_LINE_BYTES + "\n", "t:2:1", "the line is too long"),
])
def test_bad_text_is_refused_where_it_is_bad(text: str, where: str, what: str) -> None:
    _, problems = lex(text, "t")
    assert [problem.where for problem in problems] == [where]
    assert what in problems[0].what


def test_every_problem_of_a_text_is_reported() -> None:
    _, problems = lex("[A]\nk = \n[b]\nx = 1\n[C]\nk = 1 2\n", "t")
    assert [problem.where for problem in problems] == ["t:2:5", "t:3:2", "t:6:7"]


def test_too_many_sections() -> None:
    _, problems = lex("".join(f"[A n{number}]\n" for number in range(MAX_SECTIONS + 5)), "t")
    assert [problem.what for problem in problems] == ["too many sections"]


@pytest.mark.parametrize(("data", "where", "what"), [
    (b"x" * (MAX_FILE_BYTES + 1), "t:1:1", "the file is too long"),
    (b"\xef\xbb\xbf[A]\n", "t:1:1", "byte order mark"),
    (b"[A]\nk = \xff\n", "t:2:5", "not UTF-8"),
])
def test_bad_bytes_are_refused(data: bytes, where: str, what: str) -> None:
    text, problems = decode(data, "t")
    assert text is None
    assert problems[0].where == where
    assert what in problems[0].what


def test_values_keep_their_meaning() -> None:
    sections, problems = lex('; c\n[A]  ; c\n k = "a;\\"\\\\\\n\\t" ; c\nl = [ x , "y, z" ]\ne = []\n', "t")
    assert problems == ()
    assert [[atom.text for atom in entry.atoms] for entry in sections[0].entries] == [['a;"\\\n\t'], ["x", "y, z"], []]


@pytest.mark.parametrize(("text", "where", "what"), [
    ("", "t:1:1", "a SIF begins with [VERSION]"),
    ("[SYSTEM a]\n", "t:1:1", "a SIF begins with [VERSION]"),
    ('[VERSION]\nsignature = "x"\n', "t:2:13", "not the signature of a SIF"),
    ('[VERSION]\nsignature = "$SIF$"\nformat = 3.0\n[NEW x]\n', "t:3:10", "a format this version does not know"),
    (HEAD, "t:1:1", "key set_id is missing in [VERSION]"),
])
def test_what_is_no_sif_is_refused_at_once(text: str, where: str, what: str) -> None:
    records, problems = parse_text(text, "t")
    assert records == ()
    assert (problems[0].where, problems[0].what) == (where, what)


GOOD = HEAD + "set_id = 5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11\npart = 1\nparts = 1\n"


@pytest.mark.parametrize(("text", "where", "what"), [
    ("requires = [\"gpt\", \"warp\"]\n", "t:7:20", "requires a feature this version does not know: warp"),
    ("[MD m0]\n", "t:7:1", "key uuid is missing in [MD m0]"),
    ("[DISC d0]\n", "t:7:1", "no such kind of section: DISC"),
    ("[DISK]\n", "t:7:1", "[DISK] needs an id"),
    ("[POLICY x]\n", "t:7:1", "[POLICY] has no id"),
    ("[POLICY]\nmood = good\n", "t:8:1", "[POLICY] has no key mood"),
    ("[POLICY]\nmode = good\n", "t:8:8", "mode has an unknown value"),
    ("[COMMAND 01]\n", "t:7:1", "a command's id is its sequence number"),
    ("serial = 0x10\n", "t:7:10", "serial is not an integer"),
    ("serial = 010\n", "t:7:10", "serial is not an integer"),
    ("serial = -1\n", "t:7:10", "serial is not an integer"),
    ("serial = 99999999999999999999\n", "t:7:10", "serial is too large"),
    ("serial = \"1\"\n", "t:7:10", "serial is written without quotes"),
    ("serial = [1]\n", "t:7:10", "serial is not a list"),
    ("requires = gpt\n", "t:7:12", "requires must be a list"),
    ("created = 2026-02-30T00:00:00Z\n", "t:7:11", "created is not a time"),
])
def test_bad_values_are_refused_where_they_are_bad(text: str, where: str, what: str) -> None:
    _, problems = parse_text(GOOD + text, "t")
    assert problems[0].where == where
    assert what in problems[0].what


def test_a_newer_minor_version_only_warns_about_unknown_keys_and_kinds() -> None:
    text = GOOD.replace("2.0", "2.7") + "mood = good\n[NOVEL x]\n[POLICY]\nmode = drill\n"
    records, problems = parse_text(text, "t")
    assert [record.KIND for record in records] == ["VERSION", "POLICY"]
    assert [problem.warning for problem in problems] == [True, True]


def test_a_vendors_own_section_is_passed_over_but_its_syntax_is_checked() -> None:
    assert parse_text(GOOD + "[X-ACME.TAPE t1]\nany = thing\n", "t")[1] == ()
    assert parse_text(GOOD + "[X-ACME.TAPE t1]\nany thing\n", "t")[1][0].where == "t:8:5"
