"""Packages beside the set are found again in phase 2 by the medium's UUID, or not at all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.catalog.media import packages_at, packages_on
from rescue.medium import MediumFound
from rescue.workspace import Workspace

STICK = BlockDevice("sda", "/dev/sda", "disk", "vfat", uuid="7A3C-91E2")
DEVICES = BlockDevices((STICK, BlockDevice("sdb", "/dev/sdb", "disk", "ext4", uuid="x")))


def medium(root: Path) -> MediumFound:
    return MediumFound("/dev/sda", "sda", root, root / "web01" / "dr_state.sif", "id")


def test_packages_are_named_by_the_medium_s_uuid(tmp_path: Path) -> None:
    assert packages_on(medium(tmp_path), DEVICES) == ""
    (tmp_path / "web01" / "packages").mkdir(parents=True)
    assert packages_on(medium(tmp_path), DEVICES) == "7A3C-91E2:web01/packages"
    assert packages_on(medium(tmp_path), BlockDevices((replace(STICK, uuid=None),))) == ""
    (tmp_path / "web01" / "packages").rename(tmp_path / "elsewhere")
    (tmp_path / "web01" / "packages").symlink_to(tmp_path / "elsewhere")
    assert packages_on(medium(tmp_path), DEVICES) == ""


def test_a_medium_that_is_gone_doubled_or_in_use_is_no_error(tmp_path: Path) -> None:
    gone = BlockDevices(())
    doubled = BlockDevices((STICK, replace(STICK, kname="sdc", path="/dev/sdc")))
    used = BlockDevices((replace(STICK, mount_points=("/mnt",)),))
    for named, devices in (("7A3C-91E2:web01/packages", gone), ("7A3C-91E2:web01/packages", doubled),
                           ("7A3C-91E2:web01/packages", used), ("", DEVICES)):
        with packages_at(named, devices, Workspace(tmp_path)) as found:
            assert found == ()
