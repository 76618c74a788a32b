"""Software RAID as it was: uuid, name, level, layout, slots, offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict, Sequence

from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.size import Size

from rescue.planner.layout import array_devices, is_zeroed
from rescue.storage.arrays_text import assemble_command, create_command, differences, flagged
from rescue.storage.check import require
from rescue.storage.isolation import require_ours
from rescue.storage.lvm_areas import HIDDEN_BYTES, Area, hide
from rescue.storage.signatures import clean_volume
from rescue.storage.site import Site
from sif.model import MdArray
from sif.run import run

_TIMEOUT = 600.0
_ZEROED_PER_SECOND = 10 << 20
"""Bytes a second of the slowest disk that may still be in use; the members are zeroed side by side."""


def hold(node: str) -> None:
    """Keep the kernel from synchronising the array for now: the rebuild has the disks to itself.

    That lasts until :func:`release`, or until the array is assembled the next time.
    """
    _sync(node, "frozen")


def release(site: Site) -> None:
    """Let the kernel synchronise the arrays that were made, in the background."""
    for array in site.saved.arrays:
        if f"md:{array.id}" in site.actions:
            _sync(site.device(array.id), "idle")


def _sync(node: str, what: str) -> None:
    action = _md(node) / "sync_action"
    if action.exists():  # not for a level without redundancy, nor where the array was not made
        action.write_text(what, "ascii")


def _flag(node: str, member: str, flag: str) -> None:
    """Set a flag of a member; the kernel writes it into the superblocks."""
    name = Path(member).resolve().name  # of a logical volume: dm-3
    (_md(node) / f"dev-{name}" / "state").write_text(flag, "ascii")


def _md(node: str) -> Path:
    return Path("/sys/class/block", Path(node).name, "md")


class ExactMember(DeviceFormat):  # type: ignore[misc]
    """A device that becomes a part of an array: old signatures go, the array's creation writes the rest."""

    _type = "exact md member"
    _name = "software RAID member"
    _formattable = True
    _supported = True

    def __init__(self, kept: bool = False) -> None:
        super().__init__()
        self.kept = kept

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return self

    def _create(self, **_kwargs: Any) -> None:
        if self.kept:
            return
        clean_volume(self.device)


class ExactArray(StorageDevice):  # type: ignore[misc]
    """An array that is made with the saved identity, or found whole after an interruption."""

    _type = "exact array"
    _dev_dir = "/dev"

    def __init__(self, site: Site, array: MdArray, parents: Sequence[Any], fmt: Any) -> None:
        self.site, self.array = site, array
        super().__init__(Path(site.device(array.id)).name, parents=list(parents), fmt=fmt, size=Size(array.size_bytes))

    def _create(self) -> None:
        nodes = {ident: self.site.device(ident) for ident in array_devices(self.array)}
        if self.site.kept(f"md:{self.array.id}"):
            with self.site.unlocked():
                run(assemble_command(self.array, self.path, nodes), timeout=_TIMEOUT)
            return
        with self.site.step(f"md:{self.array.id}"):
            for node in nodes.values():
                require_ours(self.site, node)
            offsets = dict(zip(nodes, self.array.data_offsets))
            for ident, node in nodes.items():
                hide(Area(node, offsets.get(ident, 0), HIDDEN_BYTES))
            # mdadm asks whether members of unequal size are meant; --run answers it.
            zeroing = (self.array.component_bytes or 0) / _ZEROED_PER_SECOND if is_zeroed(self.array) else 0
            run(create_command(self.array, self.path, nodes), timeout=_TIMEOUT + zeroing)
            hold(self.path)
            for ident, flag in flagged(self.array):
                _flag(self.path, nodes[ident], flag)
            shown = run(("mdadm", "--detail", "--export", self.path), timeout=_TIMEOUT).stdout
            require(f"array {self.array.name or self.array.id}", self.path, differences(self.array, shown))

    def _post_create(self) -> None:
        self.exists = True
