"""Guest job: on blank disks, break off a rebuild half-way, rebuild, rebuild over it; each time compare."""

from __future__ import annotations

import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import FrozenSet, List, Set

import server_layout
from records import load_saved
from watched import watched

from rescue.detect import detect_hardware
from rescue.plan import Action, RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map, plan_restore
from rescue.storage.errors import DiskChanged
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.verify import verify
from sif.model import SystemInformation

OUT = Path("/bench/out")
WRONG: List[str] = []
"""What is not as it should be, in words."""


class BreakOff(Exception):
    """The power fails."""


def plan(saved: SystemInformation) -> RestorePlan:
    hardware = detect_hardware({server_layout.D2: "a data disk"})
    hardware = dataclasses.replace(hardware, arch="x86_64")
    return plan_restore(saved, hardware, RestorePolicy(parse_disk_map(["d0=ubdb", "d1=ubdc"])))


def foreign_disk() -> str:
    """Fill the third disk, which no plan may touch, with a volume group of the same name; returns its digest."""
    server_layout.tool("pvcreate", "-q", server_layout.D2)
    server_layout.tool("vgcreate", "-q", "vg0", server_layout.D2)
    server_layout.tool("lvcreate", "-q", "-y", "-an", "-Zn", "-l", "4", "-n", "root", "vg0")
    server_layout.tool("udevadm", "settle")
    return digest()


def digest() -> str:
    return server_layout.tool("sha256sum", server_layout.D2)


def report(action: Action, state: str, seconds: float) -> None:
    if state != "started":
        print(f"  {state} {seconds:6.2f} s  {action.id}", flush=True)


def attempt(saved: SystemInformation) -> float:
    found = plan(saved)
    kept: List[str] = []
    running: Set[str] = set()
    together: Set[FrozenSet[str]] = set()

    def listen(action: Action, state: str, seconds: float) -> None:
        report(action, state, seconds)
        kept.extend([action.id] if state == "kept" else [])
        (running.add if state == "started" else running.discard)(action.id)
        together.add(frozenset(running))

    began = time.monotonic()
    with watched(found) as watch:
        rebuild(found, saved, OUT / "set", listen)
    took = time.monotonic() - began
    WRONG.extend(watch.judged(saved, kept))
    if not kept and not any(some & {"wipe:d0", "table:d0"} and some & {"wipe:d1", "table:d1"} for some in together):
        WRONG.append("two disks were written one after the other")
    print(f"  {len(kept)} actions kept, {len(watch.tables)} tables written", flush=True)
    verify(saved, found)
    return took


def compare(title: str) -> List[str]:
    before = json.loads((OUT / "before.json").read_text("utf-8"))
    found = list(server_layout.differences(before, server_layout.description()))
    print(f"{title}: {len(found)} differences", *found, sep="\n    ", flush=True)
    return found


def main() -> int:
    saved = load_saved((OUT / "saved.json").read_text("utf-8"))
    bare = dataclasses.replace(saved, vgs=tuple(
        dataclasses.replace(vg, metadata=None, metadata_sha256=None) for vg in saved.vgs))
    wrong = WRONG

    foreign = foreign_disk()

    first = plan(saved)
    server_layout.tool("dd", "if=/dev/urandom", f"of={server_layout.D1}", "bs=4096", "count=1", "conv=fsync")
    try:
        rebuild(first, saved, OUT / "set", report)
        wrong.append("a changed disk was written")
    except DiskChanged as error:
        print("refused as it should be:", error, flush=True)

    def meddle(action: Action, state: str, seconds: float) -> None:
        if action.id == "wipe:d1" and state in ("started", "kept"):  # it may have been wiped already
            server_layout.tool("dd", "if=/dev/urandom", f"of={server_layout.D1}", "bs=4096", "count=1", "conv=fsync")
        if (action.id, state) == ("table:d1", "started"):
            wrong.append("a disk that changed at the last moment was wiped")
    try:
        rebuild(plan(saved), saved, OUT / "set", meddle)
        wrong.append("a disk that changed at the last moment was written")
    except DiskChanged as error:
        print("refused at the last moment:", error, flush=True)

    def break_off(action: Action, state: str, seconds: float) -> None:
        if action.id == "fs:fs_lv_vg0_root" and state == "started":
            raise BreakOff
    try:
        rebuild(plan(saved), saved, OUT / "set", break_off)
        wrong.append("the break was not noticed")
    except BaseException as error:  # noqa: BLE001 - whatever it is, the next run must cope
        print("broken off:", error, flush=True)

    print(f"REBUILD over half a rebuild: {attempt(saved):.1f} s", flush=True)
    wrong += compare("after an interruption")
    target = Path("/mnt/target")
    target.mkdir()
    mount_tree(saved, plan(saved), target)  # it is used: else all of it would be kept
    unmount_tree(target)
    print(f"REBUILD over itself, without metadata files: {attempt(bare):.1f} s", flush=True)
    wrong += compare("from records alone")

    mount_tree(saved, plan(saved), target)
    for point in ("boot/efi", "boot", "srv"):
        (target / point / "file").write_text("x")
    print(server_layout.tool("findmnt", "-R", str(target)))
    unmount_tree(target)
    mount_tree(saved, None, target, read_only=True)
    wrong += [f"{point}/file is lost" for point in ("boot/efi", "boot", "srv")
              if not (target / point / "file").exists()]
    unmount_tree(target)
    wrong += [] if digest() == foreign else ["the foreign disk was written"]
    print("WRONG:", wrong)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
