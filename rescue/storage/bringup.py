"""Makes the volumes of a rebuilt machine appear again: arrays, encrypted volumes, groups, each after its base."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Set, Tuple, Union

from rescue.multipath import show_partitions
from rescue.plan import RestorePlan
from rescue.planner.layout import Layout, array_devices
from rescue.storage.arrays_text import assemble_command
from rescue.storage.encrypted_text import open_command, passphrase_name, passphrase_of
from rescue.storage.errors import RebuildFailed
from rescue.storage.registered import LINKS, register, show
from rescue.storage.site import Secrets, array_node, device_node, mapper_name, no_secrets
from sif.model import Bcache, CacheSet, Luks, MdArray, SystemInformation, VolumeGroup
from sif.run import run
from sif.secrets.age import SecretUnavailable

_TIMEOUT = 300.0
_START_READ_ONLY = Path("/sys/module/md_mod/parameters/start_ro")
_NO_PERMISSION = 2
"""Exit status of cryptsetup for a wrong passphrase, see cryptsetup(8)."""

Layer = Union[MdArray, CacheSet, Bcache, Luks, VolumeGroup]


def bring_up(saved: SystemInformation, plan: Optional[RestorePlan], secrets: Secrets = no_secrets) -> None:
    """Assemble, open and activate everything that the saved file systems lie on and that is not there yet.

    With a plan only its disks are looked at; without one devices are found by the uuids on them. Raises
    :class:`RebuildFailed` for what does not come up.
    """
    layout = Layout(saved)
    for match in plan.matches if plan is not None else ():
        show_partitions(match.path)
    for layer in in_order(saved):
        bring_up_layer(saved, plan, layout, layer, secrets)
    run(("udevadm", "settle", "--timeout=120"), timeout=130)


def bring_up_layer(saved: SystemInformation, plan: Optional[RestorePlan], layout: Layout, layer: Layer,
                   secrets: Secrets = no_secrets) -> None:
    """Assemble an array, open an encrypted volume or activate a group, on what is there; idempotent."""
    nodes = {ident: node(saved, plan, layout, ident) for ident in _below(layout, layer)}
    if isinstance(layer, MdArray):
        _assemble(layer, node(saved, plan, layout, layer.id), nodes)
    elif isinstance(layer, CacheSet):
        register(nodes[layer.device])
    elif isinstance(layer, Bcache):
        register(nodes[layer.device])
        show(layer.uuid, nodes[layer.device])
    elif isinstance(layer, Luks):
        _open(layer, nodes[layer.device], secrets)
    else:
        _activate(layer, plan, nodes)


def bring_up_kept(saved: SystemInformation, plan: RestorePlan, secrets: Secrets = no_secrets) -> None:
    """The same for what the plan keeps; arrays do not write before somebody writes to them.

    Raises :class:`RebuildFailed` or :class:`SecretUnavailable` for what does not come up, which did for the look.
    """
    layout = Layout(saved)
    with read_only_arrays():
        for layer in in_order(saved):
            kind = "md" if isinstance(layer, MdArray) else "luks" if isinstance(layer, Luks) else "vg"
            if f"{kind}:{layer.id}" in plan.kept:
                bring_up_layer(saved, plan, layout, layer, secrets)
    run(("udevadm", "settle", "--timeout=120"), timeout=130)


@contextmanager
def read_only_arrays() -> Iterator[None]:
    """Arrays that are assembled meanwhile do not write before somebody writes to them. Source: md(4), start_ro."""
    if not _START_READ_ONLY.exists():
        yield
        return
    before = _START_READ_ONLY.read_text("ascii")
    _START_READ_ONLY.write_text("1", "ascii")
    try:
        yield
    finally:
        _START_READ_ONLY.write_text(before, "ascii")


def in_order(saved: SystemInformation) -> Tuple[Layer, ...]:
    """The layers of the saved machine, each after what it lies on."""
    layout = Layout(saved)
    waiting: List[Layer] = [*saved.arrays, *saved.cachesets, *saved.bcaches, *saved.luks, *saved.vgs]
    ordered: List[Layer] = []
    there: Set[str] = {disk.id for disk in saved.disks} | {part.id for part in saved.partitions}
    while waiting:
        ready = next((layer for layer in waiting if there.issuperset(_below(layout, layer))), None)
        if ready is None:
            break  # on something the set does not have: the checks have said so
        waiting.remove(ready)
        ordered.append(ready)
        there.add(ready.id)
        if isinstance(ready, VolumeGroup):
            there.update(lv.id for lv in saved.lvs if lv.vg == ready.id)
    return tuple(ordered)


def node(saved: SystemInformation, plan: Optional[RestorePlan], layout: Layout, ident: str) -> str:
    """The device node of something saved: where the plan put it, else found by what is written on it."""
    if plan is not None:
        try:
            return device_node(plan, layout, ident)
        except KeyError:
            pass  # on a data disk, which no plan places
    array = saved.find("MD", ident)
    if isinstance(array, MdArray):
        return array_node(saved, array)
    bcache = saved.find("BCACHE", ident)
    if isinstance(bcache, Bcache):
        return f"{LINKS}/{bcache.uuid}"
    luks = saved.find("LUKS", ident)
    if isinstance(luks, Luks):
        return f"/dev/mapper/{mapper_name(luks)}"
    tags: Dict[str, str] = {}
    tags.update({str(fs.device): f"UUID={fs.uuid}" for fs in saved.filesystems})
    tags.update({str(above.device): f"UUID={above.uuid}" for above in saved.luks})
    tags.update({str(above.device): f"UUID={above.uuid}" for above in saved.bcaches})
    tags.update({str(above.device): f"UUID={above.device_uuid}" for above in saved.cachesets})
    tags.update({str(pv.device): f"UUID={pv.uuid}" for pv in saved.pvs})
    tags.update({str(device): f"UUID={btrfs.uuid}" for btrfs in saved.btrfs for device in btrfs.devices})
    tags.update({part.id: f"PARTUUID={part.uuid}" for part in saved.partitions if part.uuid and part.id not in tags})
    return tags.get(ident, ident)


def _below(layout: Layout, layer: Layer) -> Tuple[str, ...]:
    if isinstance(layer, MdArray):
        return array_devices(layer)
    if isinstance(layer, Bcache):
        return layout.bcache_devices(layer)
    if isinstance(layer, (Luks, CacheSet)):
        return (layer.device,)
    return tuple(pv.device for ref in layer.pvs if (pv := layout.pv(ref)))


def _assemble(array: MdArray, path: str, nodes: Dict[str, str]) -> None:
    if Path(f"/sys/class/block/{Path(path).name}/md").is_dir() and _state(path) not in ("", "clear", "inactive"):
        return
    devices = {ident: found for ident, found in nodes.items() if found.startswith("/dev/")}
    if len(devices) == len(nodes):
        run(assemble_command(array, path, devices), timeout=_TIMEOUT)
    else:
        run(("mdadm", "--assemble", path, f"--uuid={array.uuid}", "--run", "--config=partitions"), timeout=_TIMEOUT)


def _state(path: str) -> str:
    try:
        return Path("/sys/class/block", Path(path).name, "md/array_state").read_text("ascii").strip()
    except OSError:
        return ""


def _open(luks: Luks, device: str, secrets: Secrets) -> None:
    if Path("/dev/mapper", mapper_name(luks)).exists():
        return
    done = run(open_command(luks, device), timeout=_TIMEOUT, input=passphrase_of(luks, secrets), ok=(0, _NO_PERMISSION))
    if done.status == _NO_PERMISSION:
        raise SecretUnavailable("the passphrase does not open the encrypted volume", where=f"LUKS {luks.id}, {device}",
                                found=done.stderr.strip(), wanted=passphrase_name(luks),
                                hint="bring the right one, then: systemctl restart lifeboat")


def _activate(vg: VolumeGroup, plan: Optional[RestorePlan], nodes: Dict[str, str]) -> None:
    planned = plan is not None and any(action.id == f"vg:{vg.id}" for action in plan.actions)
    only = ("--devices", ",".join(nodes.values())) if planned else ()
    try:
        run(("vgchange", *only, "--activate", "y", "--select", f"vg_uuid={vg.uuid}"), timeout=_TIMEOUT)
    finally:
        run(("udevadm", "settle", "--timeout=120"), timeout=130)


__all__ = ["RebuildFailed", "bring_up", "bring_up_kept", "in_order", "node", "read_only_arrays"]
