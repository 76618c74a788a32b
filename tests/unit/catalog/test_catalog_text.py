"""A catalog's text: one spelling per list, every fault named with line and column."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from sif import docs
from sif.catalog.entry import Entry, Origin
from sif.catalog.text import (
    MAX_PROBLEMS,
    escape,
    parse_catalog,
    read_catalog,
    unescape,
    write_catalog,
)
from sif.codec import Unwritable
from sif.problems import SifSyntaxError

WORDS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7e, exclude_characters="="), min_size=1, max_size=20)
NAMES = st.binary(min_size=1, max_size=12).map(lambda name: name.replace(b"/", b"_").replace(b"\0", b"_")).filter(
    lambda name: name not in (b".", b".."))
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(lambda names: b"/" + b"/".join(names))
ENTRIES = st.builds(
    Entry, path=PATHS, sha256=st.binary(min_size=32, max_size=32).map(bytes.hex), mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2 ** 32 - 1), gid=st.integers(0, 2 ** 32 - 1), size=st.integers(0, 2 ** 59),
    capabilities=st.sampled_from((b"", b"\1")) | st.binary(max_size=24), package=WORDS, version=WORDS,
    origin=st.sampled_from(Origin))
DIGEST = "ab" * 32
LINE = f"{DIGEST} 0755 0:0 12 - coreutils=9.1-1 same /usr/bin/ls"


def sample(**changes: Any) -> Entry:
    whole = Entry(b"/usr/bin/ls", DIGEST, 0o755, 0, 0, 12, b"", "coreutils", "9.1-1", Origin.SAME)
    return whole._replace(**changes)


@settings(max_examples=200, deadline=None)
@given(st.lists(ENTRIES, max_size=12, unique_by=lambda entry: entry.path))
def test_every_list_reads_back_and_writes_the_same_bytes(entries: "list[Entry]") -> None:
    data = write_catalog(entries)
    found = read_catalog(data, "t")
    assert found == tuple(sorted(entries))
    assert write_catalog(reversed(found)) == data
    assert data.isascii()


@given(PATHS)
def test_every_path_has_a_spelling_without_spaces(path: bytes) -> None:
    written = escape(path)
    assert written.isprintable() and " " not in written
    assert unescape(written.encode()) == path


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200) | st.builds(lambda head, tail: head + tail, st.just(b"sif-catalog 1\n"), st.binary()))
def test_any_bytes_are_read_or_refused_with_a_place(data: bytes) -> None:
    entries, problems = parse_catalog(data, "t")
    if problems:
        assert all(problem.where.startswith("t") for problem in problems)
    else:
        assert write_catalog(entries) == data


@pytest.mark.parametrize(("old", "new", "column", "what"), [
    (DIGEST, DIGEST.upper(), 1, "digest"),
    (" 0755", " 755", 66, "mode"),
    (" 0755", " 0785", 66, "mode"),
    (" 0:0", " root:0", 71, "user"),
    (" 0:0", " 00:0", 71, "user"),
    (" 0:0", " 0:-1", 73, "group"),
    (" 12 ", " 012 ", 75, "size"),
    (" 12 ", " +12 ", 75, "size"),
    (" - ", " abc ", 78, "capabilities"),
    ("coreutils=9.1-1", "coreutils", 80, "package"),
    ("=9.1-1 ", "= ", 90, "version"),
    (" same ", " Same ", 96, "origin"),
    ("/usr/bin/ls", "usr/bin/ls", 101, "path"),
    ("/usr/bin/ls", "", 101, "path"),
    ("/usr/bin/ls", "/usr//ls", 105, "text after the path"),
    ("/usr/bin/ls", "/usr/bin/ls ", 112, "text after the path"),
    ("/usr/bin/ls", "/usr/bin/l\\s", 111, "text after the path"),
    ("/usr/bin/ls", "/usr/bin/\\xC3", 109, "text after the path"),
    ("/usr/bin/ls", "/usr/bin/\\x6cs", 110, "not written this way"),
    ("/usr/bin/ls", "/usr/bin\\x2fls", 109, "not written this way"),
    ("/usr/bin/ls", "/usr/bin/\\x00", 110, "not written this way"),
    ("/usr/bin/ls", "/usr/../ls", 101, "`.` or `..`"),
    ("/usr/bin/ls", "/usr/./ls", 101, "`.` or `..`"),
    ("/usr/bin/ls", "/" + "l" * 4095, 101, "too long"),
    ("/usr/bin/ls", "/" + "l" * 21000, 1, "the line is too long"),
])
def test_a_bad_line_is_named_with_its_column(old: str, new: str, column: int, what: str) -> None:
    text = f"sif-catalog 1\n{LINE[:-11]}/bin\n{LINE.replace(old, new, 1)}\n"
    entries, problems = parse_catalog(text.encode(), "t")
    assert len(entries) == 1
    assert [problem.where for problem in problems] == [f"t:3:{column}"]
    assert what in problems[0].what


@pytest.mark.parametrize(("data", "where", "what"), [
    (b"", "t:1:1", "not the first line"),
    (b"sif-catalog 2\n", "t:1:1", "not the first line"),
    (b"sif-catalog 1\r\n", "t:1:1", "not the first line"),
    (b"sif-catalog 1", "t:1:1", "does not end"),
    (f"sif-catalog 1\n{LINE}".encode(), "t:2:1", "does not end"),
    (f"sif-catalog 1\n\n{LINE}\n".encode(), "t:2:1", "digest"),
    (f"sif-catalog 1\n{LINE}\n{LINE}\n".encode(), "t:3:1", "names a file twice"),
    (f"sif-catalog 1\n{LINE}\n{LINE[:-11]}/bin/ls\n".encode(), "t:3:1", "not sorted"),
    (b"sif-catalog 1\n" + b"\n" * 400_001, "t", "too many entries"),
    (b"\n" * (64 * 2 ** 20 + 1), "t", "too long"),
])
def test_a_bad_file_is_refused(data: bytes, where: str, what: str) -> None:
    with pytest.raises(SifSyntaxError) as caught:
        read_catalog(data, "t")
    assert (caught.value.problems[0].where, what in caught.value.problems[0].what) == (where, True)


def test_complaints_are_bounded() -> None:
    _, problems = parse_catalog(b"sif-catalog 1\n" + b"x\n" * 5000, "t")
    assert len(problems) == MAX_PROBLEMS + 1


@pytest.mark.parametrize("changes", [
    {"path": b"relative"}, {"path": b"/a/../b"}, {"path": b"/a\0"}, {"path": b"/a//b"}, {"path": b"/" + b"a" * 4095},
    {"sha256": "ab"}, {"mode": 0o10000}, {"uid": -1}, {"size": -1}, {"package": "a b"}, {"package": "a=b"},
    {"package": ""}, {"version": "1\n2"}, {"version": "\u00e9"}, {"capabilities": b"x" * 65},
])
def test_what_no_reader_takes_is_not_written(changes: "dict[str, Any]") -> None:
    write_catalog([sample()])
    with pytest.raises(Unwritable):
        write_catalog([sample(**changes)])


def test_a_file_is_not_written_twice() -> None:
    with pytest.raises(Unwritable):
        write_catalog([sample(), sample(size=13)])


def test_the_example_of_the_specification_is_canonical() -> None:
    example = re.search(r"```catalog\n(.*?)```", docs.PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert example
    data = example.group(1).encode()
    assert write_catalog(read_catalog(data, "docs")) == data
