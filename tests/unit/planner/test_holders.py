"""Who uses a disk, and in which order it is stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Dict, Sequence

import pytest
from planner_machines import itself, machine, present, server

from rescue.hardware import HolderKind
from rescue.holders import (
    clashing,
    clones,
    foreign_below,
    group_of,
    holders_of,
    needed_by_system,
    tree_lines,
    words,
)
from rescue.kernel_view import KernelDevice, KernelView, Mount, disks_below, parse_mounts, parse_swaps, read_kernel
from rescue.plan_view import plan_text
from rescue.planner import RestorePolicy, plan_restore

VG, LV = "A" * 32, "B" * 32


def device(name: str, *slaves: str, **facts: object) -> KernelDevice:
    return replace(KernelDevice(name, f"8:{name}", slaves), **facts)  # type: ignore[arg-type]


def partition(name: str, whole: str) -> KernelDevice:
    return device(name, whole=whole)


def lvm(name: str, mapper: str, *slaves: str, vg: str = VG) -> KernelDevice:
    return device(name, *slaves, mapper=mapper, mapper_uuid=f"LVM-{vg}{LV}")


def mount(ident: int, on: str, point: str, parent: int = 1, **facts: object) -> Mount:
    return replace(Mount(ident, parent, f"8:{on}", point, f"/dev/{on}"), **facts)  # type: ignore[arg-type]


ROOT = Mount(1, 0, "0:1", "/", "overlay")
STACK = KernelView(
    (device("vda"), partition("vda1", "vda"), partition("vda2", "vda"), device("vdb"), partition("vdb2", "vdb"),
     device("md7", "vda2", "vdb2", array=True),
     device("dm-0", "md7", mapper="crypt", mapper_uuid="CRYPT-LUKS2-1-crypt"),
     lvm("dm-1", "vg0-root", "dm-0"), lvm("dm-2", "vg0-swap", "dm-0"), device("loop0", backing="/mnt/image")),
    (ROOT, mount(20, "vda1", "/mnt/boot", parent=21), mount(21, "dm-1", "/mnt"),
     Mount(22, 21, "0:5", "/mnt/proc", "proc")),
    ("/dev/dm-2", "/mnt/swapfile"))


def order(view: KernelView, *disks: str) -> Sequence[str]:
    return [words(holder) for holder in holders_of(view, disks)]


def test_what_lies_on_something_is_stopped_before_it() -> None:
    found = holders_of(STACK, ("vda",))
    place = {holder.key: number for number, holder in enumerate(found)}
    assert [key for key in place if key.startswith(("md", "dm"))][-3:] == ["dm-1", "dm-0", "md7"] or \
        [holder.key for holder in found][-2:] == ["dm-0", "md7"]
    for above, below in (("loop0", "mount:0:21"), ("swap:/mnt/swapfile", "mount:0:21"), ("mount:0:20", "mount:0:21"),
                         ("mount:0:22", "mount:0:21"), ("mount:0:21", "dm-1"), ("swap:/dev/dm-2", "dm-2"),
                         ("dm-1", "dm-0"), ("dm-2", "dm-0"), ("dm-0", "md7")):
        assert place[above] < place[below]
    assert "vda1" not in place and "mount:0:1" not in place


def test_every_kind_is_known() -> None:
    kinds = {holder.key: holder.kind for holder in holders_of(STACK, ("vda",))}
    assert kinds == {"md7": HolderKind.ARRAY, "dm-0": HolderKind.LUKS, "dm-1": HolderKind.LVM, "dm-2": HolderKind.LVM,
                     "loop0": HolderKind.LOOP, "swap:/dev/dm-2": HolderKind.SWAP, "swap:/mnt/swapfile": HolderKind.SWAP,
                     "mount:0:20": HolderKind.MOUNT, "mount:0:21": HolderKind.MOUNT, "mount:0:22": HolderKind.MOUNT}


def test_a_disk_that_shares_an_array_says_so() -> None:
    array = holders_of(STACK, ("vdb",))[-1]
    assert (array.key, array.others) == ("md7", ("vda",))
    assert holders_of(STACK, ("vda", "vdb"))[-1].others == ()
    assert "vda1" not in [name for holder in holders_of(STACK, ("vdb",)) for name in holder.others]


def test_nothing_else_holds_another_disk() -> None:
    view = replace(STACK, devices=(*STACK.devices, device("vdc"), lvm("dm-9", "vg0-home", "vdc")))
    assert [holder.key for holder in holders_of(view, ("vdc",))] == ["dm-9"]
    assert "dm-9" not in [holder.key for holder in holders_of(view, ("vda", "vdb"))]


def test_a_btrfs_uses_devices_that_its_mount_does_not_name() -> None:
    view = KernelView((device("vda"), device("vdb")), (Mount(9, 1, "0:40", "/data", "/dev/vda"),), (),
                      (("vda", "vdb"),))
    assert order(view, "vdb") == ["mounted at /data on vda, vdb; it lies on vda too"]


def test_mounts_on_one_another_go_in_reverse_and_those_of_other_namespaces_last() -> None:
    view = KernelView((device("vda"),), (mount(5, "vda", "/x"), mount(6, "vda", "/x", parent=5),
                                         mount(7, "vda", "/y", pid=42)), ())
    assert [holder.key for holder in holders_of(view, ("vda",))] == ["mount:0:6", "mount:0:5", "mount:42:7"]
    assert words(holders_of(view, ("vda",))[2]) == "mounted at /y (for process 42) on vda"


def test_a_bcache_goes_before_its_parts() -> None:
    view = KernelView((device("vda", stops=("/b",)), device("vdb", stops=("/c",)),
                       device("bcache0", "vda", "vdb", stops=("/s",))), (mount(5, "bcache0", "/x"),), ())
    assert [(holder.key, holder.target) for holder in holders_of(view, ("vda",))] == [
        ("mount:0:5", "/x"), ("bcache0", "/s"), ("bcache:vda", "/b")]


def test_an_array_inside_a_container_goes_before_it() -> None:
    view = KernelView((device("vda"), device("md127", "vda", array=True),
                       device("md126", "vda", array=True, container="md127")), (), ())
    assert [holder.key for holder in holders_of(view, ("vda",))] == ["md126", "md127"]


def test_a_circle_ends() -> None:
    view = KernelView((device("vda"), device("dm-0", "dm-1", "vda"), device("dm-1", "dm-0")), (), ())
    assert "dm-0" in {holder.key for holder in holders_of(view, ("vda",))}


@pytest.mark.parametrize(("point", "needed"), [
    ("/", True), ("/usr", True), ("/run/medium", True), ("/media/root/STICK", True), ("/mnt", False), ("/mnt/x", False),
    ("/srv/old", False), ("/run/lifeboat/target", False), ("/run/lifeboat/target/boot", False),
    ("/run/lifeboat/store/a", True), ("[SWAP]", False), ("/usrlocal", False)])
def test_mounts_of_the_running_system_are_not_for_stopping(point: str, needed: bool) -> None:
    assert bool(needed_by_system([point])) is needed


def test_another_disk_mounted_below_ours_is_named() -> None:
    view = KernelView((device("vda"), device("vdb")), (mount(5, "vda", "/x"), mount(6, "vdb", "/x/y", parent=5)), ())
    assert foreign_below(view, ("vda",)) == ("/x/y (vdb)",)
    assert foreign_below(view, ("vda", "vdb")) == () == foreign_below(view, ("vdb",))


@pytest.mark.parametrize(("mapper", "group"), [
    ("vg0-root", "vg0"), ("vg--data_1-sr--v", "vg--data_1"), ("vg0-root_rimage_0", "vg0"), ("vg---x", "vg--"),
    ("plain", "plain")])
def test_the_group_in_a_mapper_name(mapper: str, group: str) -> None:
    assert group_of(mapper) == group


def test_only_volumes_of_other_disks_clash() -> None:
    view = replace(STACK, devices=(*STACK.devices, device("vdc"), lvm("dm-9", "vg0-root2", "vdc", vg="C" * 32),
                                   lvm("dm-8", "vg0x-root", "vdc"), device("dm-7", "vdc", mapper="vg0-fake")))
    assert [one.name for one in clashing(view, ("vda", "vdb"), ("vg0",), ())] == ["dm-9"]
    assert [one.name for one in clashing(view, ("vda", "vdb"), (), ("crypt", "vg0-fake"))] == ["dm-7"]
    dashed = "-".join((VG[:6], *(VG[6 + 4 * n:10 + 4 * n] for n in range(5)), VG[26:]))
    assert [one.name for one in clones(view, ("vda", "vdb"), (dashed,))] == ["dm-8"]


def test_the_tree_names_each_holder_once_below_what_it_lies_on() -> None:
    holders = holders_of(STACK, ("vda",))
    lines = tree_lines("vda", holders)
    assert sorted(int(line.split(".")[0]) for line in lines) == list(range(1, len(holders) + 1))
    assert [line for line in lines if line.endswith("it lies on vdb too")] == [lines[0]] or "md7" in lines[-1]
    depth = {line.strip().partition(". ")[2].split(";")[0]: len(line) - len(line.lstrip()) for line in lines}
    assert depth["array md7 on vda2, vdb2"] == 0 and depth["opened LUKS volume crypt"] == 2
    assert depth["LVM volume vg0-root"] == 4 and depth["mounted at /mnt"] == 6


def test_the_plan_shows_what_will_be_stopped() -> None:
    one, two = itself()
    here = machine(replace(one, signatures=("vda: gpt",), holders=holders_of(STACK, ("vda",))), two)
    text = plan_text(server(), here, plan_restore(server(), here, RestorePolicy()))
    assert text.count("will be stopped, in this order") == 1
    assert "LVM volume vg0-root" in text and max(map(len, text.splitlines())) <= 80


def test_the_plan_says_what_of_other_disks_is_called_otherwise() -> None:
    one, two, other = *itself(), present("vdc", 1 << 33)
    foreign = KernelView((device("vdc"), lvm("dm-1", "vg0-root", "vdc"), lvm("dm-2", "vg0x-root", "vdc"),
                          device("vda"), lvm("dm-3", "vg0-swap", "vda", "vdc")), (), ())
    here = machine(one, two, replace(other, signatures=("vdc: LVM2_member",), holders=holders_of(foreign, ("vdc",))))
    text = " ".join(plan_text(server(), here, plan_restore(server(), here, RestorePolicy())).split())
    assert "/dev/vdc: the active vg0-root has a name that the restore needs" in text
    assert "called otherwise" not in plan_text(server(), machine(one, two), plan_restore(
        server(), machine(one, two), RestorePolicy()))


def test_mountinfo_and_swaps_are_unescaped() -> None:
    (found,) = parse_mounts(r"30 25 254:3 / /mnt/a\040b rw shared:7 master:1 - ext4 /dev/mapper/x\055y rw" "\n", 4)
    assert found == Mount(30, 25, "254:3", "/mnt/a b", "/dev/mapper/x-y", 4)
    assert parse_swaps("Filename Type Size\n/dev/dm-1\\040x partition 4\n") == ("/dev/dm-1 x",)
    assert parse_mounts("broken line\n") == ()


def test_the_kernel_is_read_from_sysfs_and_proc(tmp_path: Path) -> None:
    write(tmp_path, {
        "sys/devices/vda/dev": "254:0", "sys/devices/vda/vda1/dev": "254:1", "sys/devices/vda/vda1/partition": "1",
        "sys/devices/md7/dev": "9:7", "sys/devices/md7/md/metadata_version": "external:/md127/0",
        "sys/devices/dm-0/dev": "252:0", "sys/devices/dm-0/dm/name": "vg0-root", "sys/devices/dm-0/dm/uuid": "LVM-x",
        "sys/devices/dm-0/slaves/vda1": "", "sys/devices/loop0/dev": "7:0", "sys/devices/loop0/loop/backing_file": "/f",
        "sys/fs/btrfs/features/x": "", "sys/fs/btrfs/1234/devices/vda": "", "proc/swaps": "Filename\n/swap file 1\n",
        "proc/self/mountinfo": "1 0 0:1 / / rw - overlay overlay rw\n",
        "proc/9/mountinfo": "7 1 254:1 / /x rw - ext4 /dev/vda1 rw\n",
        "proc/8/mountinfo": "7 1 254:1 / /same rw - ext4 /dev/vda1 rw\n"})
    block = tmp_path / "sys/class/block"
    block.mkdir(parents=True)
    for name, place in (("vda", "vda"), ("vda1", "vda/vda1"), ("md7", "md7"), ("dm-0", "dm-0"), ("loop0", "loop0")):
        (block / name).symlink_to(tmp_path / "sys/devices" / place)
    for process, namespace in (("self", "mnt:[1]"), ("8", "mnt:[1]"), ("9", "mnt:[2]")):
        (tmp_path / "proc" / process / "ns").mkdir()
        (tmp_path / "proc" / process / "ns/mnt").symlink_to(namespace)
    assert disks_below("dm-0", tmp_path) == ("vda",) == disks_below("vda", tmp_path)
    assert disks_below("nothing", tmp_path) == ()
    view = read_kernel(tmp_path)
    assert {one.name: one for one in view.devices} == {
        "vda": KernelDevice("vda", "254:0"), "vda1": KernelDevice("vda1", "254:1", whole="vda"),
        "md7": KernelDevice("md7", "9:7", array=True, container="md127"),
        "dm-0": KernelDevice("dm-0", "252:0", ("vda1",), mapper="vg0-root", mapper_uuid="LVM-x"),
        "loop0": KernelDevice("loop0", "7:0", backing="/f")}
    assert [(one.point, one.pid) for one in view.mounts] == [("/", None), ("/x", 9)]
    assert (view.swaps, view.btrfs) == (("/swap",), (("vda",),))


def write(root: Path, files: Dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
