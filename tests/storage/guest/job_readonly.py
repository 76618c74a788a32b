"""Guest job: a capture with every option writes nothing, mounted or not; and the proof notices when one does."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Callable, Dict, List

import whole
from server_layout import D0, D1, D2, tool
from untouched import State, changed, events_during, state

DISKS = ("ubdb", "ubdc", "ubdd")
MOUNTS = {"/mnt/root": "/dev/vg0/root", "/mnt/boot": f"{D0}2", "/mnt/esp": f"{D0}1", "/mnt/srv": f"{D1}1"}
SWAPS = (f"{D1}2", "/dev/vg0/swap")
TABLES = {
    D0: "label: gpt\nsize=32768,type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B\nsize=65536\n"
        "type=E6D6D379-F507-44C2-A23C-238F2A3DF928\n",
    D1: "label: dos\nsize=131072,type=83\ntype=82\n",
    D2: "label: gpt\nsize=16384,type=DE94BBA4-06D1-4D40-A16A-BFD50179D6AC\nsize=16384\n",
}
EXT4 = ("mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0")
"""Otherwise the kernel goes on making the file system after it was mounted."""


def everything() -> None:
    """A capture with every option there is."""
    whole.capture("/run/set", "--catalog", "--raw", "ubdd1")
    for words in (("drift", "/run/set"), ("check", "/run/set")):
        if whole.sif(*words):
            raise RuntimeError(f"sif {words} found something")


def make_machine() -> None:
    for disk, table in TABLES.items():
        tool("sfdisk", "-q", "--wipe", "always", disk, text=table)
    tool("udevadm", "settle")
    tool("pvcreate", "-q", f"{D0}3")
    tool("vgcreate", "-q", "vg0", f"{D0}3")
    tool("lvcreate", "-q", "-y", "-l", "16", "-n", "root", "vg0")
    tool("lvcreate", "-q", "-y", "-l", "4", "-n", "swap", "vg0")
    tool("mkfs.vfat", f"{D0}1")
    tool("mkfs.vfat", f"{D2}1")
    for device in (f"{D0}2", "/dev/vg0/root", f"{D2}2"):
        tool(*EXT4, device)
    tool("mkfs.xfs", "--unsupported", "-q", "-l", "size=13m", f"{D1}1")
    for device in SWAPS:
        tool("mkswap", "-q", device)
    tool("udevadm", "settle")
    whole.pretend({"/": "/dev/vg0/root", "/boot": f"{D0}2", "/boot/efi": f"{D0}1", "/srv": f"{D1}1",
                   "/data": f"{D2}2"}, D0)


def mount_all() -> None:
    """Mount everything read-write, with files in it, as a running server has; then let it come to rest.

    Freezing and thawing writes the journals out; afterwards nothing is written unless somebody changes something.
    """
    for point, device in MOUNTS.items():
        Path(point).mkdir()
        tool("mount", device, point)
        (Path(point) / "folder").mkdir()
        (Path(point) / "folder/file").write_text("content", "utf-8")
    for device in SWAPS:
        tool("swapon", device)
    for point in MOUNTS:
        tool("sync", "-f", point)
        if point != "/mnt/esp":  # FAT has no journal and cannot be frozen
            tool("fsfreeze", "-f", point)
            tool("fsfreeze", "-u", point)
    rest()


def rest() -> None:
    """Wait until two looks, one after the other, show the same."""
    before = now()
    for _ in range(10):
        after = now()
        if not changed(before, after):
            return
        print("not at rest yet:", changed(before, after), flush=True)
        before = after
    raise RuntimeError("the machine does not come to rest by itself: nothing can be proved on it")


def now() -> State:
    return state(DISKS, [point for point in MOUNTS if os.path.ismount(point)])


def difference(act: Callable[[], None]) -> List[str]:
    before = now()
    act()
    return changed(before, now())


# Violations: each is something that a capture could do by mistake. The proof must see every one.

def write_a_byte() -> None:
    """The very byte that is there already: the blocks stay equal, but it was a write."""
    handle = os.open(f"{D2}1", os.O_RDWR)
    os.pwrite(handle, os.pread(handle, 512, 1 << 20), 1 << 20)
    os.fsync(handle)
    os.close(handle)


def change_a_byte() -> None:
    handle = os.open(f"{D2}1", os.O_RDWR)
    byte = os.pread(handle, 1, 2 << 20)[0]
    os.pwrite(handle, bytes([byte ^ 1]), 2 << 20)
    os.fsync(handle)
    os.close(handle)


def deactivate() -> None:
    tool("lvchange", "-q", "-an", "vg0/swap")


def leave_a_mount() -> None:
    Path("/mnt/left").mkdir()
    tool("mount", "-o", "ro", f"{D0}1", "/mnt/left")


def change_metadata() -> None:
    tool("vgchange", "-q", "--addtag", "seen", "vg0")


def read_a_file() -> None:
    (Path("/mnt/boot") / "folder/file").read_text("utf-8")


def write_a_file() -> None:
    (Path("/mnt/srv") / "left").write_text("x", "utf-8")


UNMOUNTED: Dict[Callable[[], None], str] = {
    write_a_byte: "written ubdd1 sectors", change_a_byte: "blocks ubdd", leave_a_mount: "mounts",
    change_metadata: "lvm", deactivate: "mapper"}
MOUNTED: Dict[Callable[[], None], str] = {read_a_file: "times /mnt/boot", write_a_file: "written ubdc sectors"}


def prove(title: str, violations: Dict[Callable[[], None], str]) -> List[str]:
    """That a capture changes nothing, and that each violation is seen."""
    events: List[str] = []
    found = difference(lambda: events.extend(events_during(everything, "/run/events")))
    print(f"{title}: a capture changed {found or 'nothing'}, and caused {len(events)} events", flush=True)
    wrong = [f"{title}: a capture changed {name}" for name in found]
    wrong += [f"{title}: a capture causes an event, and a rule would start it again: {event}" for event in events]
    for violation, name in violations.items():
        seen = difference(violation)
        print(f"  {violation.__name__}: {seen}", flush=True)
        if name not in seen:
            wrong.append(f"the proof did not see {violation.__name__}: {seen}")
    return wrong


def main() -> int:
    make_machine()
    rest()
    wrong: List[str] = []
    Path("/run/system").mkdir()
    if whole.sif("install-units", "--root", "/run/system", "--sif", "/usr/sbin/sif.pyz"):
        wrong.append("the units cannot be installed")
    tool("udevadm", "verify", "/run/system/etc/udev/rules.d/99-sif-changed.rules")  # its failure ends the test
    if not events_during(write_a_byte, "/run/events"):
        wrong.append("events are not seen, so their absence proves nothing")
    wrong += prove("unmounted", UNMOUNTED)
    tool("umount", "/mnt/left")
    tool("lvchange", "-q", "-ay", "vg0/swap")
    mount_all()
    wrong += prove("mounted", MOUNTED)
    print("WRONG:", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
