"""The secondary devices: mounted read-only, resolved to locations, and kept out of the plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterable, Mapping, Optional, Sequence, Tuple

from rescue.blockdev import BlockDevice, BlockDevices, read_block_devices
from rescue.identities import key_disks
from rescue.medium import MediumFound
from rescue.readonly import READABLE, mount_readonly
from rescue.workspace import Workspace
from sif.errors import Exit, LifeboatError
from sif.model import Store
from sif.run import run


class StoreNotFound(LifeboatError):
    """The device that holds the bulk of the data is not there, or several claim to be it."""

    code = Exit.MEDIUM_NOT_FOUND


@dataclass(frozen=True)
class ReadyStore:
    """A store that can be read: ``location`` is what ``${store:ID}`` becomes; ``disks`` are kernel names."""

    id: str
    location: str
    device: Optional[str] = None
    disks: Tuple[str, ...] = ()


def find_device(spec: str, devices: BlockDevices) -> Tuple[BlockDevice, ...]:
    """The devices that ``UUID=...`` or ``LABEL=...`` means."""
    kind, _, value = spec.partition("=")
    if kind == "UUID":
        return devices.by_uuid(value)
    if kind == "LABEL":
        return devices.by_label(value)
    raise StoreNotFound("this does not name a file system", found=repr(spec), wanted="UUID=... or LABEL=...")


def location_of(store: Store, mount_point: Optional[Path]) -> str:
    """What ``${store:ID}`` becomes: the location below the mount point, or the location alone."""
    if mount_point is None:
        return store.location
    inside = store.location.strip("/")
    return str(mount_point / inside) if inside else str(mount_point)


def open_stores(stores: Iterable[Store], workspace: Workspace, *, patience_s: float = 60.0,
                clock: Callable[[], float] = time.monotonic) -> Tuple[ReadyStore, ...]:
    """Mount the device of every store read-only; waits for devices that are still being recognised.

    Raises :class:`StoreNotFound` when one is not there after ``patience_s`` seconds.
    """
    ready = []
    deadline = clock() + patience_s
    for store in stores:
        if store.device is None:
            ready.append(ReadyStore(store.id, location_of(store, None)))
            continue
        device, devices = _wait_for(store, store.device, deadline, clock)
        where = workspace.store(store.id)
        if not where.is_mount():
            mount_readonly(device.path, device.fstype or "auto", where)
        location = location_of(store, where)
        if not Path(location).exists():
            raise StoreNotFound("the store's location is not on its device", where=f"STORE {store.id}",
                                found=f"no {store.location} on {device.path}", wanted=store.location,
                                hint="is this the right device? Its label or UUID may have been given twice")
        ready.append(ReadyStore(store.id, location, device.path, devices.disks_under(device)))
    return tuple(ready)


def _wait_for(store: Store, spec: str, deadline: float, clock: Callable[[], float]) -> Tuple[BlockDevice,
                                                                                            BlockDevices]:
    while True:
        run(["udevadm", "settle", "--timeout=20"], timeout=30, check=False)
        devices = read_block_devices()
        found = find_device(spec, devices)
        if len(found) == 1:
            return found[0], devices
        if len(found) > 1:
            raise StoreNotFound("several devices claim to be the store", where=f"STORE {store.id}",
                                found=", ".join(d.path for d in found), wanted=f"one file system with {spec}",
                                hint="take the copies out, or name the device by UUID in the SIF")
        if clock() >= deadline:
            raise StoreNotFound("the store is not there", where=f"STORE {store.id}", found=_readable(devices),
                                wanted=spec, hint="attach it and start again")
        # USB has no end-of-enumeration event to wait for: this is a poll with a deadline.
        time.sleep(1.0)


def _readable(devices: BlockDevices) -> str:
    listed = [f"{d.path} ({d.fstype}, LABEL={d.label or ''}, UUID={d.uuid or ''})"
              for d in devices.devices if d.fstype in READABLE]
    return "\n    ".join(["", *listed]) if listed else "no file system at all"


def live_devices(live_root: Optional[str], devices: BlockDevices) -> Tuple[BlockDevice, ...]:
    """The devices that the rescue system was started from, as its ``root=live:`` argument names them."""
    if not live_root:
        return ()
    kind, _, value = live_root.partition("=")
    if kind in ("CDLABEL", "LABEL"):
        return devices.by_label(value)
    if kind == "UUID":
        return devices.by_uuid(value)
    device = devices.by_path(live_root) if live_root.startswith("/dev/") else None
    return (device,) if device else ()


def exclusions(medium: Optional[MediumFound], stores: Sequence[ReadyStore], live_root: Optional[str],
               devices: BlockDevices) -> Mapping[str, str]:
    """Paths of the disks that can never be a target, and why."""
    why: Dict[str, str] = {}
    for device in live_devices(live_root, devices):
        for disk in devices.disks_under(device):
            why[f"/dev/{disk}"] = "the rescue disk"
    for disk in key_disks(devices):
        why[f"/dev/{disk}"] = "the medium with the keys"
    for store in stores:
        for disk in store.disks:
            why[f"/dev/{disk}"] = f"store {store.id}"
    if medium is not None:
        why[f"/dev/{medium.disk}"] = "the medium"
    return why
