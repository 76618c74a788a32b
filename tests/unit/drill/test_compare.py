"""Two manifests: everything a restore can lose is seen, and only what volatile.py names is forgiven."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from drill.compare import SPARSE_SLACK_BYTES, Entry, compare, parse_manifest
from drill.errors import DrillFailed
from drill.volatile import VOLATILE, Scope, Volatile, rule_for

FILE = Entry("/srv/a", "file", 0o644, 33, 33, 1234567890_123456789, 5, "aa" * 32, xattrs=(("user.x", "00ff"),))
LINK = Entry("/srv/l", "symlink", 0o777, 0, 0, 1, target="a")
RULES = (Volatile("/seed", Scope.CONTENT, "r"), Volatile("/log", Scope.GROWS, "r"), Volatile("/tmp", Scope.BELOW, "r"),
         Volatile("/", Scope.TIMES, "r"), Volatile("/new", Scope.NEW, "r"))


def manifest(*entries: Entry) -> dict[str, Entry]:
    return {entry.path: entry for entry in entries}


def test_equal_manifests_have_no_difference() -> None:
    assert compare(manifest(FILE, LINK), manifest(LINK, FILE)) == ()


@pytest.mark.parametrize(("aspect", "value"), [
    ("type", "fifo"), ("mode", 0o4644), ("uid", 0), ("gid", 0), ("mtime_ns", 1234567890_123456788), ("size", 6),
    ("sha256", "bb" * 32), ("xattrs", ()), ("xattrs", (("user.x", "00fe"),)), ("link", "/srv/b"), ("rdev", (1, 3)),
    ("target", "b"),
])
def test_every_lost_property_is_one_difference(aspect: str, value: Any) -> None:
    changed = replace(FILE, **{aspect: value})
    assert [(d.path, d.aspect) for d in compare(manifest(FILE), manifest(changed))] == [("/srv/a", aspect)]


def test_missing_and_extra_entries() -> None:
    found = compare(manifest(FILE), manifest(LINK))
    assert [(d.path, d.aspect) for d in found] == [("/srv/a", "missing"), ("/srv/l", "extra")]


def test_a_file_that_lost_its_holes_is_seen() -> None:
    sparse = replace(FILE, size=100 << 20, data=16384, segments=2)
    full = replace(sparse, data=None, segments=0)
    assert [d.aspect for d in compare(manifest(sparse), manifest(full))] == ["holes"]
    chunked = replace(sparse, data=16384 + 2 * SPARSE_SLACK_BYTES)
    assert compare(manifest(sparse), manifest(chunked)) == ()


def test_a_wholly_empty_file_must_stay_empty() -> None:
    hole = replace(FILE, size=1 << 20, data=0, segments=0)
    assert [d.aspect for d in compare(manifest(hole), manifest(replace(hole, data=4096, segments=1)))] == ["holes"]


@pytest.mark.parametrize(("path", "change", "seen"), [
    ("/seed", {"sha256": "cc" * 32, "mtime_ns": 9}, []),
    ("/seed", {"mode": 0o600}, ["mode"]),
    ("/log/x", {"size": 9, "mtime_ns": 9}, []),
    ("/log/x", {"uid": 9}, ["uid"]),
    ("/tmp/x", {"uid": 9, "type": "fifo"}, []),
    ("/tmp", {"uid": 9}, ["uid"]),
    ("/", {"mtime_ns": 9}, []),
    ("/", {"mode": 0o700}, ["mode"]),
    ("/logs", {"mtime_ns": 9}, ["mtime_ns"]),
])
def test_rules_forgive_no_more_than_they_say(path: str, change: dict[str, Any], seen: list[str]) -> None:
    before = replace(FILE, path=path)
    assert [d.aspect for d in compare(manifest(before), manifest(replace(before, **change)), RULES)] == seen


@pytest.mark.parametrize(("path", "gone", "new"), [
    ("/seed", ["missing"], ["extra"]), ("/log/x", ["missing"], []), ("/tmp/x", [], []),
    ("/tmp", ["missing"], ["extra"]), ("/other", ["missing"], ["extra"]), ("/new", ["missing"], []),
    ("/new/x", ["missing"], []), ("/newer", ["missing"], ["extra"]),
])
def test_rules_for_entries_that_come_and_go(path: str, gone: list[str], new: list[str]) -> None:
    entry = manifest(replace(FILE, path=path))
    assert [d.aspect for d in compare(entry, {}, RULES)] == gone
    assert [d.aspect for d in compare({}, entry, RULES)] == new


def test_every_volatile_place_has_a_reason_and_the_root_rule_covers_nothing_else() -> None:
    assert all(rule.reason for rule in VOLATILE)
    assert rule_for("/etc/passwd") is None
    assert rule_for("/var/log/lifeboat/events.jsonl") is not None


def test_a_name_that_is_no_utf8_survives_parsing() -> None:
    line = json.dumps({"path": "/srv/latin1-\udce9", "type": "file", "mode": 420, "uid": 0, "gid": 0, "mtime_ns": 1,
                       "size": 0, "sha256": "00", "rdev": [1, 3], "xattrs": {"b": "01", "a": "02"}})
    entry = parse_manifest(line)["/srv/latin1-\udce9"]
    assert entry.xattrs == (("a", "02"), ("b", "01"))
    assert entry.rdev == (1, 3)
    assert "\\udce9" in str(compare({}, {entry.path: entry})[0])


@pytest.mark.parametrize("line", ["nonsense", '{"path": "/a", "type": "file", "surprise": 1}', '{"type": "file"}'])
def test_a_broken_manifest_is_refused(line: str) -> None:
    with pytest.raises(DrillFailed) as failure:
        parse_manifest(line)
    assert failure.value.where == "line 1"
