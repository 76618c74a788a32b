"""The rescue image in real (emulated) machines: it starts everywhere, touches nothing, and hands over to phase 2."""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path
from typing import Any, Dict, Iterator

import pytest
from image_machine import Machine, probe
from image_observe import OBSERVE

from builder_lib.manifest import manifest_path
from builder_lib.medium import COMMON_ARGS, consoles
from builder_lib.options import BuildOptions
from builder_lib.pipeline import build_iso
from builder_lib.progress import Progress

pytestmark = pytest.mark.vm

# A disk with everything on it that a careless system would bring up: swap, MD members, a volume group, file systems;
# and the rescue system staged for phase 2 on STAGE (a partition or a logical volume).
FURNISH = textwrap.dedent(r"""
    import pathlib, subprocess, time
    events = pathlib.Path("/run/lifeboat/events.jsonl")
    def looked():
        lines = events.read_text().splitlines() if events.exists() else []
        return any('"step": "guard"' in line and '"state": "started"' not in line for line in lines)
    # While the agent looks for a restore that is half done it holds the disks read-only.
    for _ in range(600):
        if looked():
            break
        time.sleep(0.2)
    script = r'''
    set -eux
    sfdisk --quiet /dev/vda <<T
    label: gpt
    size=400M, name=stage
    size=32M, type=swap, name=swap
    size=64M, type=raid, name=m1
    size=64M, type=raid, name=m2
    type=lvm, name=pv
    T
    udevadm settle
    mkswap /dev/vda2
    mdadm --create /dev/md/data --run --level=1 --metadata=1.2 --raid-devices=2 --assume-clean /dev/vda3 /dev/vda4
    udevadm wait --timeout=300 /dev/md/data
    mkfs.ext4 -q /dev/md/data
    vgcreate vg0 /dev/vda5
    lvcreate -y -n root -L 400M vg0
    lvcreate -y -n data -L 32M vg0
    mkfs.ext4 -q /dev/vg0/data
    case STAGE in lv) device=/dev/vg0/root lvm=rd.lvm.lv=vg0/root;; *) device=/dev/vda1 lvm=;; esac
    mkfs.ext4 -q /dev/vda1
    mkfs.ext4 -q /dev/vg0/root
    uuid=$(blkid -o value -s UUID $device)
    mount $device /mnt
    mkdir /mnt/lifeboat
    cp /run/initramfs/squashed.img /mnt/lifeboat/filesystem.squashfs
    cp /usr/lib/lifeboat/boot/vmlinuz /usr/lib/lifeboat/boot/initrd.img /mnt/lifeboat/
    if [ HANDOVER = yes ]; then cat > /mnt/lifeboat/phase2.cfg <<T
    set timeout=0
    menuentry "phase 2" {
        set live="root=live:UUID=$uuid rd.live.dir=lifeboat rd.live.squashimg=filesystem.squashfs rd.live.ram=1"
        linux /lifeboat/vmlinuz \$live COMMON $lvm rescue.phase=2 CONSOLES
        initrd /lifeboat/initrd.img
    }
    T
    fi
    umount /mnt
    vgchange -an vg0
    mdadm --stop /dev/md/data
    sync
    '''
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    answer({"status": done.returncode, "log": done.stdout + done.stderr})
""")


@pytest.fixture(scope="session")
def iso(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ISO of the current sources (from the cache as far as they are unchanged)."""
    return build_iso(BuildOptions(output=tmp_path_factory.mktemp("iso") / "lifeboat.iso"), Progress())


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A blank disk of 1 GiB."""
    path = tmp_path / "disk.img"
    with path.open("wb") as stream:
        stream.truncate(1 << 30)
    yield path
    path.unlink()


def furnish(machine: Machine, iso: Path, work: Path, stage: str, handover: bool) -> None:
    """Put the layout of FURNISH on the machine's first disk."""
    script = (FURNISH.replace("STAGE", stage).replace("HANDOVER", "yes" if handover else "no")
              .replace("COMMON", COMMON_ARGS).replace("CONSOLES", consoles(BuildOptions())))
    result = probe(machine, iso, script, work)
    assert result["status"] == 0, result["log"]


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# The other combinations, sticks with a partition for sets, and the network: test_firmware.py, `make test-image`.
@pytest.mark.parametrize(("firmware", "medium"), [("bios", "cd"), ("bios", "usb"), ("uefi", "usb"), ("secure", "cd")])
def test_starts_from_memory_with_all_tools(iso: Path, tmp_path: Path, firmware: str, medium: str) -> None:
    seen = probe(Machine(firmware, medium), iso, OBSERVE, tmp_path)
    assert int(seen["lifeboat"]) > 0, "the agent was started"
    assert set(seen["failed"]) <= {"lifeboat.service"}, "without a SIF only the agent itself may fail"
    assert seen["image"] == _squashfs(iso)["size"], "the image in memory is the one of the medium"
    assert seen["checked"] == _squashfs(iso)["sha256"], "the initramfs has checked it"
    assert [m for m in seen["mounts"] if not m.startswith("/dev/loop")] == [], "the medium is free"
    assert {"vmlinuz", "initrd.img"} <= set(seen["boot"]), "staging finds kernel and initramfs"
    assert seen["missing"] == [], "drivers are there, those of the initramfs too"
    assert seen["listening"] == [], "nothing listens on the network"
    assert seen["places"] == "2", "programs are at random places in memory, whatever the initramfs did"
    assert seen["imports"] == 0, "the agent's packages and what they import are there"
    assert seen["udisks"]
    assert "org.lifeboat.probe" in seen["ports"]
    assert seen["efi"] == seen["efivars"] == (firmware != "bios")
    assert seen["secure"] == (firmware == "secure")


def test_with_little_memory_the_medium_stays_in(iso: Path, tmp_path: Path) -> None:
    """With 512 MiB and more (every other test) the image is copied and the medium may leave; nobody chose anything."""
    seen = probe(Machine("bios", "cd", memory=400), iso, OBSERVE, tmp_path)
    assert int(seen["lifeboat"]) > 0, "the agent was started"
    assert set(seen["failed"]) <= {"lifeboat.service"}
    assert seen["image"] == 0 and "/dev/sr0" in seen["mounts"], "the image stays on the medium"
    assert seen["checked"] == _squashfs(iso)["sha256"], "and was checked all the same"
    assert {"vmlinuz", "initrd.img"} <= set(seen["boot"]), "staging finds kernel and initramfs"
    assert seen["imports"] == 0 and int(seen["available"]) > 100 << 10, "room is left to work in"


def _squashfs(iso: Path) -> Dict[str, Any]:
    data: Dict[str, Any] = json.loads(manifest_path(iso).read_text())["files"]["/live/filesystem.squashfs"]
    return data


def test_leaves_foreign_disks_alone(iso: Path, tmp_path: Path, disk: Path) -> None:
    machine = Machine("bios", "cd", disks=(disk,))
    furnish(machine, iso, tmp_path / "furnish", "partition", handover=False)
    before = sha256(disk)
    seen = probe(machine, iso, OBSERVE, tmp_path / "observe")
    assert "vda" in seen["disks"]
    assert (seen["swaps"], seen["mdstat"], seen["mapper"], seen["holders"]) == ([], [], [], [])
    assert sha256(disk) == before


# Under UEFI the firmware's own entry leads to phase 2 (test_drill.py): the signed GRUB of removable media has no LVM,
# and the firmware need not have connected a disk that it does not start from.
@pytest.mark.parametrize(("firmware", "stage"), [("bios", "partition"), ("bios", "lv")])
def test_medium_hands_over_to_phase_2_on_the_disk(iso: Path, tmp_path: Path, disk: Path, firmware: str,
                                                  stage: str) -> None:
    machine = Machine(firmware, "cd", disks=(disk,))
    furnish(machine, iso, tmp_path / "furnish", stage, handover=True)
    seen = probe(machine, iso, OBSERVE, tmp_path / "observe")
    assert "rescue.phase=2" in seen["cmdline"]
    assert seen["mapper"] == (["vg0-root"] if stage == "lv" else []), "only the staging volume is active"
    assert (seen["swaps"], seen["mdstat"], seen["missing"]) == ([], [], [])
    assert [m for m in seen["mounts"] if not m.startswith("/dev/loop")] == [], "the staging file system is free"
