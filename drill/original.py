"""Step 3: the healthy server runs, is written down, backed up and captured, and switched off."""

from __future__ import annotations

import gzip
import shutil
import sys
from pathlib import Path
from typing import Tuple

from drill import backup, images
from drill.errors import DrillFailed
from drill.guest import Guest
from drill.key import key_beside, sign
from drill.package import offer_package
from drill.plan import Bench
from drill.secret import new_password
from drill.server import facts
from drill.server.base import Base, serial_of
from drill.spec import Disk, DiskFormat, MachineSpec
from drill.typist import unlocking
from drill.vm import Machine
from sif.run import run

BOOT_SECONDS = 1800.0
COMMAND_SECONDS = 1800.0
"""Limits for what hangs, not for what is slow: an emulated machine beside others gets a fifth of a processor."""
SIF_PYZ = "/run/drill/sif.pyz"
MANIFEST_SCRIPT = Path(__file__).with_name("manifest.py")


def live_and_back_up(bench: Bench, base: Base) -> Tuple[str, bytes]:
    """Start the server, write the manifest, back up, capture to the stick, shut down cleanly.

    Returns the manifest's text and the password of the backup.
    """
    spec = _server(bench, base)
    images.make_stick(bench.stick, facts.STICK_BYTES, backup.STICK_LABEL)
    images.make_ext4(bench.store, facts.STORE_DISK_BYTES, backup.STORE_LABEL)
    progress, mounts = bench.progress, facts.mount_points(bench.order.server, bench.order.firmware)
    with Machine(spec) as machine, unlocking(machine):
        guest = Guest(machine.spec.agent_socket, on_life=machine.alive, check=lambda: machine.check_life(BOOT_SECONDS))
        with progress.step("start the server"):
            guest.wait(BOOT_SECONDS)
            settle(guest)
        with progress.step("mount the store and the stick"):
            backup.mount(guest, backup.STORE_LABEL, backup.STORE_MOUNT)
            backup.mount(guest, backup.STICK_LABEL, backup.STICK_MOUNT)
            backup.install_fragments(guest)
            password = new_password(guest, bench.key_stick, bench.order.server)
        with progress.step("write the manifest of every file"):
            text = take_manifest(guest, mounts)
        with progress.step("back up the system with restic"):
            progress.say(backup.back_up_files(guest, mounts))
        with progress.step("back up /srv with tar"):
            backup.back_up_data(guest)
        with progress.step("sif capture onto the stick"):
            progress.say(capture(guest, bench, f"{backup.STICK_MOUNT}/{facts.HOSTNAME}"))
        with progress.step("sign the set"):
            progress.say(sign(guest, key_beside(bench.order.iso), SIF_PYZ, f"{backup.STICK_MOUNT}/{facts.HOSTNAME}"))
        with progress.step("put a package beside the set"):
            progress.say(offer_package(guest, bench.disks, f"{backup.STICK_MOUNT}/{facts.HOSTNAME}/packages"))
        with progress.step("shut down"):
            backup.unmount(guest, backup.STORE_MOUNT, backup.STICK_MOUNT)
            guest.power_off()
            machine.wait_end(BOOT_SECONDS)
    return text, password


def _server(bench: Bench, base: Base) -> MachineSpec:
    variables, bus = bench.disks / "vars.fd", bench.order.recovery.bus
    disks = tuple(Disk(name, bench.disks / f"{name}.qcow2", serial_of(name), bus=bus)
                  for name in facts.disk_names(bench.order.server))
    for disk in disks:
        images.make_overlay(disk.path, base.disk(disk.name))
    shutil.copyfile(base.vars_file, variables)
    return MachineSpec(
        name="1-server", firmware=bench.order.firmware, folder=bench.logs, sockets=bench.logs, accel=bench.accel,
        vars_file=variables, usb_stick=bench.stick, memory=1024, operator=bench.order.server is facts.Server.LAYERS,
        disks=(*disks, Disk("store", bench.store, "STORE01", DiskFormat.RAW)))


def settle(guest: Guest) -> None:
    """Wait until systemd finished starting; its state and failed units are the proof's business."""
    guest.run(("systemctl", "is-system-running", "--wait"), timeout=COMMAND_SECONDS, check=False)


def take_manifest(guest: Guest, mounts: Tuple[str, ...]) -> str:
    """The manifest of the guest's file systems, made by a script of its own inside the guest."""
    guest.run(("mkdir", "-p", "/run/drill"), timeout=60)
    guest.write("/run/drill/manifest.py", MANIFEST_SCRIPT.read_bytes())
    guest.run(("python3", "/run/drill/manifest.py", "/run/drill/manifest", *mounts), timeout=COMMAND_SECONDS)
    guest.run(("gzip", "-1", "-f", "/run/drill/manifest"), timeout=COMMAND_SECONDS)
    return gzip.decompress(guest.read("/run/drill/manifest.gz")).decode("ascii")


def capture(guest: Guest, bench: Bench, output: str) -> str:
    """Run our own `sif capture` in the guest; what it said to people."""
    packed = bench.disks / "sif.pyz"
    if not packed.exists():
        run((sys.executable, "-m", "sif.pack", str(packed)), timeout=120)
    guest.run(("mkdir", "-p", "/run/drill"), timeout=60)
    guest.write(SIF_PYZ, packed.read_bytes())
    said = guest.run(("python3", SIF_PYZ, "capture", "--catalog", "--output", output), timeout=COMMAND_SECONDS)
    return said.stderr.decode("utf-8", "replace").strip()


def read_stick(bench: Bench) -> None:
    """Copy the SIF set from the stick into the evidence folder. Raises :class:`DrillFailed`."""
    bench.original_set.mkdir(parents=True, exist_ok=True)
    run(("mcopy", "-s", "-n", "-i", str(bench.stick), f"::/{facts.HOSTNAME}/*", str(bench.original_set)), timeout=120)
    if not (bench.original_set / "dr_state.sif").is_file():
        raise DrillFailed("the stick holds no SIF set", where=str(bench.stick),
                          found=", ".join(sorted(p.name for p in bench.original_set.iterdir())) or "nothing",
                          wanted="dr_state.sif")

