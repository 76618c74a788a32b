"""Whole sets on a medium: written, read, altered, mixed up, and shown by the command line."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Callable

import pytest
from sif_samples import machine

from sif import pack
from sif.cli import main
from sif.diff import diff
from sif.errors import Exit
from sif.media import manifest_text, path_fault, sha256_hex
from sif.merge import canonical
from sif.model import DiskRole, Ref, VolumeGroup
from sif.problems import SifRejected, SifSetBroken
from sif.reader import read_set
from sif.writer import WriteFailed, write_set, write_text

VGCFG = b"# metadata\n"


def with_metadata() -> VolumeGroup:
    return dataclasses.replace(machine().vgs[0], metadata="media:lvm/vg.vgcfg", metadata_sha256=sha256_hex(VGCFG))


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    """A written set."""
    directory = tmp_path / "web01"
    write_set(dataclasses.replace(machine(), vgs=(with_metadata(),)), directory, {"lvm/vg.vgcfg": VGCFG})
    return directory


def rewrite_manifest(directory: Path) -> None:
    files = {path.relative_to(directory).as_posix(): path.read_bytes()
             for path in directory.rglob("*") if path.is_file() and path.name != "manifest"}
    (directory / "manifest").write_text(manifest_text(files), encoding="utf-8")


def test_a_set_reads_back_as_it_was_written(medium: Path) -> None:
    info = read_set(medium)
    assert dataclasses.replace(info, includes=()) == canonical(dataclasses.replace(machine(), vgs=(with_metadata(),)))
    assert sorted(p.relative_to(medium).as_posix() for p in medium.rglob("*") if p.is_file()) == [
        "commands.sif", "dr_state.sif", "lvm/vg.vgcfg", "manifest"]


def test_writing_a_read_set_gives_the_same_bytes(medium: Path, tmp_path: Path) -> None:
    write_set(read_set(medium / "dr_state.sif"), tmp_path / "again", {"lvm/vg.vgcfg": VGCFG})
    for name in ("commands.sif", "dr_state.sif", "lvm/vg.vgcfg", "manifest"):
        assert (tmp_path / "again" / name).read_bytes() == (medium / name).read_bytes()


def test_names_are_found_in_any_case(medium: Path) -> None:
    (medium / "dr_state.sif").rename(medium / "DR_STATE.SIF")
    (medium / "manifest").unlink()
    assert read_set(medium).system.hostname == "web01.example.org"


def append(name: str, text: bytes) -> Callable[[Path], None]:
    def act(directory: Path) -> None:
        with (directory / name).open("ab") as stream:
            stream.write(text)
    return act


def remove(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def link(name: str) -> Callable[[Path], None]:
    def act(directory: Path) -> None:
        (directory / name).rename(directory.parent / "elsewhere")
        (directory / name).symlink_to(directory.parent / "elsewhere")
    return act


def mixed_sets(directory: Path) -> None:
    other = dataclasses.replace(machine(), version=dataclasses.replace(
        machine().version, set_id="00000000-0000-4000-8000-000000000000"))
    write_set(other, directory.parent / "other", {})
    commands = (directory.parent / "other" / "commands.sif").read_bytes()
    state = (directory / "dr_state.sif").read_text(encoding="utf-8")
    old = sha256_hex((directory / "commands.sif").read_bytes())
    (directory / "commands.sif").write_bytes(commands)
    (directory / "dr_state.sif").write_text(state.replace(old, sha256_hex(commands)), encoding="utf-8")
    rewrite_manifest(directory)


def include_outside(directory: Path) -> None:
    state = (directory / "dr_state.sif").read_text(encoding="utf-8")
    (directory / "dr_state.sif").write_text(state.replace('"commands.sif"', '"../commands.sif"'), encoding="utf-8")
    rewrite_manifest(directory)


def include_itself(directory: Path) -> None:
    state = (directory / "dr_state.sif").read_text(encoding="utf-8")
    (directory / "dr_state.sif").write_text(state.replace('"commands.sif"', '"DR_state.sif"'), encoding="utf-8")
    rewrite_manifest(directory)


@pytest.mark.parametrize(("harm", "what"), [
    (append("commands.sif", b"; x\n"), "commands.sif was altered"),
    (append("dr_state.sif", b"; x\n"), "dr_state.sif is not what the manifest says"),
    (append("lvm/vg.vgcfg", b"# x\n"), "the volume group's metadata was altered"),
    (append("manifest", b"x\n"), "not a manifest line"),
    (append("manifest", b"0" * 64 + b" 1 ../x\n"), "a path that leaves the set"),
    (remove("commands.sif"), "the file is missing"),
    (remove("lvm/vg.vgcfg"), "the file is missing"),
    (remove("dr_state.sif"), "the file is missing"),
    (link("commands.sif"), "the file cannot be read"),
    (link("lvm"), "a symbolic link inside the set"),
    (mixed_sets, "commands.sif belongs to another set"),
    (include_outside, "a part lies in another directory"),
    (include_itself, "a part includes itself"),
])
def test_a_broken_set_is_refused(medium: Path, harm: Callable[[Path], None], what: str) -> None:
    harm(medium)
    with pytest.raises(SifRejected) as caught:
        read_set(medium / "dr_state.sif")
    assert caught.value.code is Exit.SIF_SET_BROKEN
    assert what in "\n".join(problem.what for problem in caught.value.problems)


def test_a_directory_without_a_set_says_so(tmp_path: Path) -> None:
    with pytest.raises(SifSetBroken, match="refused"):
        read_set(tmp_path)


def test_a_fifo_is_not_waited_for(medium: Path) -> None:
    (medium / "dr_state.sif").unlink()
    os.mkfifo(medium / "dr_state.sif")
    with pytest.raises(SifRejected) as caught:
        read_set(medium)
    assert caught.value.problems[0].what == "not a regular file"


def test_an_impossible_machine_is_refused_with_file_line_and_column(medium: Path) -> None:
    info = dataclasses.replace(machine(), system=dataclasses.replace(machine().system, root_fs=Ref("nope")))
    write_set(info, medium, {})
    lines = (medium / "dr_state.sif").read_text(encoding="utf-8").splitlines()
    with pytest.raises(SifRejected) as caught:
        read_set(medium)
    assert caught.value.code is Exit.SIF_INVALID
    line = lines.index("root_fs = nope") + 1
    assert str(caught.value).startswith(f"{medium}/dr_state.sif:{line}:11: there is no nope\n")


def test_a_set_that_cannot_be_written_leaves_no_half_files(tmp_path: Path) -> None:
    (tmp_path / "set" / "commands.sif").mkdir(parents=True)  # in the way of the rename
    with pytest.raises(WriteFailed):
        write_set(machine(), tmp_path / "set", {})
    assert [path for path in (tmp_path / "set").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("path", ["", "/x", "../x", "a/../x", "a//b", "./x", "a\\b", "c:x", "x\n", "a" * 256])
def test_paths_that_leave_the_set_or_that_vfat_cannot_hold(path: str) -> None:
    assert path_fault(path)


def test_diff_names_kind_id_and_key() -> None:
    other = dataclasses.replace(machine(), disks=(machine().disks[0],), system=dataclasses.replace(
        machine().system, kernel="6.1"))
    assert [str(found) for found in diff(machine(), other, identity_only=False)] == [
        "[SYSTEM web01] kernel: (none) -> \"6.1\"", "[DISK d1] only in the first"]


def test_identity_leaves_out_hardware_the_capture_itself_and_disks_that_are_not_rebuilt() -> None:
    info = machine()
    data = dataclasses.replace(info.disks[1], id="d2", role=DiskRole.DATA, serial="x")
    other = dataclasses.replace(
        info, disks=(dataclasses.replace(info.disks[0], model="new", by_path="pci-1"), info.disks[1], data),
        version=dataclasses.replace(info.version, serial=7), commands=(), stores=())
    assert diff(info, other, identity_only=True) == ()
    assert len(diff(info, other, identity_only=False)) == 7
    gone = dataclasses.replace(info, lvs=info.lvs[1:])
    assert [str(found) for found in diff(info, gone, identity_only=True)] == ["[LV lv_vg_root] only in the first"]


def test_show_prints_the_set_as_text_and_as_json(medium: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(medium)]) == Exit.OK
    assert capsys.readouterr().out == write_text(read_set(medium).records())
    assert main(["show", "--json", str(medium)]) == Exit.OK
    assert json.loads(capsys.readouterr().out)["DISK"][0]["size_bytes"] == 8 << 30


def test_check_and_diff_answer_by_exit_code(medium: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(medium)]) == Exit.OK
    assert main(["diff", str(medium), str(medium)]) == Exit.OK
    write_set(dataclasses.replace(machine(), nics=()), tmp_path / "b", {})
    assert main(["diff", "--identity", str(medium), str(tmp_path / "b")]) == Exit.DIFFERENT
    assert capsys.readouterr().out == "restorable\n[NIC enp1s0] only in the first\n"
    assert main(["check", str(tmp_path / "none")]) == Exit.SIF_SET_BROKEN
    output = capsys.readouterr()
    assert output.out == ""
    assert "the file is missing" in output.err


def test_the_packed_file_is_the_same_every_time_and_holds_every_module(tmp_path: Path) -> None:
    assert pack.main([str(tmp_path / "a.pyz")]) == Exit.OK
    assert pack.main([str(tmp_path / "b.pyz")]) == Exit.OK
    assert (tmp_path / "a.pyz").read_bytes() == (tmp_path / "b.pyz").read_bytes()
    assert os.access(tmp_path / "a.pyz", os.X_OK)
    names = [name for name, _ in pack.sources(Path(pack.__file__).parent)]
    assert {"sif/cli.py", "sif/capture/__init__.py", "sif/checks/disks.py"} <= set(names)
