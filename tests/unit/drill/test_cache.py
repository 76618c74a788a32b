"""What is slow to make is made once for the same inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from drill.cache import cached, key_of


def test_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path))
    made = []

    def make(folder: Path) -> None:
        made.append(folder)
        (folder / "x").write_text("x")

    assert cached("k", "1", make) == cached("k", "1", make)
    assert len(made) == 1 and (cached("k", "1", make) / "x").read_text() == "x"


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIFEBOAT_CACHE", str(tmp_path))

    def make(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        cached("k", "1", make)
    assert not [path for path in (tmp_path / "drill").iterdir() if path.is_dir()]


def test_keys_differ_with_every_input_and_its_borders() -> None:
    assert len({key_of(("a", "b")), key_of(("ab",)), key_of(("b", "a")), key_of(("a", "b", ""))}) == 4
