"""The last look at a disk before it is written: whatever is done to the disk in between shows. Needs libblkid."""

from __future__ import annotations

from pathlib import Path
from typing import Callable

import pytest

from rescue.storage.disks import glance
from sif.run import run

MIB = 1 << 20


def write(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def made(where: Path) -> Path:
    """A disk of 64 MiB with one partition, as far as a file and a folder can be one."""
    (where / "sys/disk/disk1").mkdir(parents=True)
    for name, text in (("size", f"{64 * MIB // 512}"), ("diskseq", "7"), ("disk1/partition", "1"),
                       ("disk1/start", "2048"), ("disk1/size", "8192")):
        (where / "sys/disk" / name).write_text(text)
    for name, size in (("disk", 64 * MIB), ("disk1", 4 * MIB)):
        with (where / name).open("wb") as file:
            file.truncate(size)
    run(("mke2fs", "-q", "-F", "-U", "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11", str(where / "disk1")), timeout=60)
    return where / "disk"


@pytest.mark.parametrize("change", [
    lambda disk: write(disk, 0, b"x"),
    lambda disk: write(disk, 64 * MIB - 1, b"x"),
    lambda disk: disk.with_name("sys").joinpath("disk/diskseq").write_text("8"),
    lambda disk: disk.with_name("sys").joinpath("disk/size").write_text("2"),
    lambda disk: disk.with_name("sys").joinpath("disk/disk1/start").write_text("4096"),
    lambda disk: write(disk.with_name("disk1"), 1024 + 0x68, b"another uuid"),
    lambda disk: write(disk.with_name("disk1"), 0, bytes(2 * MIB)),
    lambda disk: run(("mkswap", str(disk.with_name("disk1"))), timeout=60),
], ids=["first byte", "last byte", "another disk", "size", "partition moved", "formatted again", "erased", "swap"])
def test_every_change_shows(tmp_path: Path, change: Callable[[Path], object]) -> None:
    disk = made(tmp_path)
    before = glance(str(disk), tmp_path / "sys")
    assert glance(str(disk), tmp_path / "sys") == before
    change(disk)
    assert glance(str(disk), tmp_path / "sys") != before
