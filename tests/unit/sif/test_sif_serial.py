"""A capture is numbered after the one that lies where it goes."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Optional

import pytest
from sif_samples import machine

from sif.capture.history import numbered
from sif.writer import write_set


def earlier(directory: Path, serial: Optional[int], hostname: str = "web01.example.org") -> None:
    info = machine()
    write_set(dataclasses.replace(info, version=dataclasses.replace(info.version, serial=serial),
                                  system=dataclasses.replace(info.system, hostname=hostname)), directory, {})


def serial_of(directory: Path) -> Optional[int]:
    return numbered(machine(), directory).version.serial


@pytest.mark.parametrize(("before", "after"), [(None, 2), (1, 2), (417, 418), (2 ** 64 - 1, 2 ** 64 - 1)])
def test_a_capture_over_an_earlier_one_counts_on(tmp_path: Path, before: Optional[int], after: int) -> None:
    earlier(tmp_path, before)
    assert serial_of(tmp_path) == after


def test_captures_one_after_the_other(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        info = numbered(machine(), tmp_path)
        write_set(info, tmp_path, {})
        assert info.version.serial == number


def test_a_first_capture_is_number_one(tmp_path: Path) -> None:
    assert serial_of(tmp_path / "not there") == 1
    assert serial_of(tmp_path) == 1


def test_another_machines_set_is_not_counted(tmp_path: Path) -> None:
    earlier(tmp_path, 7, "db01.example.org")
    assert serial_of(tmp_path) == 1


@pytest.mark.parametrize("content", [b"", b"\xff", b"[VERSION]\n", b"x" * 2_000_000])
def test_a_broken_set_does_not_keep_a_machine_from_being_captured(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "dr_state.sif").write_bytes(content)
    assert serial_of(tmp_path) == 1
