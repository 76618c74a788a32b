"""How each user of a disk is stopped, and who is told to be in the way."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Optional

import pytest

from rescue.blockdev import BlockDevice, BlockDevices
from rescue.hardware import Holder, HolderKind
from rescue.kernel_view import KernelDevice
from rescue.processes import User, users_of, wait_for
from rescue.storage.btrfs_copies import copies, hiding
from rescue.storage.isolation import aside_name
from rescue.storage.teardown import stop_command


def holder(kind: HolderKind, target: str, pid: Optional[int] = None) -> Holder:
    return Holder("key", kind, "name", target, (), 1, (), pid)


@pytest.mark.parametrize(("kind", "target", "pid", "command"), [
    (HolderKind.MOUNT, "/mnt", None, "umount /mnt"),
    (HolderKind.MOUNT, "/mnt", 42, "nsenter --target=42 --mount -- umount /mnt"),
    (HolderKind.SWAP, "/dev/dm-1", None, "swapoff /dev/dm-1"),
    (HolderKind.ARRAY, "/dev/md7", None, "mdadm --stop /dev/md7"),
    (HolderKind.LOOP, "/dev/loop0", None, "losetup --detach /dev/loop0"),
    (HolderKind.MULTIPATH, "/dev/mapper/name", None, "multipath -f name"),
    (HolderKind.LVM, "/dev/mapper/a-b", None, "dmsetup remove --retry /dev/mapper/a-b"),
    (HolderKind.LUKS, "/dev/mapper/c", None, "dmsetup remove --retry /dev/mapper/c"),
    (HolderKind.MAPPER, "/dev/mapper/d", None, "dmsetup remove --retry /dev/mapper/d"),
])
def test_each_kind_is_stopped_in_its_own_way(kind: HolderKind, target: str, pid: Optional[int], command: str) -> None:
    assert " ".join(stop_command(holder(kind, target, pid))) == command


def test_the_name_set_aside_is_unique_and_not_too_long() -> None:
    one = KernelDevice("dm-1", "252:1", mapper="vg0-" + "x" * 123)
    two = KernelDevice("dm-2", "252:2", mapper=one.mapper)
    assert aside_name(one) != aside_name(two)
    assert len(aside_name(one)) == 127 and aside_name(one).startswith("other-252-1-vg0-")


def test_a_process_that_has_a_file_open_is_named(tmp_path: Path) -> None:
    path = tmp_path / "held"
    path.touch()
    device = path.stat().st_dev
    child = subprocess.Popen(["sh", "-c", f"exec 3<{path}; echo; read x"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
    assert child.stdin is not None and child.stdout is not None
    child.stdout.readline()
    try:
        found = {user.pid: user for user in users_of([f"{os.major(device)}:{os.minor(device)}"])}
        assert str(found[child.pid]) == f"sh (process {child.pid})" and not found[child.pid].writes
        assert os.getpid() not in found
    finally:
        child.stdin.close()
        child.wait()
        child.stdout.close()


def test_nobody_uses_a_device_that_is_not_there() -> None:
    assert users_of(["4095:1048575"]) == () == users_of([])


def test_waiting_for_a_process_ends_with_it() -> None:
    child = subprocess.Popen(["true"])
    wait_for([User(child.pid, "true", True)], 60.0)
    assert child.wait() == 0
    wait_for([User(child.pid, "true", True)], 60.0)


def btrfs(name: str, disk: str, uuid: str = "u-1") -> BlockDevice:
    return BlockDevice(name, f"/dev/{name}", "part", "btrfs", None, uuid, (), (disk,))


def test_a_copy_of_a_btrfs_is_one_on_other_disks() -> None:
    disks = tuple(BlockDevice(name, f"/dev/{name}", "disk", None, None, None, (), ()) for name in ("vda", "vdb", "vdc"))
    here = BlockDevices((*disks, btrfs("vda1", "vda"), btrfs("vdb1", "vdb"), btrfs("vdc1", "vdc"),
                         btrfs("vdc2", "vdc", "u-2")))
    assert copies(here, "U-1", ["/dev/vda1", "/dev/vdb1"]) == ("/dev/vdc1",)
    assert copies(here, "u-1", ["/dev/vda1"]) == ("/dev/vdb1", "/dev/vdc1")
    assert copies(here, "u-1", ["/dev/nothing"]) == ()


def test_a_command_without_anything_to_hide_runs_as_it_is() -> None:
    assert hiding((), ("mkfs.btrfs", "/dev/vda1")) == ("mkfs.btrfs", "/dev/vda1")
    hidden = hiding(("/dev/vdc1",), ("mkfs.btrfs", "/dev/vda1"))
    assert hidden[0] == "unshare" and hidden[-4:] == ("/dev/vdc1", "--", "mkfs.btrfs", "/dev/vda1")


def test_the_image_leaves_other_disks_alone() -> None:
    """What the isolation relies on: nothing is activated or assembled unless the agent says so."""
    element = Path(__file__).resolve().parents[3] / "elements/lifeboat-storage"
    lvm = (element / "static/etc/lvm/lvm.conf").read_text("utf-8")
    assert "event_activation = 0" in lvm and "auto_activation_volume_list = []" in lvm
    assert "\nAUTO -all\n" in (element / "static/etc/mdadm/mdadm.conf").read_text("utf-8")
    rules = (element / "post-install.d/20-hands-off").read_text("utf-8")
    assert all(rule in rules for rule in ("64-md-raid-assembly", "69-lvm", "69-bcache"))
