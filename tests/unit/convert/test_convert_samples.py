"""Realistic sources and what becomes of them: the set, the report, the exit code.

``LIFEBOAT_GOLDEN=write python -m pytest tests/unit/convert`` writes the golden files anew; read the difference
before committing it.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import List, Optional, Tuple

import pytest

from sif.cli import main
from sif.convert import REPORT_NAME, Format, convert, detect_format
from sif.errors import Exit
from sif.features import not_rebuilt
from sif.media import MANIFEST
from sif.model import FsType
from sif.problems import SifRejected
from sif.reader import DEFAULT_NAME, load_set

SAMPLES = Path(__file__).parent / "samples"
GOLDEN = Path(__file__).parent / "golden"

SECTIONS = ("lvmdev", "lvmvol", "raiddisk", "btrfsdefaultsubvol", "btrfsnormalsubvol", "btrfsnocopyonwrite")
"""Lines that can become sections, or keys of them, without anything to say about it."""

CASES = [
    ("rear-bios-lvm", [], Exit.OK),
    ("rear-uefi-xfs", ["--hostname", "nuc.example.org"], Exit.OK),
    ("rear-layers", [], Exit.OK),
    ("rear-not-restorable", ["--partial"], Exit.OK),
    ("asr-mbr-fat32", ["--partial"], Exit.OK),
    ("asr-gpt-ntfs", ["--partial"], Exit.OK),
]


def run(sample: str, options: List[str], output: Path) -> int:
    return main(["convert", str(SAMPLES / sample), "--output", str(output), *options])


def compare(path: Path, text: str) -> None:
    if os.environ.get("LIFEBOAT_GOLDEN") == "write":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(("sample", "options", "code"), CASES)
def test_the_set_and_both_reports_are_the_golden_ones(sample: str, options: List[str], code: Exit, tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, options, tmp_path) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    compare(GOLDEN / f"{sample}.sif", (tmp_path / DEFAULT_NAME).read_text("utf-8"))
    compare(GOLDEN / f"{sample}.json", (tmp_path / REPORT_NAME).read_text("utf-8"))
    compare(GOLDEN / f"{sample}.txt", captured.err.replace(str(tmp_path), "OUT"))


@pytest.mark.parametrize(("sample", "options", "code"), CASES)
def test_sif_check_says_of_the_set_what_the_conversion_said(sample: str, options: List[str], code: Exit,
                                                            tmp_path: Path) -> None:
    run(sample, options, tmp_path)
    # a sound set may need what the rescue system of this version does not make again: check says so by itself
    sound = Exit.NOT_RESTORABLE if code is Exit.OK and not_rebuilt(load_set(tmp_path).info) else code
    assert main(["check", str(tmp_path)]) == sound
    report = json.loads((tmp_path / REPORT_NAME).read_text("utf-8"))
    assert report["written"] and bool(report["check"]) == (code is not Exit.OK)


@pytest.mark.parametrize(("sample", "lost"), [
    ("rear-not-restorable", ["dasd", "raidarray", "crypt", "lvmgrp", "lvmvol", "btrfs", "xfs", "btrfsmountedsubvol",
                             "multipath", "imsm", "opaldisk", "DRBD", "btrfsnocopyonwrite", "swap file", "frobnicate"]),
    ("asr-gpt-ntfs", ["boot loader"]),
])
def test_what_cannot_be_restored_stops_the_conversion(sample: str, lost: List[str], tmp_path: Path,
                                                      capsys: pytest.CaptureFixture[str]) -> None:
    assert run(sample, [], tmp_path) == Exit.NOT_RESTORABLE
    said = capsys.readouterr().err.rpartition("no set was written")[2]
    assert all(word in said for word in lost)
    assert [path.name for path in tmp_path.iterdir()] == [REPORT_NAME]
    assert not json.loads((tmp_path / REPORT_NAME).read_text("utf-8"))["written"]


def test_a_boot_volume_of_an_unknown_kind_leaves_a_draft(tmp_path: Path) -> None:
    text = (SAMPLES / "asr-gpt-ntfs/asr.sif").read_text("utf-8").replace(',"",0x7,', ',"",0x99,')
    (tmp_path / "asr.sif").write_text(text, encoding="utf-8")
    out = tmp_path / "out"
    assert main(["convert", str(tmp_path / "asr.sif"), "--output", str(out), "--partial"]) == Exit.SIF_INVALID
    assert main(["check", str(out)]) == Exit.SIF_INVALID
    assert json.loads((out / REPORT_NAME).read_text("utf-8"))["check"]


def test_the_same_source_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        run("rear-bios-lvm", [], tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert [str(f) for f in files] == ["commands.sif", REPORT_NAME, DEFAULT_NAME, "lvm/web01-vg.vgcfg", MANIFEST]
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)


def test_another_source_gets_other_identities(tmp_path: Path) -> None:
    text = (SAMPLES / "rear-uefi-xfs/layout/disklayout.conf").read_text("utf-8")
    made = []
    for name, content in (("a", text), ("b", text.replace("256060514304", "256060515328"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "disklayout.conf").write_text(content, encoding="utf-8")
        made.append(convert(tmp_path / name, Format.REAR).info)
    assert made[0].version.set_id != made[1].version.set_id
    assert made[0].disks[0].table_id != made[1].disks[0].table_id
    assert made[0].partitions[0].uuid == made[1].partitions[0].uuid  # the source has this one


def test_extents_lie_where_the_metadata_says(tmp_path: Path) -> None:
    run("rear-bios-lvm", [], tmp_path)
    info = load_set(tmp_path).info
    home = next(lv for lv in info.lvs if lv.name == "home")
    assert home.segments == ("pv_d0p5:2816:1280", "pv_d0p5:4597:400")
    original = (SAMPLES / "rear-bios-lvm/layout/lvm/web01-vg.cfg").read_bytes()
    assert (tmp_path / "lvm/web01-vg.vgcfg").read_bytes() == original


def test_every_line_of_a_layout_is_a_section_or_in_the_report() -> None:
    for sample in ("rear-bios-lvm", "rear-uefi-xfs", "rear-layers", "rear-not-restorable"):
        source = SAMPLES / sample / "layout/disklayout.conf"
        made = convert(SAMPLES / sample, Format.REAR)
        named = {entry.where for entry in made.report.entries}
        for number, line in enumerate(source.read_text("utf-8").splitlines(), 1):
            if line and not line.startswith("# "):
                known = f"disklayout.conf:{number}" in named or line.startswith(SECTIONS)
                assert known, f"{sample}:{number}: {line}"


def test_every_record_of_a_state_file_is_in_the_report() -> None:
    for sample in ("asr-mbr-fat32", "asr-gpt-ntfs"):
        made = convert(SAMPLES / sample, Format.ASR)
        named = {entry.where for entry in made.report.entries}
        section = ""
        for number, line in enumerate((SAMPLES / sample / "asr.sif").read_text("utf-8").splitlines(), 1):
            section = line if line.startswith("[") else section
            if "=" in line and section != "[VERSION]" and "Microsoft reserved" not in line and ",0xf," not in line:
                assert f"asr.sif:{number}" in named, line


def test_commands_of_the_foreign_system_are_never_in_the_set(tmp_path: Path) -> None:
    run("asr-mbr-fat32", ["--partial"], tmp_path)
    assert load_set(tmp_path).info.commands == ()
    for path in (tmp_path / DEFAULT_NAME, tmp_path / "commands.sif"):
        assert "ntbackup" not in path.read_text("utf-8")
    assert "ntbackup" in (tmp_path / REPORT_NAME).read_text("utf-8")


def test_passwords_in_the_source_reach_no_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for sample in ("rear-not-restorable", "asr-gpt-ntfs"):
        texts = [p.read_bytes() for p in (SAMPLES / sample).rglob("*") if p.is_file()]
        assert any(b"hunter2" in text for text in texts)
        run(sample, ["--partial"], tmp_path / sample)
    assert "hunter2" not in capsys.readouterr().err
    assert all(b"hunter2" not in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_windows_writes_utf16_with_crlf(tmp_path: Path) -> None:
    text = (SAMPLES / "asr-mbr-fat32/asr.sif").read_text("utf-8")
    (tmp_path / "ASR.SIF").write_bytes(text.replace("\n", "\r\n").encode("utf-16"))
    plain, wide = convert(SAMPLES / "asr-mbr-fat32", Format.ASR), convert(tmp_path, Format.ASR)
    assert wide.info.disks == plain.info.disks and wide.info.partitions == plain.info.partitions
    assert wide.info.system == plain.info.system


@pytest.mark.parametrize(("facts", "parameters"), [
    ("max_mounts=33 check_interval=180d bytes_per_inode=8192 default_mount_options=acl,user_xattr",
     ("mount_options=acl,user_xattr", "max_mounts=33", "check_seconds=15552000", "inode_ratio=8192")),
    ("max_mounts=-1 check_interval=0d bytes_per_inode=512", ("inode_ratio=1024",)),
    ("max_mounts=0 check_interval=2w", ("check_seconds=1209600",)), ("", ())])
def test_what_was_set_on_an_ext_file_system_is_a_parameter_as_in_a_capture(
        facts: str, parameters: Tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "disklayout.conf").write_text(
        "disk /dev/vda 10737418240 msdos\npart /dev/vda 8589934592 1048576 primary boot /dev/vda1\n"
        f"fs /dev/vda1 / ext4 uuid=8e8e6f52-1f0b-4a43-8f5e-5a8d7c0e2a01 label= blocksize=4096 {facts}\n", "utf-8")
    assert main(["convert", str(tmp_path), "--output", str(tmp_path / "out"), "--hostname", "a.example.org"]) == Exit.OK
    (fs,) = [fs for fs in load_set(tmp_path / "out").info.filesystems if fs.type is FsType.EXT4]
    assert fs.parameters == parameters


@pytest.mark.parametrize(("sample", "inner", "kind"), [
    ("rear-bios-lvm", None, Format.REAR), ("rear-bios-lvm", "layout", Format.REAR),
    ("rear-bios-lvm", "layout/disklayout.conf", Format.REAR), ("asr-gpt-ntfs", None, Format.ASR),
    ("asr-gpt-ntfs", "asr.sif", Format.ASR),
])
def test_the_format_is_told_by_the_name(sample: str, inner: Optional[str], kind: Format) -> None:
    path = SAMPLES / sample / inner if inner else SAMPLES / sample
    assert detect_format(path) is kind
    assert convert(path, kind).info.disks


def test_a_directory_with_a_set_is_left_alone(tmp_path: Path) -> None:
    assert run("rear-bios-lvm", [], tmp_path) == Exit.OK
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert run("rear-uefi-xfs", [], tmp_path) == Exit.CAPTURE_FAILED
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_source_that_contradicts_itself_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "disklayout.conf").write_text(
        "disk /dev/vda 10737418240 gpt\n"
        "part /dev/vda 1073741824 1048576 root none /dev/vda1 1b0e4a44-9c58-4d0e-8d3a-2f5f0f9d1c01\n"
        "part /dev/vda 1073741824 524288000 more none /dev/vda2 1b0e4a44-9c58-4d0e-8d3a-2f5f0f9d1c02\n"
        "fs /dev/vda1 / ext4 uuid=0f6ab7a4-44e5-4d65-8cd7-4d93e0c30c01 blocksize=4096 options=rw\n", encoding="utf-8")
    made = convert(tmp_path, Format.REAR)
    assert [(p.where, p.what) for p in made.report.check] == [("disklayout.conf:3", "overlaps d0p1")]
    assert main(["convert", str(tmp_path), "--output", str(tmp_path / "out")]) == Exit.SIF_INVALID
    assert not (tmp_path / "out" / DEFAULT_NAME).exists()


def test_usage_errors(tmp_path: Path) -> None:
    assert main(["convert", str(tmp_path / "nothing"), "--output", str(tmp_path)]) == Exit.USAGE
    assert run("rear-uefi-xfs", ["--hostname", "a b"], tmp_path) == Exit.USAGE
    with pytest.raises(SifRejected):
        convert(tmp_path, Format.ASR)
