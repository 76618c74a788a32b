"""Layers are complete or absent, and named by everything they are made of."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from builder_lib.cache import Cache, cache_root, digest, digest_of_files
from builder_lib.progress import Progress


@pytest.mark.parametrize(("environ", "expected"), [
    ({"LIFEBOAT_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a/lifeboat")),
    ({"XDG_CACHE_HOME": "/b"}, Path("/b/lifeboat")),
    ({}, Path.home() / ".cache/lifeboat"),
])
def test_where_the_cache_is(environ: "dict[str, str]", expected: Path) -> None:
    assert cache_root(environ) == expected


def test_a_digest_knows_where_texts_end() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_a_digest_of_files_sees_content_name_and_execute_bit(tmp_path: Path) -> None:
    path = tmp_path / "hook"
    path.write_text("x")
    seen = {digest_of_files([path], tmp_path)}
    path.chmod(0o755)
    seen.add(digest_of_files([path], tmp_path))
    path.write_text("y")
    seen.add(digest_of_files([path], tmp_path))
    renamed = path.rename(tmp_path / "other")
    seen.add(digest_of_files([renamed], tmp_path))
    assert len(seen) == 4


def test_a_layer_is_made_once(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    made = []

    def make(product: Path) -> None:
        made.append(product)
        (product / "file").write_text("content")

    first, cached_first = cache.layer("base", "k1", make)
    second, cached_second = cache.layer("base", "k1", make)
    assert (first, cached_first, cached_second, len(made)) == (second, False, True, 1)
    assert (first / "file").read_text() == "content"


def test_a_failure_leaves_no_layer_and_no_rubbish(tmp_path: Path) -> None:
    cache = Cache(tmp_path)

    def fail(product: Path) -> None:
        (product / "half").write_text("")
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError):
        cache.layer("base", "k1", fail)
    assert not cache.path("base", "k1").exists()
    assert list(tmp_path.glob("tmp-*")) == []


def test_the_layers_used_last_are_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for number in range(5):
        path, _ = cache.layer("base", f"k{number}", lambda product: None)
        os.utime(path, (number, number))
    cache.layer("base-other", "k0", lambda product: None)
    cache.prune("base")
    assert sorted(p.name for p in cache.layers.iterdir()) == ["base-k2", "base-k3", "base-k4", "base-other-k0"]


def test_a_build_sweeps_up_after_an_interrupted_one(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    left = tmp_path / "tmp-base-x"
    left.mkdir()
    with cache.locked(Progress(out=io.StringIO())):
        assert not left.exists()


def test_progress_tells_a_failed_step_from_a_finished_one() -> None:
    out = io.StringIO()
    progress = Progress(out=out)
    with progress.step("good") as step:
        step.note = "new"
    with pytest.raises(ValueError), progress.step("bad"):
        raise ValueError
    lines = out.getvalue().splitlines()
    assert lines[0] == "[started]  good"
    assert lines[1].startswith("[finished] good: ") and lines[1].endswith(" s (new)")
    assert lines[3].startswith("[failed]   bad: ")
    assert [title for title, _ in progress.durations] == ["good", "bad"]
