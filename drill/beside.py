"""A replica and its original run at the same time, on one network: each is itself, and finds the other there."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Tuple

from drill import images
from drill.errors import DrillFailed
from drill.guest import Guest
from drill.layer import Layer
from drill.original import BOOT_SECONDS, settle
from drill.plan import Bench, Wreck
from drill.ports import free_port
from drill.server import facts
from drill.server.base import serial_of
from drill.spec import Disk, Link, MachineSpec
from drill.vm import Machine

MACS = ("52:54:00:6c:69:67", "52:54:00:6c:69:68")
_SECONDS = 120.0
_KEY = "/etc/ssh/ssh_host_ed25519_key.pub"


@dataclass(frozen=True)
class Met:
    """What one machine is, and whom it finds at the other's address."""

    name: str
    machine_id: str
    host_key: str
    finds: str


def beside(bench: Bench, layer: Layer, wreck: Wreck) -> str:
    """Start both with a network card on one segment. Raises :class:`DrillFailed` with what they share."""
    port = free_port()
    first = MachineSpec(
        name="4-original", firmware=bench.order.firmware, folder=bench.logs, sockets=bench.logs, accel=bench.accel,
        vars_file=_variables(bench, layer), disks=_overlays(bench, layer), link=Link(port, MACS[0], True))
    second = MachineSpec(
        name="4-replica", firmware=wreck.machine.firmware, folder=bench.logs, sockets=bench.logs, accel=bench.accel,
        vars_file=wreck.vars_file, disks=tuple(placed.attached for placed in wreck.used),
        link=Link(port, MACS[1], False))
    with Machine(first) as original, Machine(second) as replica:
        guests = (_settled(original), _settled(replica))
        cards = tuple(_card(guest, mac) for guest, mac in zip(guests, MACS))
        here, there = (_meet(guest, card, address) for guest, (card, _), (_, address) in zip(
            guests, cards, reversed(cards)))
        for machine, guest in ((original, guests[0]), (replica, guests[1])):
            guest.power_off()
            machine.wait_end(BOOT_SECONDS)
    return judged(here, there)


def judged(here: Met, there: Met) -> str:
    """Two machines of their own, each of which finds the other. Raises :class:`DrillFailed`."""
    same = [what for what in ("name", "machine_id", "host_key") if getattr(here, what) == getattr(there, what)]
    if same:
        raise DrillFailed("the replica and its original are one machine to others", found=", ".join(same))
    if (here.finds, there.finds) != (there.host_key, here.host_key):
        raise DrillFailed("the replica and its original do not find each other", found=f"{here.finds}; {there.finds}",
                          wanted=f"{there.host_key}; {here.host_key}")
    return f"{here.name} and {there.name}, at the same time on one network"


def _variables(bench: Bench, layer: Layer) -> Path:
    """The original's EFI variables, in a copy."""
    copy = bench.disks / "original-vars.fd"
    shutil.copyfile(layer.folder / "vars.fd", copy)
    return copy


def _overlays(bench: Bench, layer: Layer) -> Tuple[Disk, ...]:
    disks = tuple(Disk(name, bench.disks / f"original-{name}.qcow2", serial_of(name), bus=bench.order.recovery.bus)
                  for name in facts.disk_names(bench.order.server))
    for disk in disks:
        images.make_overlay(disk.path, layer.disk(disk.name))
    return disks


def _settled(machine: Machine) -> Guest:
    guest = Guest(machine.spec.agent_socket, on_life=machine.alive, check=lambda: machine.check_life(BOOT_SECONDS))
    guest.wait(BOOT_SECONDS)
    settle(guest)
    return guest


def _card(guest: Guest, mac: str) -> Tuple[str, str]:
    """Name and link-local address of the card on the common segment."""
    cards: "list[Dict[str, str]]" = json.loads(guest.run(("ip", "-j", "link"), timeout=_SECONDS).text)
    name = next((card["ifname"] for card in cards if card.get("address") == mac), None)
    if name is None:
        raise DrillFailed("the machine has no card on the common network", wanted=mac)
    guest.run(("ip", "link", "set", name, "up"), timeout=_SECONDS)
    # Until the address is known to be nobody else's.
    script = f"for i in $(seq 60); do ip -6 -o addr show dev {name} scope link -tentative | grep -o 'fe80[^/]*' " \
             "&& exit; sleep 1; done; exit 1"
    return name, guest.run(("sh", "-c", script), timeout=_SECONDS).text.split()[0]


def _meet(guest: Guest, card: str, address: str) -> Met:
    def said(*argv: str) -> str:
        return guest.run(argv, timeout=_SECONDS).text.strip()
    found = said("ssh-keyscan", "-T", "60", "-t", "ed25519", f"{address}%{card}")
    return Met(said("hostname", "--fqdn"), said("cat", "/etc/machine-id"), said("cut", "-d ", "-f2", _KEY),
               found.split()[-1] if found else "nobody")
