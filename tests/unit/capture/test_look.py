"""The door to the machine's files: trees of other machines, recordings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sif import look
from sif.errors import CommandFailed, ToolMissing
from sif.tape import Tape


def _tree(tmp_path: Path) -> Path:
    (tmp_path / "etc").mkdir()
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=captured\n")
    (tmp_path / "etc/os-release").symlink_to("../usr/lib/os-release")
    (tmp_path / "etc/absolute").symlink_to("/usr/lib/os-release")
    (tmp_path / "etc/loop").symlink_to("loop")
    (tmp_path / "etc/outside").symlink_to("../../../../../etc/hostname")
    return tmp_path


def test_links_stay_inside_the_tree(tmp_path: Path) -> None:
    with look.rooted(str(_tree(tmp_path))):
        assert look.text("/etc/os-release") == look.text("/etc/absolute") == "ID=captured\n"
        assert look.real("/etc/absolute") == "/usr/lib/os-release"
        assert look.link("/etc/absolute") == "/usr/lib/os-release"
        assert not look.exists("/etc/outside")
        assert look.entries("/usr") == ("lib",)
        with pytest.raises(OSError):
            look.text("/etc/loop")


def test_the_kernels_places_are_always_the_running_systems(tmp_path: Path) -> None:
    with look.rooted(str(tmp_path)):
        assert look.text("/proc/self/comm")
        assert look.exists("/dev/null")


def test_a_recorded_machine_answers_again_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "hostname").write_bytes(b"web01\xff\n")
    with look.recording() as tape, look.rooted(str(tmp_path)):
        said = (look.text("/hostname"), look.data("/hostname", 3, 1), look.entries("/"))
        assert look.run(["echo", "x"], timeout=9).ok
        with pytest.raises(FileNotFoundError):
            look.text("/missing")
        with pytest.raises(ToolMissing):
            look.run(["no-such-program-here"], timeout=9)
    again = Tape.from_json(tape.to_json())
    (tmp_path / "hostname").unlink()
    with look.replaying(again):
        assert (look.text("/hostname"), look.data("/hostname", 3, 1), look.entries("/")) == said
        assert look.run(["echo", "x"], timeout=9).stdout == "x\n"
        with pytest.raises(FileNotFoundError):
            look.text("/missing")
        with pytest.raises(ToolMissing):
            look.run(["no-such-program-here"], timeout=9)
        with pytest.raises(look.NotRecorded):
            look.text("/etc/hostname")


def test_a_program_that_was_started_ahead_runs_once_and_says_the_same(tmp_path: Path) -> None:
    """With several processors it runs beside us, with one when it is asked for: what is seen is the same."""
    counter = tmp_path / "counter"
    argv = ["sh", "-c", f"echo x >> {counter}; cat {counter}; exit 3"]
    for processors in ({0, 1}, {0}):
        counter.unlink(missing_ok=True)
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(os, "sched_getaffinity", lambda pid, found=processors: found)
            with look.ahead([argv, ["no-such-program-here"], ["true"]], timeout=9):
                first = look.run(argv, timeout=9, check=False)
                assert (first.status, first.stdout) == (3, "x\n")
                assert look.run(argv, timeout=9, ok=(3,)).stdout == "x\n"
                with pytest.raises(CommandFailed):
                    look.run(argv, timeout=9)
                with pytest.raises(ToolMissing):
                    look.run(["no-such-program-here"], timeout=9)
                assert look.run(["echo", "y"], timeout=9).stdout == "y\n"
        assert counter.read_text() == "x\n"
    assert look.run(argv, timeout=9, check=False).stdout == "x\nx\n"


def test_a_replayed_machine_starts_nothing_ahead(tmp_path: Path) -> None:
    with look.replaying(Tape({})), look.ahead([["touch", str(tmp_path / "x")]], timeout=9), \
            pytest.raises(look.NotRecorded):
        look.run(["touch", str(tmp_path / "x")], timeout=9)
    assert not (tmp_path / "x").exists()


def test_looking_leaves_no_trace_of_access(tmp_path: Path) -> None:
    """A file system that is mounted notes the first access after a change; a capture must not cause that write."""
    (tmp_path / "file").write_text("x")
    long_ago = 1_000_000_000
    for path in (tmp_path / "file", tmp_path):
        os.utime(path, ns=(long_ago, path.stat().st_mtime_ns))
    assert (look.text(f"{tmp_path}/file"), look.data(f"{tmp_path}/file", 1), look.entries(str(tmp_path))) == (
        "x", b"x", ("file",))
    assert [path.stat().st_atime_ns for path in (tmp_path / "file", tmp_path)] == [long_ago, long_ago]
