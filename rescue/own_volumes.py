"""A look into the set's own volumes as they lie on the disks now: arrays, encrypted volumes and groups, read-only.

Nothing is repaired, synchronised or replayed, and everything is taken down again.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Iterator, Optional, Sequence, Set, Tuple

from rescue.blockdev import BlockDevices, read_block_devices
from rescue.planner.layout import Layout
from rescue.storage.bringup import Layer, in_order
from rescue.storage.encrypted_text import passphrase_name
from rescue.storage.site import Secrets, array_node, mapper_name
from sif.model import Bcache, CacheSet, LogicalVolume, Luks, MdArray, SystemInformation, VolumeGroup
from sif.run import run
from sif.secrets.names import SCHEME

_SECONDS = 120.0


def plain_uuid(uuid: str) -> str:
    """A uuid without what tools differ about: case, colons and dashes."""
    return uuid.replace(":", "").replace("-", "").lower()


def layers_under(saved: SystemInformation, devices: Sequence[str]) -> Tuple[Layer, ...]:
    """The arrays, encrypted volumes and groups under the devices (SIF ids), each after what it lies on."""
    layout = Layout(saved)
    seen: Set[str] = set()
    todo = list(devices)
    while todo:
        ident = todo.pop()
        if ident in seen:
            continue
        seen.add(ident)
        carrier = layout.carrier(ident)
        if isinstance(carrier, LogicalVolume):
            seen.add(carrier.vg)
        todo += layout.below(ident)
    return tuple(layer for layer in in_order(saved) if layer.id in seen)


def members_of(saved: SystemInformation, layer: Layer, devices: BlockDevices) -> Tuple[str, ...]:
    """The present devices a layer lies on; none if one of them is missing or there twice.

    Of an array those that are there: it may have lost a disk since, and can be looked into all the same.
    """
    if isinstance(layer, MdArray):
        return tuple(d.path for d in devices.devices if d.fstype == "linux_raid_member" and d.uuid is not None
                     and plain_uuid(d.uuid) == plain_uuid(layer.uuid))
    if isinstance(layer, (CacheSet, Bcache)):
        return ()  # the kernel writes to what it registers
    uuids = [layer.uuid] if isinstance(layer, Luks) else [pv.uuid for pv in saved.pvs if pv.id in layer.pvs]
    found = [devices.by_uuid(uuid) for uuid in uuids]
    return tuple(match[0].path for match in found) if all(len(match) == 1 for match in found) else ()


@contextmanager
def looked_into_volumes(saved: SystemInformation, devices: Sequence[str], secrets: Secrets) -> Iterator[None]:
    """Bring up what lies under the devices (SIF ids) for the time of a look, as far as it is there.

    ``secrets`` opens encrypted volumes; one that stays shut is no error.
    """
    with ExitStack() as down:
        for layer in layers_under(saved, devices):
            members = members_of(saved, layer, read_block_devices())
            undo = _up(saved, layer, members, secrets) if members else None
            if undo is not None:
                down.callback(run, undo, timeout=_SECONDS, check=False)
                run(("udevadm", "settle", "--timeout=60"), timeout=70, check=False)
        yield


def _up(saved: SystemInformation, layer: Layer, members: Sequence[str], secrets: Secrets) -> Optional[Tuple[str, ...]]:
    """Bring one layer up read-only; returns the command that takes it down, None if it was up or stays down."""
    if isinstance(layer, MdArray):
        return _array(array_node(saved, layer), layer, members)
    if isinstance(layer, (CacheSet, Bcache)):
        return None
    if isinstance(layer, Luks):
        return _opened(layer, members[0], secrets)
    return _group(layer, members)


def _array(path: str, array: MdArray, members: Sequence[str]) -> Optional[Tuple[str, ...]]:
    if _used(members):
        return None
    done = run(("mdadm", "--assemble", path, "--readonly", "--run", f"--uuid={array.uuid}", *members),
               timeout=_SECONDS, check=False)
    return ("mdadm", "--stop", path) if done.ok else None


def _opened(luks: Luks, device: str, secrets: Secrets) -> Optional[Tuple[str, ...]]:
    passphrase = secrets(SCHEME + passphrase_name(luks))
    if passphrase is None or _used((device,)):
        return None
    done = run(("cryptsetup", "open", "--readonly", "--type=luks", "--key-file=-", device, mapper_name(luks)),
               timeout=_SECONDS, input=passphrase.decode("utf-8", "surrogateescape"), check=False)
    return ("cryptsetup", "close", mapper_name(luks)) if done.ok else None


def _group(group: VolumeGroup, members: Sequence[str]) -> Optional[Tuple[str, ...]]:
    only = ("--devices", ",".join(members), "--select", f"vg_uuid={group.uuid}")
    read_only = f'activation {{ read_only_volume_list = [ "{group.name}" ] }}'
    run(("vgchange", "--config", read_only, *only, "--activate", "y"), timeout=_SECONDS, check=False)
    return ("vgchange", *only, "--activate", "n")


def _used(paths: Sequence[str]) -> bool:
    """Whether something lies on one of the devices already: it is then left as it is."""
    return any(any(Path("/sys/class/block", Path(path).resolve().name, "holders").glob("*")) for path in paths)
