"""What is on a device, through libblkid and real tools, on files; and locks that keep partitions where they are."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import Tuple

import pytest

from rescue.storage.check import require_superblock
from rescue.storage.errors import RebuildFailed
from rescue.storage.hold import Holds
from rescue.storage.signatures import clean, clean_volume, superblock
from sif.run import run

UUID = "0f6a3c1f-7d11-4f6e-9a59-5b7f3a0e0010"
MIB = 1 << 20


@pytest.fixture
def blank(tmp_path: Path) -> Path:
    device = tmp_path / "device"
    with device.open("wb") as file:
        file.truncate(8 * MIB)
    return device


def test_a_superblock_is_read_back_as_it_was_made(blank: Path) -> None:
    run(("mkswap", "-U", UUID, "-L", "my swap", str(blank)), timeout=60)
    assert superblock(str(blank), "swap") == {"TYPE": "swap", "UUID": UUID, "LABEL": "my swap"}
    require_superblock(str(blank), {"TYPE": "swap", "UUID": UUID.upper(), "LABEL": "my swap"})


@pytest.mark.parametrize("wanted, found", [
    ({"TYPE": "swap", "UUID": UUID, "LABEL": "other"}, "LABEL is 'my swap', not 'other'"),
    ({"TYPE": "ext4", "UUID": UUID}, "TYPE is '', not 'ext4'; UUID is ''"),
])
def test_another_superblock_is_refused_with_what_differs(blank: Path, wanted: dict[str, str], found: str) -> None:
    run(("mkswap", "-U", UUID, "-L", "my swap", str(blank)), timeout=60)
    with pytest.raises(RebuildFailed) as raised:
        require_superblock(str(blank), wanted)
    assert found in str(raised.value.found)


def test_an_empty_device_has_no_superblock(blank: Path) -> None:
    assert superblock(str(blank), "ext4") == {}


def test_a_device_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RebuildFailed):
        superblock(str(tmp_path / "gone"), "ext4")


MAKERS: Tuple[Tuple[str, ...], ...] = (
    ("mkswap",), ("mkfs.ext4", "-q", "-F"), ("mkfs.fat",), ("sfdisk", "--quiet"))


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker[0])
def test_every_signature_is_erased(blank: Path, maker: Tuple[str, ...]) -> None:
    run((*maker, str(blank)), timeout=60, input="label: gpt\n" if maker[0] == "sfdisk" else None)
    assert run(("wipefs", "--no-act", str(blank)), timeout=60).stdout
    clean_volume(str(blank))
    assert not run(("wipefs", "--no-act", str(blank)), timeout=60).stdout


def test_a_device_without_a_signature_is_not_written(blank: Path) -> None:
    blank.chmod(0o444)
    before = blank.stat().st_mtime_ns
    clean(str(blank))
    assert blank.stat().st_mtime_ns == before


def may_lock(path: Path, how: int) -> bool:
    with path.open("rb") as file:
        try:
            fcntl.flock(file, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_a_disk_is_ours_while_its_table_is_written_and_shared_until_it_is_released(blank: Path) -> None:
    holds = Holds()
    with holds.writing(str(blank)):
        assert not may_lock(blank, fcntl.LOCK_SH)
    assert may_lock(blank, fcntl.LOCK_SH)
    assert not may_lock(blank, fcntl.LOCK_EX)
    holds.release()
    assert may_lock(blank, fcntl.LOCK_EX)


def test_a_disk_is_free_again_after_a_failure(blank: Path) -> None:
    holds = Holds()
    with pytest.raises(ZeroDivisionError), holds.writing(str(blank)):
        raise ZeroDivisionError
    assert may_lock(blank, fcntl.LOCK_EX)
