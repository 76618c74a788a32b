"""Guest job: make the layout of /bench/machine, capture it, destroy it, rebuild it, capture it again, compare.

Twice: over disks that still hold the old layout, then over blank ones with the rebuild broken off after every action.
The second time the files are put back, and the whole machine is captured as it was at first: nothing may differ but
what the plan announced, and no key is left out of the comparison. The headers of encrypted volumes come from the set
then: every keyslot and token is there again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple

import redundancy
from machine_capture import ROOT

from rescue.detect import detect_hardware
from rescue.images import find_images, with_kept
from rescue.plan import Action, RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map, plan_restore
from rescue.planner.layout import Layout
from rescue.storage.bringup import bring_up, node
from rescue.storage.finishing import add_key_files, make_swap_files, seal_subvolumes
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.raw import holds
from rescue.storage.rebuild import rebuild
from rescue.storage.site import mapper_name
from rescue.storage.teardown import tear_down as stop_all
from rescue.verify import STORAGE_KINDS, planned_part, verify
from sif import look
from sif.capture import Captured, capture
from sif.capture.storage import adopt_names, probe_storage
from sif.diff import Difference, diff
from sif.model import DiskRole, SystemInformation
from sif.raw.choose import RawWish
from sif.raw.write import write_with_images
from sif.secrets.headers import read_header

OUT = Path("/bench/out")
SET = Path("/tmp/set")
TARGET = Path("/mnt/target")
FILES = Path("/tmp/files.tar")
BOOT_CODE = 440
"""Bytes in front of a disk that a boot loader has to itself."""
KINDS = (*STORAGE_KINDS, "MOUNT", "OMITTED")
PASSPHRASE = b"pass"
"""As the layouts have it."""
HEADERS: Dict[str, bytes] = {}
DISKS = {f"D{number}": f"/dev/ubd{letter}" for number, letter in enumerate("bcdefgh")}


class BreakOff(BaseException):
    """The power fails."""


def sh(script: str) -> None:
    subprocess.run(["sh", "-eu", "-c", script], env={**os.environ, **DISKS, "MACHINE": ROOT}, check=True)


def secrets(name: str) -> Optional[bytes]:
    return HEADERS.get(name, PASSPHRASE)


def with_headers(saved: SystemInformation) -> SystemInformation:
    """The set of a machine whose headers were saved too, but for volumes that do not come back with theirs."""
    return replace(saved, luks=tuple(luks if luks.integrity else replace(luks, header=f"secret:header-{luks.uuid}")
                                     for luks in saved.luks))


def made() -> Captured:
    sh(". /bench/tests/machines/layouts.sh; . /bench/machine/layout.sh")
    sh("udevadm settle")
    with look.rooted(ROOT):
        captured = capture(providers=Path("/nothing"), describe_all=True)
    info = write_with_images(captured.info, captured.files, captured.raw, SET, None)
    HEADERS.update({f"secret:header-{luks.uuid}": read_header(luks) for luks in info.luks})
    sh(f"tar -C {ROOT} -cf {FILES} --exclude='*swap*' .; umount -R {ROOT}; swapoff -a")
    return replace(captured, info=info)


def hands_off() -> None:
    """From here on udev assembles and activates nothing by itself, as in the rescue system."""
    rules = Path("/run/udev/rules.d")
    rules.mkdir(parents=True, exist_ok=True)
    for name in ("64-md-raid-assembly", "69-lvm", "69-bcache"):
        (rules / f"{name}.rules").symlink_to("/dev/null")
    sh("udevadm control --reload; udevadm settle")


def tear_down(saved: SystemInformation) -> None:
    stop_all([disk.device for disk in saved.disks if disk.device])


def blank(saved: SystemInformation) -> None:
    for disk in saved.disks:
        subprocess.run(["dd", "if=/dev/zero", f"of=/dev/{disk.device}", "bs=1M", "conv=fsync", "status=none"],
                       check=False)
    sh("udevadm settle")


def plan(saved: SystemInformation) -> RestorePlan:
    hardware = replace(detect_hardware({}), arch=saved.system.arch, firmware=saved.system.firmware)
    return plan_restore(saved, with_kept(hardware, saved), RestorePolicy(parse_disk_map(
        [f"{disk.id}={disk.device}" for disk in saved.disks if disk.role is DiskRole.CRITICAL])))


def unlike(wanted: SystemInformation, again: SystemInformation, found: RestorePlan) -> List[str]:
    """Every difference in any key; only what the plan says of a volume is no surprise."""
    announced = {adjustment.subject for adjustment in found.adjustments}
    different: List[Difference] = [one for one in diff(wanted, again, identity_only=True) if one.kind in KINDS]
    print(*(f"announced: {one}" for one in different if one.id in announced), sep="\n", flush=True)
    return [str(one) for one in different if one.id not in announced]


def differences(saved: SystemInformation, found: RestorePlan) -> List[str]:
    """What a capture of the rebuilt disks shows differently; nothing of it may be explained away here."""
    bring_up(saved, found, secrets)
    wanted = planned_part(saved, found)
    raw = RawWish(tuple(str(one.device) for one in saved.raws), automatic=False)
    storage = probe_storage({match.saved: match.name for match in found.matches}, isolate=True, raw=raw)
    again = adopt_names(storage, wanted).into(wanted)
    layout = Layout(saved)
    changed = [f"[RAW {one.id}] content" for one in saved.raws
               if not holds(node(saved, found, layout, one.device), one)]
    return [*unlike(wanted, again, found), *storage.unsupported, *changed]


def loaders(saved: SystemInformation) -> Mapping[str, bytes]:
    """What is in front of the disks that have no partition table: no set keeps it, GRUB's own tool puts it back."""
    found = {}
    for disk in saved.disks:
        if disk.boot_code is None:
            with Path(f"/dev/{disk.device}").open("rb") as first:
                found[disk.id] = first.read(BOOT_CODE)
    return found


def restored(saved: SystemInformation, found: RestorePlan, embedded: Mapping[str, bytes]) -> List[str]:
    """The files are put back, what needs them is made, and the machine is captured as a whole."""
    mount_tree(saved, found, Path(ROOT), secrets=secrets)
    sh(f"tar -C {ROOT} -xf {FILES}")
    make_swap_files(saved, Path(ROOT))
    add_key_files(saved, found, Path(ROOT), secrets)
    seal_subvolumes(saved, found)
    for disk in saved.disks:
        if disk.boot_code is not None:
            with Path(found.path_of(disk.id)).open("r+b") as first:
                first.write((SET / disk.boot_code.partition(":")[2]).read_bytes())
        elif any(embedded.get(disk.id, b"")):
            with Path(found.path_of(disk.id)).open("r+b") as first:
                first.write(embedded[disk.id])
    shut = [f"cryptsetup close {mapper_name(luks)}" for luks in saved.luks if not luks.name]
    sh("; ".join(["udevadm settle", *shut]))
    with look.rooted(ROOT):
        again = capture(providers=Path("/nothing"), describe_all=True).info
    wrong = unlike(saved, again, found)
    unmount_tree(Path(ROOT))
    print(f"as a whole: {len(wrong)} differences", *wrong, sep="\n    ", flush=True)
    return wrong


def attempt(saved: SystemInformation, title: str, stop_after: Optional[str] = None) -> Tuple[str, ...]:
    """One rebuild; returns the ids of the finished actions. With ``stop_after`` it is broken off there."""
    done: List[str] = []
    took: Dict[str, float] = {}

    def report(action: Action, state: str, seconds: float) -> None:
        if state == "finished":
            done.append(action.id)
            took[action.id] = seconds
            if action.id == stop_after:
                raise BreakOff
    began = time.monotonic()
    try:
        rebuild(plan(saved), saved, SET, report, find_images(saved, SET, ()), secrets)
    except BreakOff:
        return tuple(done)
    steps = ", ".join(f"{action} {seconds:.1f}" for action, seconds in took.items())
    print(f"{title}: {time.monotonic() - began:.1f} s; {steps}", flush=True)
    return tuple(done)


def check(saved: SystemInformation, title: str) -> List[str]:
    found = plan(saved)
    verify(saved, found)
    tear_down(saved)  # what counts is what the disks say, not what the kernel still remembers
    wrong = differences(saved, found)
    mount_tree(saved, found, TARGET, secrets=secrets)
    (TARGET / "written").write_text("x")
    unmount_tree(TARGET)
    wrong += redundancy.mismatches()
    print(f"{title}: {len(wrong)} differences", *wrong, sep="\n    ", flush=True)
    return wrong


def main() -> int:
    saved = made().info
    embedded = loaders(saved)
    TARGET.mkdir()
    hands_off()
    wrong: List[str] = []
    tear_down(saved)
    if saved.arrays or saved.lvs:
        redundancy.make_noise([f"/dev/{disk.device}" for disk in saved.disks])
    attempt(saved, "REBUILD over the old layout")
    wrong += check(saved, "over the old layout")
    tear_down(saved)
    blank(saved)
    saved = with_headers(saved)
    if Path("/bench/machine/interrupt").exists():
        for action in [action.id for action in plan(saved).actions]:
            attempt(saved, "interrupted", stop_after=action)
    attempt(saved, "REBUILD on blank disks")
    wrong += check(saved, "on blank disks")
    wrong += restored(saved, plan(saved), embedded)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
