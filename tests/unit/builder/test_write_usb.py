"""Writing a stick from the question to the last comparison, on files that stand for disks."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Iterator, List

import pytest

from builder_lib import write_usb as module
from builder_lib.errors import BuildFailed
from builder_lib.progress import Progress
from builder_lib.write_usb import Device, NotWritten, write_usb
from sif.errors import Exit
from sif.run import run

MIB = 1 << 20
STICK = Device("/dev/sdz", "disk", 8 * MIB, False, True, "usb", "Stick", "S1", (), ("/dev/sdz1 vfat OLD",))
OLD = b"\xff" * (8 * MIB)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """An image with a partition table, as `builder.py usb` makes one."""
    path = tmp_path / "stick.img"
    path.write_bytes(bytes(range(256)) * (4 * MIB // 256))
    run(["sfdisk", "--quiet", str(path)], timeout=60, input="label: gpt\nsize=1M\n")
    return path


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A disk that lsblk calls an unused stick."""
    path = tmp_path / "disk"
    path.write_bytes(OLD)
    monkeypatch.setattr(module, "look", lambda _: STICK)
    return path


def test_the_stick_holds_the_image_and_its_table_ends_with_the_disk(image: Path, stick: Path) -> None:
    asked: List[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return "/dev/sdz\n"

    out = io.StringIO()
    write_usb(image, stick, Progress(out=out), ask)
    assert "Stick S1, 8 MiB" in asked[0] and "/dev/sdz1 vfat OLD" in asked[0] and "will be lost" in asked[0]
    written, wanted = stick.read_bytes(), image.read_bytes()
    assert written[MIB:3 * MIB] == wanted[MIB:3 * MIB]
    assert written[-512:].startswith(b"EFI PART"), "the backup of the table is where the disk ends"
    assert [line.split()[0] for line in out.getvalue().splitlines()].count("[finished]") == 3


@pytest.mark.parametrize("answer", ["", "yes", "/dev/sdy", "sdz", "/dev/sdz1"])
def test_without_the_device_s_name_nothing_is_written(answer: str, image: Path, stick: Path) -> None:
    with pytest.raises(NotWritten, match="nobody agreed") as refused:
        write_usb(image, stick, Progress(out=io.StringIO()), lambda _: answer)
    assert refused.value.code == Exit.CONSENT_MISSING
    assert stick.read_bytes() == OLD


def test_a_device_that_changes_while_the_question_is_open_is_not_written_to(
        image: Path, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: Iterator[Device] = iter((STICK, replace(STICK, serial="S2")))
    monkeypatch.setattr(module, "look", lambda _: next(looks))
    with pytest.raises(NotWritten, match="changed while"):
        write_usb(image, stick, Progress(out=io.StringIO()), lambda _: "/dev/sdz")
    assert stick.read_bytes() == OLD


def test_a_disk_of_the_machine_is_not_even_asked_about(image: Path, stick: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "look", lambda _: replace(STICK, removable=False, transport="sata"))
    with pytest.raises(NotWritten, match="neither removable nor on USB"):
        write_usb(image, stick, Progress(out=io.StringIO()), lambda _: pytest.fail("asked"))
    assert stick.read_bytes() == OLD


def test_a_stick_that_forgets_is_found_out(image: Path, stick: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = module.copy_image

    def forgetful(source: Path, target: Path) -> None:
        copy(source, target)
        with target.open("r+b") as stream:
            stream.seek(2 * MIB)
            stream.write(b"forgotten")

    monkeypatch.setattr(module, "copy_image", forgetful)
    with pytest.raises(BuildFailed, match="does not hold what was written"):
        write_usb(image, stick, Progress(out=io.StringIO()), lambda _: "/dev/sdz")


def test_an_image_that_is_not_there_is_said_before_anything_else(tmp_path: Path, stick: Path) -> None:
    with pytest.raises(BuildFailed, match="no image to write"):
        write_usb(tmp_path / "nowhere", stick, Progress(out=io.StringIO()), lambda _: "/dev/sdz")
