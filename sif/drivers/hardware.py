"""The modules between the processor and a device, bottom up: every driver on its path in sysfs.

Source: Documentation/ABI/testing/sysfs-bus-*, sysfs-class-net, sysfs-block of the kernel.
"""

from __future__ import annotations

import posixpath
from typing import Iterable, Iterator, List, Set, Tuple

from sif import look
from sif.drivers.wanted import Wanted
from sif.model import Need
from sif.text import identifier

BLOCK = "/sys/class/block"
NET = "/sys/class/net"
_KINDS_OF_LINK = {"bond": "bonding", "bridge": "bridge", "vlan": "8021q", "macvlan": "macvlan"}


def above(path: str, need: Need) -> Iterator[Wanted]:
    """The drivers of a device and of everything it hangs on, nearest first; ``path`` may be a link in sysfs."""
    here = look.real(path)
    while here.startswith("/sys/devices/"):
        driver = look.link(f"{here}/driver")
        module = look.link(f"{here}/driver/module")
        if module:
            yield Wanted(posixpath.basename(module), need, _device_id(here), certain=True)
        elif driver:
            # Without a link the driver is part of the kernel, and mostly named as its module would be.
            yield Wanted(posixpath.basename(driver), need, _device_id(here))
        here = posixpath.dirname(here)


def _device_id(path: str) -> str:
    bus = posixpath.basename(look.link(f"{path}/subsystem") or "")
    return identifier(f"{bus}-{posixpath.basename(path).replace(':', '-')}")


def disk_modules(name: str, need: Need = Need.DISK) -> Tuple[Wanted, ...]:
    """The drivers under a block device: those of the disks it lies on, of their hosts and transports."""
    found: List[Wanted] = []
    for disk in sorted(_lowest(name)):
        path = look.real(f"{BLOCK}/{disk}")
        found.extend(above(path, need))
        found.extend(_of_subsystem(path, need))
        found.extend(_of_scsi_host(path, need))
    return tuple(dict.fromkeys(found))


def _lowest(name: str) -> Set[str]:
    """The kernel names of the disks at the bottom of a stack of devices."""
    slaves = look.entries(f"{BLOCK}/{name}/slaves")
    return {disk for slave in slaves for disk in _lowest(slave)} if slaves else {name}


def _of_subsystem(path: str, need: Need) -> Iterator[Wanted]:
    """NVMe with several paths: the disk hangs on a virtual subsystem, its controllers elsewhere."""
    parent = posixpath.dirname(path)
    if "/nvme-subsystem/" not in path and "/nvme/" not in path:
        return
    for name in (*look.entries(parent), posixpath.basename(parent)):
        if name.startswith("nvme") and look.exists(f"/sys/class/nvme/{name}/transport"):
            transport = look.text_or(f"/sys/class/nvme/{name}/transport").strip()
            if transport and transport not in ("pcie", "loop"):
                yield Wanted(f"nvme-{transport}", need, certain=True)
            yield from above(f"/sys/class/nvme/{name}/device", need)


def _of_scsi_host(path: str, need: Need) -> Iterator[Wanted]:
    """The module of a SCSI host that no bus driver stands for: iSCSI over TCP, and others made by software."""
    for part in path.split("/"):
        if part.startswith("host") and part[4:].isdigit():
            name = look.text_or(f"/sys/class/scsi_host/{part}/proc_name").strip()
            if name and name != "(null)":
                yield Wanted(name, need)


def network_modules() -> Tuple[Wanted, ...]:
    """The drivers of every interface: of hardware, of the transceiver behind it, and of bonds, bridges and VLANs."""
    found: List[Wanted] = []
    for name in look.entries(NET):
        for device in ("device", "phydev"):
            if look.link(f"{NET}/{name}/{device}"):
                found.extend(above(f"{NET}/{name}/{device}", Need.NETWORK))
        for line in look.text_or(f"{NET}/{name}/uevent").splitlines():
            key, _, value = line.partition("=")
            if key == "DEVTYPE" and value in _KINDS_OF_LINK:
                found.append(Wanted(_KINDS_OF_LINK[value], Need.NETWORK))
    return tuple(dict.fromkeys(found))


def usb_hosts(need: Need) -> Tuple[Wanted, ...]:
    """The drivers of the machine's USB controllers: what a stick that is not plugged in now will need."""
    return tuple(dict.fromkeys(
        wanted for name in look.entries("/sys/bus/usb/devices") if name.startswith("usb")
        for wanted in above(f"/sys/bus/usb/devices/{name}", need)))


def holders(names: Iterable[str]) -> Tuple[str, ...]:
    """Everything that lies on these disks, by kernel name: partitions, then what is built on them."""
    found: List[str] = []
    todo = list(names)
    while todo:
        name = todo.pop(0)
        if name in found:
            continue
        found.append(name)
        todo.extend(look.entries(f"{BLOCK}/{name}/holders"))
        todo.extend(part for part in look.entries(f"{BLOCK}/{name}")
                    if part.startswith(name) and look.exists(f"{BLOCK}/{part}/partition"))
    return tuple(found)
