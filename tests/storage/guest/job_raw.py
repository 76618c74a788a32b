"""Guest job: reserved partitions come back sector by sector, and are left alone where they survived."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from pathlib import Path
from typing import Dict, List

import whole
from server_layout import D0, D1, tool

from rescue.detect import detect_hardware
from rescue.images import find_images, with_kept
from rescue.plan import ActionKind, RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map, plan_restore
from rescue.storage.rebuild import rebuild
from rescue.verify import verify
from sif.model import SystemInformation
from sif.reader import load_set

SET = "/run/set"
MIB = 1 << 20
TABLE = """label: gpt
label-id: 3D1C2B5E-6F0A-4A55-8F0E-0A4C7B9D1E01
start=2048,size=32768,type=E3C9E316-0B5C-4DB8-817D-F92DF00215AE,name="Microsoft reserved partition"
start=34816,size=81921,type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC,name="Recovery",attrs="RequiredPartition GUID:63"
start=118784,size=4096,type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name="maker",attrs="RequiredPartition"
start=122880,type=0FC63DAF-8483-4772-8E79-3D69D8477DE4,name="root"
"""
KEPT = ("ubdb1", "ubdb2", "ubdb3")
HASHED = {"raw_d0p1": "ubdb1", "raw_d0p2": "ubdb2", "raw_d0p3": "ubdb3"}


def make_machine() -> None:
    """A machine with what makers leave: mostly empty, a recovery file system, content that no tool knows."""
    tool("sfdisk", "-q", "--wipe", "always", D0, text=TABLE)
    tool("udevadm", "settle")
    write(f"{D0}1", 3 * MIB + 5, os.urandom(70000))
    tool("mkfs.vfat", "-n", "RECOVERY", f"{D0}2")
    write(f"{D0}2", 20 * MIB, os.urandom(3 * MIB))
    write(f"{D0}3", 0, os.urandom(2 * MIB))
    tool("mkfs.ext4", "-q", f"{D0}4")
    whole.pretend({"/": f"{D0}4"}, D0)


def write(path: str, at: int, data: bytes) -> None:
    handle = os.open(path, os.O_RDWR)
    os.pwrite(handle, data, at)
    os.fsync(handle)
    os.close(handle)


def digests(disk: str) -> Dict[str, str]:
    return {name: hashlib.sha256(Path(f"/dev/{name.replace('ubdb', disk)}").read_bytes()).hexdigest() for name in KEPT}


def restore(saved: SystemInformation, disk: str) -> RestorePlan:
    """Plan and rebuild on that disk."""
    excluded = {path: "not now" for path in (D0, D1) if path != f"/dev/{disk}"}
    hardware = with_kept(dataclasses.replace(detect_hardware(excluded), arch=saved.system.arch), saved)
    plan = plan_restore(saved, hardware, RestorePolicy(parse_disk_map([f"d0={disk}"])))
    rebuild(plan, saved, Path(SET), lambda action, state, seconds: print(f"  {state} {seconds:.2f} s {action.title}"),
            find_images(saved, Path(SET), ()))
    verify(saved, plan)
    return plan


def kinds(plan: RestorePlan) -> List[ActionKind]:
    return [action.kind for action in plan.actions if action.id.startswith("raw:")]


def main() -> int:
    make_machine()
    before = digests("ubdb")
    whole.capture(SET)
    loaded = load_set(Path(SET)).info
    # The second disk is where the first one is restored to, not a disk of the machine.
    saved = dataclasses.replace(loaded, disks=loaded.disks[:1])
    wrong: List[str] = []
    if {raw.id: raw.sha256 for raw in saved.raws} != {ident: before[name] for ident, name in HASHED.items()}:
        wrong.append(f"the set does not say what the partitions hold: {saved.raws}")
    size = sum(path.stat().st_size for path in Path(SET, "raw").iterdir())
    print(f"{sum(raw.size_bytes for raw in saved.raws)} bytes of content in {size} bytes of images")
    again = {path.name: path.stat().st_mtime_ns for path in Path(SET, "raw").iterdir()}
    whole.capture(SET)
    if again != {path.name: path.stat().st_mtime_ns for path in Path(SET, "raw").iterdir()}:
        wrong.append("images of unchanged partitions were written again")

    # Another disk, full of something else: every image is written.
    write(D1, 0, os.urandom(64 * MIB))
    first = restore(saved, "ubdc")
    if kinds(first) != [ActionKind.WRITE_RAW] * 3 or digests("ubdc") != before:
        wrong.append(f"not restored: {kinds(first)}")

    # The same disk: nothing is written to the partitions, whose content survived.
    write(f"{D1}4", 0, bytes(MIB))
    tool("udevadm", "settle")
    partitions = [f"ubdc{number}" for number in range(1, 5)]
    earlier = whole.sectors_written(partitions)
    second = restore(saved, "ubdc")
    if kinds(second) != [ActionKind.KEEP_RAW] * 3 or digests("ubdc") != before:
        wrong.append(f"not kept: {kinds(second)}")
    # The table survived too: no partition vanished in between, so the kernel counts on.
    counted = {name: now - earlier[name] for name, now in whole.sectors_written(partitions).items()}
    if not counted.pop("ubdc4") or any(counted.values()):
        wrong.append(f"a partition that was kept was written: {counted}")

    # One byte of one of them has changed: that one is written, the others are kept.
    write(f"{D1}2", 20 * MIB, b"\0")
    third = restore(saved, "ubdc")
    if kinds(third) != [ActionKind.KEEP_RAW, ActionKind.WRITE_RAW, ActionKind.KEEP_RAW] or digests("ubdc") != before:
        wrong.append(f"not repaired: {kinds(third)}")
    print("WRONG:", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
