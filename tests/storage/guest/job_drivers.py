"""Guest job: collect the drivers of a machine with F2FS, a thin pool and RAID 5, and load the files of the set."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from pathlib import Path

from rescue.drivers import decisions_for
from rescue.set_drivers import How, decide, load, loaded_modules
from sif.drivers.collect import Collect, collect_drivers, with_drivers
from sif.drivers.complete import missing_pieces
from sif.drivers.tree import ModuleTree
from sif.model import (
    Disk,
    DiskRole,
    FileSystem,
    Firmware,
    FsType,
    LogicalVolume,
    LvType,
    Ref,
    System,
    SystemInformation,
    TableType,
    Version,
)
from sif.run import run

SET_ID = "5b7f3a0e-3f1d-4f6e-9a59-0f6a3c1f7d11"
WANTED = ("f2fs", "dm_thin_pool", "raid456", "dm_raid")
SET = Path("/tmp/set")


def main() -> None:
    kernel = os.uname().release
    info = SystemInformation(
        version=Version(signature="$SIF$", format="2.0", set_id=SET_ID, part=1, parts=1),
        system=System("guest", hostname="guest", firmware=Firmware.BIOS, arch="x86_64", boot_fs=Ref("root"),
                      root_fs=Ref("root"), kernel=kernel),
        disks=(Disk("d0", DiskRole.CRITICAL, 512, 512, 512, TableType.NONE, device="ubdb"),),
        lvs=(LogicalVolume("pool", Ref("vg"), "pool", "x", LvType.THIN_POOL, 1),
             LogicalVolume("srv", Ref("vg"), "srv", "y", LvType.RAID5, 1)),
        filesystems=(FileSystem("root", Ref("d0"), FsType.F2FS, "x", mount="/"),))
    began = time.monotonic()
    found = collect_drivers(info, Collect.NEEDED)
    print(f"collected in {time.monotonic() - began:.2f} s: {'; '.join(found.notes)}")
    saved = with_drivers(info, found)
    assert missing_pieces(saved, found.content) == ()
    for path, data in found.content.items():
        (SET / path).parent.mkdir(parents=True, exist_ok=True)
        (SET / path).write_bytes(data)

    before = loaded_modules()
    assert not before.intersection(WANTED), "the test would prove nothing"
    assert {d.how for d in decisions_for(saved) if d.driver.module in WANTED} == {How.OWN}
    # A rescue system that has no modules of its own: everything has to come from the set, in the right order.
    decisions = decide(saved.drivers, kernel, before, ModuleTree(kernel, ""))
    assert {d.how for d in decisions if d.driver.module in WANTED} == {How.SET}
    report = load(decisions, SET)
    print(f"loaded: {', '.join(report.loaded)}; refused: {'; '.join(report.failed) or 'none'}")
    assert set(WANTED) <= set(report.loaded) <= loaded_modules()
    assert not any(name in failure for failure in report.failed for name in WANTED)
    assert "\tf2fs" in Path("/proc/filesystems").read_text("ascii")
    targets = run(["dmsetup", "targets"], timeout=60).stdout
    assert "thin-pool" in targets and "raid " in targets
    assert "[raid6] [raid5] [raid4]" in Path("/proc/mdstat").read_text("ascii")

    other = tuple(replace(driver, kernel="5.10.0-other") for driver in saved.drivers)
    assert {d.how for d in decide(other, kernel, before, ModuleTree(kernel, "")) if d.driver.module in WANTED} \
        == {How.OTHER_KERNEL}


main()
