"""Guest job: volumes of one disk are destroyed, the others stay, also when the rebuild is cut off in between."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Sequence, Tuple

from job_adapted import TARGET, secrets
from job_survivor import silent

from rescue.begun import with_begun
from rescue.decisions import decide
from rescue.detect import detect_hardware
from rescue.hardware import Hardware
from rescue.plan import Action, RestorePlan
from rescue.planner import RestorePolicy, parse_disk_map
from rescue.planner.codec import decode, dump_plan, load_plan
from rescue.storage import marks
from rescue.storage.errors import RebuildFailed
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.storage.site import no_secrets
from rescue.storage.teardown import tear_down
from rescue.storage.whole import Looking, find_whole
from rescue.verify import verify
from sif.catalog.entry import Entry, Origin
from sif.enums import Firmware, Intact
from sif.model import SystemInformation

DISK, NAMES, DIGEST = "/dev/ubdb", ("ubdb",), "ab" * 32
POLICY = RestorePolicy(parse_disk_map(["d0=ubdb"]), intact=Intact.KEEP)
MIB = 1 << 20
STRETCHES = {"table": (512, 33 * 512), "esp": (1, 48), "root": (113, 96), "srv": (209, 400), "home": (610, 80),
             "vault": (809, 64), "backup table": (1100 * MIB - 33 * 512, 33 * 512)}
"""Of the disk, what is kept: first MiB and MiB, small ones in bytes. The extents of /home begin 1 MiB into its PV."""
SURVIVORS = ("esp", "root", "srv", "home", "vault")
LOST = {"wipe:d0", "table:d0"}


def machine(saved: SystemInformation) -> Hardware:
    found = replace(detect_hardware({}), arch="x86_64", firmware=Firmware.UEFI)
    return with_begun(found, saved, DIGEST, marks.look)


def digests() -> Dict[str, str]:
    """What is on the stretches that are kept."""
    found: Dict[str, str] = {}
    with Path(DISK).open("rb") as disk:
        for name, (start, length) in STRETCHES.items():
            unit = 1 if "table" in name else MIB
            disk.seek(start * unit)
            left, made = length * unit, hashlib.blake2b()
            while left:
                data = disk.read(min(left, 4 * MIB))
                left -= len(data)
                made.update(data)
            found[name] = made.hexdigest()
    return found


def changed(before: Dict[str, str], when: str) -> List[str]:
    after = digests()
    return [f"{name} has changed by {when}" for name in before if before[name] != after[name]]


def entries() -> Tuple[Entry, ...]:
    """The files of the tree as a catalog lists them."""
    found = []
    for path in sorted(path for path in TARGET.rglob("*") if path.is_file()):
        facts = path.stat()
        found.append(Entry(b"/" + str(path.relative_to(TARGET)).encode(), hashlib.sha256(path.read_bytes()).hexdigest(),
                           facts.st_mode & 0o7777, facts.st_uid, facts.st_gid, facts.st_size, b"", "p", "1",
                           Origin.SAME))
    return tuple(found)


def fill(saved: SystemInformation, plan: RestorePlan) -> Tuple[Entry, ...]:
    """Put files on every volume; returns those that the catalog has: of the system, not of the data."""
    mount_tree(saved, plan, TARGET, secrets=secrets)
    for number in range(60):
        place = TARGET / f"usr/lib/file{number}"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(f"of a package {number}\n" * 50, "ascii")
    (TARGET / "boot/vmlinuz").write_bytes(b"kernel" * 1000)
    found = entries()
    for name in ("srv", "home", "tmp", "vault"):
        (TARGET / name / "data").write_bytes(name.encode() * 200_000)
    unmount_tree(TARGET)
    tear_down(NAMES)
    return found


def plan_again(saved: SystemInformation, listed: Sequence[Entry], told: List[str], with_secrets: bool = True,
               level: Intact = Intact.KEEP) -> RestorePlan:
    looking = Looking(listed, None if level is Intact.VERIFY else 20, secrets if with_secrets else no_secrets,
                      told.append)
    made = decide(saved, machine(saved), replace(POLICY, intact=level), None,
                  lambda plan: find_whole(saved, plan, looking))
    return load_plan(dump_plan(made))


def kept(plan: RestorePlan, *wanted: str) -> List[str]:
    return [] if set(plan.kept_volumes()) == set(wanted) else [f"kept {plan.kept_volumes()}, not {wanted}"]


def destroy() -> None:
    """/boot gets somebody else's bytes, /tmp another file system."""
    subprocess.run(["dd", "if=/dev/urandom", f"of={DISK}2", "bs=1M", "count=64", "status=none"], check=True)
    subprocess.run(["sh", "-c", "vgchange -q -ay vg0 && mkfs.ext4 -q -F /dev/vg0/tmp && vgchange -q -an vg0"],
                   check=True, stdout=subprocess.DEVNULL)


class Cut(Exception):
    """The power fails here."""


def cut_after(ident: str) -> "object":
    def report(action: Action, state: str, _seconds: float) -> None:
        if action.id == ident and state == "finished":
            raise Cut(ident)

    return report


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    told: List[str] = []
    first = decode(SystemInformation, json.loads(Path("/bench/machine/saved.json").read_text("utf-8")))
    made = decide(first, machine(first), RestorePolicy(POLICY.disk_map), None)
    rebuild(made, first, Path("/nothing"), silent, secrets=secrets)
    verify(first, made)
    saved = made.target_of(first)
    listed = fill(saved, made)
    destroy()
    before = digests()

    wrong = kept(plan_again(saved, listed, told, with_secrets=False), "esp", "root", "srv", "home")
    wrong += [] if any("vault does not come up" in line for line in told) else [f"nobody says why: {told}"]
    wrong += kept(plan_again(saved, listed, told, level=Intact.VERIFY), *SURVIVORS)
    other = tuple(entry._replace(sha256="0" * 64) if entry.path == b"/usr/lib/file7" else entry for entry in listed)
    wrong += kept(plan_again(saved, other, told, level=Intact.VERIFY), *(name for name in SURVIVORS if name != "root"))
    wrong += [] if any("file7" in line for line in told) else [f"nobody says what differs: {told}"]
    again = plan_again(saved, listed, told)
    wrong += kept(again, *SURVIVORS)
    wrong += changed(before, "the looks")
    print("\n".join(told), flush=True)

    began = time.monotonic()
    leave = marks.marks_of(again, saved, DIGEST).leave
    try:
        rebuild(again, saved, Path("/nothing"), cut_after("fs:boot"), secrets=secrets, leave_mark=leave)  # type: ignore[arg-type]
        wrong.append("the rebuild was not cut off")
    except RebuildFailed:
        wrong += changed(before, "the rebuild that was cut off")
    tear_down(NAMES)
    again = plan_again(saved, listed, told)
    wrong += kept(again, *SURVIVORS)
    wrong += [] if [need.begun for need in again.consents] == [True] else [f"consents {again.consents}"]
    rebuild(again, saved, Path("/nothing"), silent, secrets=secrets,
            leave_mark=marks.marks_of(again, saved, DIGEST).leave)
    wrong += changed(before, "the rebuild")
    verify(saved, again)
    marks.take_away([DISK])
    print(f"both rebuilds and looks: {time.monotonic() - began:.1f} s", flush=True)
    mount_tree(saved, again, TARGET, secrets=secrets)
    there = [name for name in ("srv", "home", "tmp", "vault") if (TARGET / name / "data").is_file()]
    wrong += [] if there == ["srv", "home", "vault"] else [f"there are {there}"]
    wrong += [] if not (TARGET / "boot/vmlinuz").exists() else ["/boot was not made anew"]
    unmount_tree(TARGET)
    tear_down(NAMES)
    print("WRONG:", *wrong, sep="\n    ", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
