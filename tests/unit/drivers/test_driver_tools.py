"""Programs that go along with a set."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from driver_machines import Machine, module

from sif import look
from sif.drivers.collect import Drivers
from sif.drivers.errors import ToolNotFit
from sif.drivers.libraries import loader_of, parse_list
from sif.drivers.placement import real_target
from sif.drivers.tools import with_tools
from sif.media import sha256_hex
from sif.model import Need

PLACE = "/usr/local/lib/lifeboat-tools"


def test_programs_go_where_they_are_looked_for() -> None:
    machine = Machine().add({"/usr/sbin/mount.nfs": b"#!/bin/sh\n", "/opt/acme/restore": b"#!/bin/sh\nexit\n"})
    with machine.looked_at():
        found = with_tools(Drivers(), ("/usr/sbin/mount.nfs", "/opt/acme/restore", "/opt/acme/restore"))
    assert [(file.id, file.target, file.mode, file.needs) for file in found.files] == [
        ("tool_mount.nfs", "/usr/sbin/mount.nfs", "0755", (Need.STORE,)),
        ("tool_restore", "/usr/local/bin/restore", "0755", (Need.STORE,))]
    assert found.files[1].sha256 == sha256_hex(found.content["files/tools/restore"])
    assert found.notes == ()


@pytest.mark.parametrize(("path", "what"), [
    ("restic", "not an absolute path"), ("/usr/bin/absent", "cannot be read"), ("/usr/bin/a:b", "does not fit")])
def test_what_cannot_go_along_is_refused(path: str, what: str) -> None:
    machine = Machine().add({"/usr/bin/a:b": b"x"})
    with machine.looked_at(), pytest.raises(ToolNotFit, match=what):
        with_tools(Drivers(), (path,))


def test_two_programs_of_one_name_are_refused() -> None:
    machine = Machine().add({"/a/x": b"1", "/b/x": b"2"})
    with machine.looked_at(), pytest.raises(ToolNotFit, match="does not fit"):
        with_tools(Drivers(), ("/a/x", "/b/x"))


def test_a_program_that_needs_libraries_is_told_apart() -> None:
    assert str(loader_of(Path("/bin/sh").read_bytes())).startswith("/lib")
    assert loader_of(b"#!/bin/sh\n") is None
    assert loader_of(module("x")) is None
    assert loader_of(Path("/bin/sh").read_bytes()[:64]) is None


def test_a_program_runs_with_the_libraries_that_went_along(tmp_path: Path) -> None:
    found = with_tools(Drivers(), ("/bin/cat",))
    assert [file.target for file in found.files][:2] == ["/usr/local/bin/cat", f"{PLACE}/cat/cat"]
    assert all(real_target(file.target) and file.needs == (Need.STORE,) for file in found.files)
    assert len({file.id for file in found.files}) == len(found.files) == len(found.content)
    for file in found.files:
        there = tmp_path / file.target.lstrip("/")
        there.parent.mkdir(parents=True, exist_ok=True)
        data = found.content[file.path[len("media:"):]]
        there.write_bytes(data.replace(PLACE.encode(), f"{tmp_path}{PLACE}".encode()) if data[:2] == b"#!" else data)
        there.chmod(0o755)
    shown = subprocess.run([tmp_path / "usr/local/bin/cat", "/proc/self/maps"], capture_output=True, text=True,
                           check=True).stdout
    mapped = {line.split(None, 5)[5] for line in shown.splitlines() if ".so" in line}
    assert mapped
    assert all(place.startswith(f"{tmp_path}{PLACE}/cat/") for place in mapped), mapped
    assert "shared libraries" in found.notes[0]


def test_a_missing_library_is_no_complete_list() -> None:
    whole = "\tlinux-vdso.so.1 (0x7f)\n\tliba.so.1 => /usr/lib/liba.so.1 (0x7f)\n\t/lib64/ld-linux.so.2 (0x7f)\n"
    assert parse_list(whole) == (("liba.so.1", "/usr/lib/liba.so.1"),)
    assert parse_list(whole + "\tlibb.so.2 => not found\n") is None


def test_a_program_of_another_tree_goes_alone(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/tool").write_bytes(Path("/bin/cat").read_bytes())
    with look.rooted(str(tmp_path)):
        found = with_tools(Drivers(), ("/bin/tool",))
    assert [file.target for file in found.files] == ["/usr/local/bin/tool"]
    assert "could not be told" in found.notes[0]
