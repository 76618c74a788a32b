"""A part of a disk survives: what is made anew beside it, and that not a byte of what is kept changes."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from bench import PROJECT, Bench

sys.path.insert(0, str(Path(PROJECT, "tests/unit/planner")))
from planner_cases import plain  # noqa: E402
from planner_machines import ESP, LVM, disk, guid, lvm_id, part  # noqa: E402

from rescue.planner.codec import encode  # noqa: E402
from sif.model import (  # noqa: E402
    FileSystem,
    FsType,
    LogicalVolume,
    Luks,
    LvType,
    PhysicalVolume,
    Ref,
    Swap,
    SystemInformation,
    VolumeGroup,
)

MIB = 1 << 20
SIZE = 1100 * MIB


def survivors() -> SystemInformation:
    """ESP, /boot, /, a large /srv, a group with /home and /tmp, an encrypted /vault and swap, all on one disk."""
    base = plain()
    return replace(
        base, disks=(disk("d0", SIZE),), commands=(),
        partitions=(part("d0", 1, 1, 48, ESP), part("d0", 2, 49, 64), part("d0", 3, 113, 96), part("d0", 4, 209, 400),
                    part("d0", 5, 609, 200, LVM), part("d0", 6, 809, 64), part("d0", 7, 873, 32)),
        luks=(Luks("vault", Ref("d0p6"), 2, guid(77), "aes-xts-plain64", 512, 16 * MIB, size_bytes=48 * MIB,
                   keyslots=("0:argon2id:4:32:1",), hash="sha256"),),
        pvs=(PhysicalVolume("pv0", Ref("d0p5"), lvm_id("pv0uuid"), 1 << 20, 49),),
        vgs=(VolumeGroup("vg0", "vg0", lvm_id("vg0uuid"), 4 << 20, (Ref("pv0"),)),),
        lvs=(LogicalVolume("lvhome", Ref("vg0"), "home", lvm_id("lv0"), LvType.LINEAR, 20, ("pv0:0:20",)),
             LogicalVolume("lvtmp", Ref("vg0"), "tmp", lvm_id("lv1"), LvType.LINEAR, 20, ("pv0:20:20",))),
        filesystems=(FileSystem("esp", Ref("d0p1"), FsType.VFAT, "7A3C-91E2", mount="/boot/efi"),
                     FileSystem("boot", Ref("d0p2"), FsType.EXT4, guid(200), mount="/boot"),
                     FileSystem("root", Ref("d0p3"), FsType.EXT4, guid(201), mount="/"),
                     FileSystem("srv", Ref("d0p4"), FsType.XFS, guid(202), mount="/srv"),
                     FileSystem("home", Ref("lvhome"), FsType.EXT4, guid(204), mount="/home"),
                     FileSystem("tmp", Ref("lvtmp"), FsType.EXT4, guid(205), mount="/tmp"),
                     FileSystem("vault", Ref("vault"), FsType.EXT4, guid(206), mount="/vault")),
        swaps=(Swap("swap0", Ref("d0p7"), guid(203)),))


@pytest.mark.storage
def test_a_part_of_a_disk_is_kept_to_the_byte() -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    folder = bench.root / "bench/machine"
    folder.mkdir(exist_ok=True)
    (folder / "saved.json").write_text(json.dumps(encode(survivors())), "utf-8")
    outcome = bench.start("job_intact", bench.blank_disks((SIZE,)), timeout=900)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
