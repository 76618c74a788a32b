"""The manifest script writes down what is really on a file system."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from drill import manifest


def describe(path: Path) -> dict[str, Any]:
    return manifest.describe(str(path), path.lstat(), {})


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"content")
    path.chmod(0o640)
    os.utime(path, ns=(1, 946684799_999999999))
    entry = describe(path)
    assert (entry["type"], entry["mode"], entry["size"], entry["mtime_ns"]) == ("file", 0o640, 7, 946684799_999999999)
    assert entry["sha256"] == hashlib.sha256(b"content").hexdigest()
    assert "data" not in entry and "link" not in entry


def test_holes_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.seek(8 << 20)
        file.write(b"island")
        file.truncate(16 << 20)
        os.fsync(file.fileno())
    entry = describe(path)
    if "data" not in entry:
        pytest.fail(f"the file system below {tmp_path} reports no holes")
    assert 6 <= entry["data"] <= 1 << 20
    assert entry["segments"] == 1


def test_links_share_a_group(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("x")
    os.link(tmp_path / "one", tmp_path / "two")
    links: dict[tuple[int, int], str] = {}
    entries = [manifest.describe(str(tmp_path / name), (tmp_path / name).lstat(), links) for name in ("one", "two")]
    assert [entry["link"] for entry in entries] == [str(tmp_path / "one")] * 2


def test_a_symlink_and_a_fifo(tmp_path: Path) -> None:
    (tmp_path / "s").symlink_to("/nowhere")
    os.mkfifo(tmp_path / "f", 0o620)
    assert describe(tmp_path / "s")["target"] == "/nowhere"
    assert describe(tmp_path / "f")["type"] == "fifo"


def test_the_walk_stays_on_the_named_file_systems_and_gives_parents_first() -> None:
    entries = manifest.entries(("/proc",))
    first = next(entries)
    assert first == {"path": "/", "type": "mountpoint"}
    assert next(entries, None) is None
