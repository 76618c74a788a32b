"""Programs that go along with a set."""

from __future__ import annotations

from pathlib import Path

import pytest
from driver_machines import Machine, module

from sif.drivers.collect import Drivers
from sif.drivers.errors import ToolNotFit
from sif.drivers.tools import needs_libraries, with_tools
from sif.media import sha256_hex
from sif.model import Need


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
    assert needs_libraries(Path("/bin/sh").read_bytes())
    assert not needs_libraries(b"#!/bin/sh\n")
    assert not needs_libraries(module("x"))
    assert not needs_libraries(Path("/bin/sh").read_bytes()[:64])
