"""The door to the machine's files: trees of other machines, recordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from sif import look
from sif.errors import ToolMissing


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
    again = look.Tape.from_json(tape.to_json())
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
