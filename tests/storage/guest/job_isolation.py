"""Guest job: disks that are in use are freed and rebuilt, and disks outside the plan stay as they are to the last byte.

The machine of /bench/machine is on the first two disks. The others hold copies of them (same uuids everywhere), and a
volume group, an array and an encrypted volume with the names that the rebuild uses; first inactive, then in use.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Dict, Iterator, List, Sequence

from job_comes_back import PASSPHRASE, TARGET, differences, hands_off, made, plan, secrets, sh
from server_layout import tool
from untouched import _digest
from watched import watched

from rescue.detect import detect_hardware
from rescue.plan import Action
from rescue.plan_view import plan_text
from rescue.storage.bringup import bring_up
from rescue.storage.errors import DiskBusy
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.storage.site import FIRST_ARRAY, mapper_name
from rescue.storage.teardown import tear_down
from sif.model import SystemInformation

SET = Path("/tmp/set")
OLD = Path("/mnt/old")
NESTED = Path("/mnt/nested")
IMAGE = Path("/run/image")
OURS = ("ubdb", "ubdc")
COPIES = ("ubdd", "ubde")
GROUP, ARRAY, CRYPT = "ubdf", "ubdg", "ubdh"
FOREIGN = (*COPIES, GROUP, ARRAY, CRYPT)


def as_in_the_image() -> None:
    """Nothing is assembled or activated by itself, by the image's own settings, and udev has none of its rules.

    One of these has mdadm take a member out of its array when the partition was away for a moment, as it is when a
    table is written; on a busy machine that comes when the next array has the member already.
    """
    hands_off()
    for name in ("lvm/lvm.conf", "mdadm/mdadm.conf"):
        tool("mount", "--bind", f"/bench/etc/{name}", f"/etc/{name}")


def digests() -> Dict[str, str]:
    os.sync()
    tool("udevadm", "settle")
    for disk in FOREIGN:
        tool("blockdev", "--flushbufs", f"/dev/{disk}")
    return {disk: _digest(f"/dev/{disk}") for disk in FOREIGN}


def furnish(saved: SystemInformation) -> None:
    """Copies of our disks, and names like ours."""
    for ours, copy in zip(OURS, COPIES):
        tool("dd", f"if=/dev/{ours}", f"of=/dev/{copy}", "bs=1M", "conv=fsync", "status=none")
    names = {vg.name for vg in saved.vgs}
    for name in names:
        tool("vgcreate", "-q", "--devices", f"/dev/{GROUP}", name, f"/dev/{GROUP}")
        for lv in saved.lvs:
            tool("lvcreate", "-q", "-y", "-Wn", "-Zn", "--devices", f"/dev/{GROUP}", "-l", "2", "-n", lv.name, name)
        tool("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", f"/dev/{name}/{saved.lvs[0].name}")
        tool("vgchange", "-q", "--devices", f"/dev/{GROUP}", "-an", name)
    array = saved.arrays[0]
    tool("mdadm", "--create", "/dev/md99", "--run", "--level=1", "--raid-devices=2", f"--name={array.name}",
         f"--homehost={array.homehost}", f"/dev/{ARRAY}", "missing")
    tool("mkfs.ext4", "-q", "-E", "lazy_itable_init=0", "/dev/md99")
    tool("mdadm", "--stop", "/dev/md99")
    subprocess.run(["cryptsetup", "luksFormat", "-q", "--pbkdf-memory=32", "--pbkdf-parallel=1",
                    "--pbkdf-force-iterations=4", f"/dev/{CRYPT}", "-"], input=PASSPHRASE, check=True)
    tool("udevadm", "settle")


def make_image(name: str) -> None:
    """A disk image, as of a virtual machine, with a volume group of that name. Nothing of the name may be active."""
    sh(f"truncate -s 24M {IMAGE}; modprobe loop; losetup /dev/loop5 {IMAGE}")
    only = ("--devices", "/dev/loop5")
    tool("vgcreate", "-q", *only, name, "/dev/loop5")
    tool("lvcreate", "-q", "-y", *only, "-l", "4", "-n", "nested", name)
    tool("mkfs.ext4", "-q", f"/dev/{name}/nested")
    tool("vgchange", "-q", *only, "-an", name)
    tool("losetup", "--detach", "/dev/loop5")


def nest(name: str) -> None:
    """The image lies in the old machine's root, what is in it is mounted: ours and the inner group have one name."""
    sh(f"cp {IMAGE} {OLD}/image; losetup /dev/loop5 {OLD}/image; mkdir -p {NESTED}")
    tool("vgchange", "-q", "--devices", "/dev/loop5", "-ay", name)
    tool("udevadm", "settle")
    tool("mount", f"/dev/mapper/{name}-nested", str(NESTED))


@contextmanager
def old_system_in_use(saved: SystemInformation) -> Iterator[None]:
    """The old machine mounted, its swap on, also in a mount namespace of another process."""
    now = plan(saved)
    mount_tree(saved, now, OLD, secrets=secrets)
    sh(f"mkdir {OLD}/inner; mount -t tmpfs tmpfs {OLD}/inner")
    for swap in saved.swaps:
        lv = next(lv for lv in saved.lvs if lv.id == swap.device)
        vg = next(vg for vg in saved.vgs if vg.id == lv.vg)
        tool("swapon", f"/dev/{vg.name}/{lv.name}")
    nest(saved.vgs[0].name)
    other = subprocess.Popen(["unshare", "--mount", "--propagation", "private", "sh", "-c", "echo; exec sleep 1000"],
                             stdout=subprocess.PIPE)
    assert other.stdout is not None
    other.stdout.readline()
    try:
        yield
    finally:
        other.terminate()
        other.wait()


@contextmanager
def names_in_use(saved: SystemInformation) -> Iterator[None]:
    """The foreign volumes active under the names that ours get, and mounted."""
    vg = saved.vgs[0]
    tool("vgchange", "-q", "--devices", f"/dev/{GROUP}", "--config", "activation/auto_activation_volume_list=[]", "-ay",
         vg.name)
    tool("mdadm", "--assemble", f"/dev/md{FIRST_ARRAY}", "--run", f"/dev/{ARRAY}")
    subprocess.run(["cryptsetup", "open", "--readonly", "--key-file=-", f"/dev/{CRYPT}", mapper_name(saved.luks[0])],
                   input=PASSPHRASE, check=True)
    sh("mkdir -p /mnt/group /mnt/array; udevadm settle")
    tool("mount", "-o", "ro,noload", f"/dev/{vg.name}/{saved.lvs[0].name}", "/mnt/group")
    tool("mount", "-o", "ro,noload", f"/dev/md{FIRST_ARRAY}", "/mnt/array")
    yield
    sh("ls /mnt/group/lost+found /mnt/array/lost+found; umount /mnt/group /mnt/array")
    tear_down((GROUP, ARRAY, CRYPT))


@contextmanager
def copy_active(saved: SystemInformation) -> Iterator[None]:
    """The copies of our disks up to their volumes: a group with our uuids is active."""
    assert len(saved.arrays) == 2
    number = next(part.number for part in saved.partitions if part.id in saved.arrays[1].members)
    tool("mdadm", "--assemble", "/dev/md98", "--readonly", *(f"/dev/{disk}{number}" for disk in COPIES))
    subprocess.run(["cryptsetup", "open", "--readonly", "--key-file=-", "/dev/md98", "copy"], input=PASSPHRASE,
                   check=True)
    tool("vgchange", "-q", "--devices", "/dev/mapper/copy", "-ay", saved.vgs[0].name)
    tool("udevadm", "settle")
    yield
    tear_down(COPIES)


def round_trip(saved: SystemInformation, title: str) -> List[str]:
    """Rebuild and compare; then the foreign disks have to be what they were, and every action was really done."""
    before = digests()
    now = plan(saved)
    done: List[str] = []

    def report(action: Action, state: str, _seconds: float) -> None:
        if state == "finished":
            done.append(action.id)

    with watched(now) as watch:
        rebuild(now, saved, SET, report, secrets=secrets)
    wrong = [*watch.judged(saved), *(f"{action.id} was not done" for action in now.actions if action.id not in done),
             *differences(saved, plan(saved))]
    wrong += [f"{disk} was changed" for disk, digest in digests().items() if digest != before[disk]]
    print(f"{title}: {sum(watch.programs.values())} programs, {len(watch.tables)} tables written, {len(wrong)} "
          "differences", *wrong, sep="\n    ", flush=True)
    return [f"{title}: {text}" for text in wrong]


def use(saved: SystemInformation) -> None:
    """The machine has run since: what an earlier rebuild has made is an old system now, and nothing of it is kept."""
    tear_down(OURS)
    mount_tree(saved, plan(saved), TARGET, secrets=secrets)
    unmount_tree(TARGET)
    tear_down(OURS)


def shown(saved: SystemInformation, wanted: Sequence[str]) -> List[str]:
    """The plan has to name what will be stopped."""
    hardware = detect_hardware({})
    text = plan_text(saved, hardware, plan(saved))
    print(text.partition("Steps:")[0], flush=True)
    return [f"the plan does not say {word!r}" for word in wanted if word not in " ".join(text.split())]


def busy_is_named(saved: SystemInformation) -> List[str]:
    """A process that works in the old tree keeps it busy: the error names it, and nothing is written."""
    worker = subprocess.Popen(["sleep", "1000"], cwd=OLD)
    try:
        rebuild(plan(saved), saved, SET, unwanted, secrets=secrets)
    except DiskBusy as error:
        print(error, flush=True)
        return [] if f"sleep (process {worker.pid})" in str(error) else ["the error does not name the process"]
    finally:
        worker.terminate()
        worker.wait()
    return ["a disk in use was rebuilt"]


def unwanted(action: Action, state: str, _seconds: float) -> None:
    raise AssertionError(f"{action.id} {state}")


def main() -> int:
    as_in_the_image()
    seen = made().info
    saved = replace(seen, disks=tuple(disk for disk in seen.disks if disk.device in OURS))
    for folder in (TARGET, OLD):
        folder.mkdir()
    tear_down(OURS)
    furnish(saved)
    make_image(saved.vgs[0].name)
    wrong: List[str] = []
    bring_up(saved, plan(saved), secrets)
    with old_system_in_use(saved):
        wrong += shown(saved, ("will be stopped", f"mounted at {OLD}", "array md", "opened LUKS volume", "LVM volume",
                               "swap", "loop device loop5", f"LVM volume {saved.vgs[0].name}-nested",
                               f"mounted at {NESTED}", "for process"))
        wrong += busy_is_named(saved)
        wrong += round_trip(saved, "in use, copies and names on other disks")
    use(saved)
    with names_in_use(saved):
        wrong += shown(saved, ("has a name that the restore needs",))
        wrong += round_trip(saved, "names in use on other disks")
    use(saved)
    with copy_active(saved):
        wrong += round_trip(saved, "a copy is active")
    mount_tree(saved, plan(saved), TARGET, secrets=secrets)
    unmount_tree(TARGET)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
