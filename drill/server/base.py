"""The server's disks after installation: made once per firmware in a guest, because only a guest has its kernel's
device-mapper and file systems; kept in the cache, used through overlays."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Tuple

from drill import spec
from drill.cache import cached, key_of
from drill.guest import Guest
from drill.images import make_blank
from drill.progress import Progress
from drill.server import facts
from drill.server.tree import Tree
from drill.spec import Accel, DirectKernel, Disk, DiskFormat, MachineSpec
from drill.vm import Machine
from sif.model import Firmware

BOOT_SECONDS = 1800.0
STEP_SECONDS = 3600.0
STEPS: Tuple[Tuple[str, str], ...] = (
    ("partition", "partition both disks"), ("volumes", "make volumes and file systems"), ("copy", "copy the system"),
    ("configure", "configure it"), ("boot", "install the boot loader"), ("content", "add users' data"),
    ("finish", "unmount"),
)
SCRIPTS = Path(__file__).parent


@dataclass(frozen=True)
class Base:
    """Cached disks of an installed, never started server. ``vars_file`` holds its EFI boot entry."""

    folder: Path

    def disk(self, name: str) -> Path:
        """The image of one of :func:`drill.server.facts.disk_names`."""
        return self.folder / f"{name}.qcow2"

    @property
    def vars_file(self) -> Path:
        return self.folder / "vars.fd"


def server_base(tree: Tree, server: facts.Server, firmware: Firmware, accel: Accel, logs: Path,
                progress: Progress) -> Base:
    """The installed server from the cache, or a new one (minutes under emulation)."""
    scripts = [(SCRIPTS / name).read_text("utf-8") for name in _scripts(server)]
    key = key_of((tree.key, firmware.value, *scripts, facts.PAGE, facts.HOSTNAME, str(facts.DATABASE_ROWS),
                  *map(str, facts.disk_bytes(server))))
    name = f"server-{firmware.value}" if server is facts.Server.PLAIN else f"server-{server.value}-{firmware.value}"
    return Base(cached(name, key, lambda folder: _install(tree, server, firmware, accel, Base(folder), logs, progress)))


def serial_of(name: str) -> str:
    """The serial number of one of the original's disks."""
    return f"{name.upper()}01"


def _scripts(server: facts.Server) -> Tuple[str, ...]:
    more = {facts.Server.LAYERS: ("install_layers.py",), facts.Server.ROOMY: ("install_roomy.py",)}
    return ("install.py", "content.py", *more.get(server, ()))


def _install(tree: Tree, server: facts.Server, firmware: Firmware, accel: Accel, base: Base, logs: Path,
             progress: Progress) -> None:
    names = facts.disk_names(server)
    for name, size in zip(names, facts.disk_bytes(server)):
        make_blank(base.disk(name), size)
    shutil.copyfile(spec.OVMF_VARS, base.vars_file)
    machine_spec = MachineSpec(
        name="installer", firmware=firmware, folder=logs, sockets=logs, accel=accel, vars_file=base.vars_file,
        memory=1024, kernel=DirectKernel(
            tree.kernel, tree.initrd, "root=/dev/disk/by-id/virtio-INSTALLER rootfstype=ext4 rw console=ttyS0 quiet "
            "systemd.mask=nginx.service systemd.mask=ssh.service init_on_alloc=0 norandmaps"),
        disks=(*(Disk(name, base.disk(name), serial_of(name)) for name in names),
               Disk("installer", tree.image, "INSTALLER", DiskFormat.RAW, snapshot=True),
               Disk("tree", tree.tar, "TREE", DiskFormat.RAW, read_only=True)))
    with Machine(machine_spec) as machine:
        guest = Guest(machine.spec.agent_socket, on_life=machine.alive, check=lambda: machine.check_life(BOOT_SECONDS))
        with progress.step("start the installer"):
            guest.wait(BOOT_SECONDS)
        for script in _scripts(server):
            guest.write(f"/run/{script}", (SCRIPTS / script).read_bytes())
        for name, title in STEPS:
            with progress.step(title):
                if name == "content":
                    guest.run(("python3", "/run/content.py", "/target", facts.PAGE, str(facts.DATABASE_ROWS)),
                              timeout=STEP_SECONDS)
                elif server is facts.Server.ROOMY:
                    guest.run(("python3", "/run/install_roomy.py", name, firmware.value, facts.HOSTNAME),
                              timeout=STEP_SECONDS)
                elif server is facts.Server.LAYERS:
                    guest.run(("python3", "/run/install_layers.py", name, firmware.value, facts.HOSTNAME,
                               facts.PASSPHRASE), timeout=STEP_SECONDS)
                else:
                    guest.run(("python3", "/run/install.py", name, firmware.value, facts.HOSTNAME),
                              timeout=STEP_SECONDS)
        with progress.step("switch the installer off"):
            guest.power_off()
            machine.wait_end(120)
