"""Every recorded machine is captured again from its tape: the same set, one that holds together and can be planned."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from machine_capture import MACHINES, names, replayed

from rescue.hardware import Hardware, PresentDisk
from rescue.plan import RestorePlan
from rescue.planner import RestorePolicy, plan_restore
from rescue.planner.encrypted import KEYSLOTS
from sif.check import check
from sif.features import not_rebuilt
from sif.merge import canonical
from sif.model import DiskRole, SystemInformation
from sif.problems import SifRejected, errors_of
from sif.reader import read_set
from sif.writer import write_set


@pytest.mark.parametrize("name", names())
def test_a_recorded_machine_gives_the_expected_set(name: str, tmp_path: Path) -> None:
    outcome = replayed(name)
    assert outcome.text == (MACHINES / name / "expected.sif").read_text("utf-8")
    if outcome.captured is None:
        return
    info = canonical(outcome.captured.info)
    assert errors_of(check(info)) == ()
    write_set(info, tmp_path, outcome.captured.files)
    assert without_parts(read_set(tmp_path)) == without_parts(info)
    for path, digest in files_named_by(info).items():
        assert hashlib.sha256(outcome.captured.files[path]).hexdigest() == digest
    if not not_rebuilt(info):
        # Keyslots beyond the first come back with a saved header only; a set without one says so.
        assert {adjustment.code for adjustment in planned_on_itself(info).adjustments} <= {KEYSLOTS}


@pytest.mark.parametrize(("path", "words"), [
    ("boot/d0.mbr", "the disk's boot code was altered"),
    ("boot/d0.gap", "what lies behind the disk's MBR was altered")])
def test_boot_code_that_was_altered_is_refused(path: str, words: str, tmp_path: Path) -> None:
    captured = replayed("mbr-logical").captured
    assert captured is not None
    write_set(captured.info, tmp_path, captured.files)
    (tmp_path / "manifest").unlink()
    (tmp_path / path).write_bytes(b"\xeb" * 440)
    with pytest.raises(SifRejected) as caught:
        read_set(tmp_path)
    assert [problem.what for problem in caught.value.problems] == [words]


def without_parts(info: SystemInformation) -> SystemInformation:
    """The content, without how it is spread over files."""
    return replace(info, includes=(), version=replace(info.version, part=1, parts=1))


def files_named_by(info: SystemInformation) -> "dict[str, str]":
    """Path → digest of the files that the storage's records name."""
    pairs = [(vg.metadata, vg.metadata_sha256) for vg in info.vgs]
    for disk in info.disks:
        pairs += [(disk.boot_code, disk.boot_code_sha256), (disk.boot_gap, disk.boot_gap_sha256)]
    return {path.partition(":")[2]: digest or "" for path, digest in pairs if path}


def planned_on_itself(info: SystemInformation) -> RestorePlan:
    """The plan for the same machine with blank disks."""
    disks = tuple(
        PresentDisk(name=disk.device or disk.id, path=f"/dev/{disk.device}", size_bytes=disk.size_bytes,
                    logical_sector=disk.logical_sector, physical_sector=disk.physical_sector, serial=disk.serial,
                    wwn=disk.wwn, by_path=disk.by_path) for disk in info.disks if disk.role is DiskRole.CRITICAL)
    return plan_restore(info, Hardware(info.system.firmware, info.system.arch, disks), RestorePolicy())
