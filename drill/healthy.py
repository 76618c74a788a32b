"""The installed server, running and in good health: for what an administrator does on it before any disaster."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Optional

from drill.accel import choose
from drill.guest import Guest
from drill.images import make_overlay
from drill.original import BOOT_SECONDS, settle
from drill.progress import Progress
from drill.server import facts
from drill.server.base import serial_of, server_base
from drill.server.tree import server_tree
from drill.spec import Disk, MachineSpec
from drill.vm import Machine
from sif.model import Firmware


@contextmanager
def healthy_server(folder: Path, name: str, processors: int = 1, stick: Optional[Path] = None) -> Iterator[Guest]:
    """The plain server under BIOS from its cached disks, which stay as they are; it is switched off at the end.

    ``folder`` takes its writes, logs and sockets (so its name has to be short); ``stick`` is attached by USB.
    """
    kind, tree = facts.Server.PLAIN, server_tree(facts.Server.PLAIN)
    accel = choose(tree.kernel)
    base = server_base(tree, kind, Firmware.BIOS, accel, folder, Progress(name))
    disks = tuple(Disk(disk, folder / f"{disk}.qcow2", serial_of(disk)) for disk in facts.disk_names(kind))
    for disk in disks:
        make_overlay(disk.path, base.disk(disk.name))
    spec = MachineSpec(name=name, firmware=Firmware.BIOS, folder=folder, sockets=folder, accel=accel, disks=disks,
                       usb_stick=stick, processors=processors)
    with Machine(spec) as machine:
        guest = Guest(machine.spec.agent_socket, on_life=machine.alive, check=lambda: machine.check_life(BOOT_SECONDS))
        guest.wait(BOOT_SECONDS)
        settle(guest)
        yield guest
        guest.power_off()
        machine.wait_end(BOOT_SECONDS)
