"""On recorded machines: things are left out by any of their names, with all that lies on them, and never the system."""

from __future__ import annotations

from pathlib import Path
from typing import Optional, Tuple

import pytest
from machine_capture import MACHINES, read_tape

from sif import look
from sif.capture import Captured, NotRestorable, capture
from sif.errors import UsageError
from sif.features import REBUILT
from sif.model import OmittedWhy


def captured(name: str, tmp_path: Path, *exclude: str, describe_all: bool = True) -> Captured:
    with look.replaying(read_tape(MACHINES / name)):
        return capture(providers=tmp_path, exclude=exclude, describe_all=describe_all)


@pytest.mark.parametrize(("machine", "word", "device"), [
    ("luks2-data", "cryptdata", "d0p2"),  # crypttab's name
    ("luks2-data", "d0p2", "d0p2"),
    ("luks2-data", "ubdb2", "d0p2"),
    ("luks2-data", "/dev/ubdb2", "d0p2"),
    ("luks2-data", "data", "d0p2"),  # label
    ("btrfs-raid1", "tank", "d0p2 d1p1"),
    ("luks-on-lvm", "vg0/swap", "lv_vg0_swap"),
    ("luks-on-lvm", "cryptswap", "lv_vg0_swap"),
    ("btrfs-on-luks", "more", "d2"),
])
def test_every_name_leaves_out_the_same(machine: str, word: str, device: str, tmp_path: Path) -> None:
    info = captured(machine, tmp_path, word).info
    left = {str(omitted.device) for omitted in info.omitted if omitted.why is OmittedWhy.EXCLUDED}
    assert left == set(device.split())
    holders = [fs.device for fs in info.filesystems] + [luks.device for luks in info.luks]
    holders += [pv.device for pv in info.pvs] + [member for btrfs in info.btrfs for member in btrfs.devices]
    assert not left & {str(holder) for holder in holders}
    assert {part.id for part in info.partitions} == {
        part.id for part in captured(machine, tmp_path).info.partitions}, "the table is described whole"


@pytest.mark.parametrize(("machine", "word", "holds"), [
    ("luks-on-lvm", "cryptroot", "cryptroot holds /"),
    ("luks-on-lvm", "vg0", "vg0 holds /"),
    ("luks-on-lvm", "ubdb", "ubdb holds /boot"),
    ("lvm-on-luks-on-md", "crypt", "crypt holds /"),
    ("lvm-on-luks-on-md", "md0", "md0 holds /boot"),
    ("btrfs-root", "system", "system holds /"),
    ("luks2-data", "root", "root holds /"),
])
def test_what_the_system_needs_stays(machine: str, word: str, holds: str, tmp_path: Path) -> None:
    with pytest.raises(NotRestorable, match="needed to start the system") as caught:
        captured(machine, tmp_path, word)
    assert caught.value.found is not None
    assert holds in caught.value.found.split("; ")


def test_a_name_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nothing of that name") as caught:
        captured("luks2-data", tmp_path, "tankk")
    assert "cryptdata" in str(caught.value.wanted)


@pytest.mark.parametrize(("machine", "feature", "word"), [
    ("btrfs-raid1", "btrfs", "tank"), ("luks1-data", "luks", "vault"), ("luks-on-lvm", "luks", None)])
def test_a_machine_is_refused_when_a_restore_would_lose_something(
        machine: str, feature: str, word: Optional[str], tmp_path: Path) -> None:
    """The refusal names the word; leaving that out makes the machine restorable, or it is needed."""
    if feature in REBUILT:
        assert captured(machine, tmp_path, describe_all=False).info.version.requires
        return
    with pytest.raises(NotRestorable) as caught:
        captured(machine, tmp_path, describe_all=False)
    words: Tuple[str, ...] = tuple(line.rpartition("--exclude ")[2].rstrip(")")
                                   for line in str(caught.value.found).splitlines() if "--exclude" in line)
    assert words
    if word is not None:
        assert words == (word,)
        assert captured(machine, tmp_path, *words, describe_all=False).info.omitted
