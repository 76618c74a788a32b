"""The walk from disks upwards: each kind of layer says what it makes of the devices that are known so far.

A *carrier* is a device that something can lie on, known by its section's id: a disk, a partition, an array, an opened
encrypted volume, a logical volume. Layers lie on each other in any order (LVM on MD on partitions, MD on logical
volumes, LVM in LUKS), so every layer is asked again until none of them opens another carrier; its answer to the last
question counts. A layer therefore reads the machine once and keeps what it has read.

To add a layer: a class with the method of :class:`Layer`, in the list that :func:`sif.capture.storage.probe_storage`
walks, and the fields of its records in :class:`sif.capture.storage.Storage`.
"""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Iterable, List, Mapping, Optional, Protocol, Sequence, Tuple

from sif import look
from sif.capture.blocks import BlockDevice, descendants
from sif.capture.signature import Signature, probe_signature
from sif.model import Record
from sif.plain import dataclass, field


class Carriers:
    """Everything known so far that something can lie on: ``paths`` maps section ids to device paths.

    ``real`` maps those paths, their links resolved, to the ids, where that is known already.
    """

    def __init__(self, paths: Mapping[str, str], real: Optional[Mapping[str, str]] = None) -> None:
        self.paths = paths
        self._real: Dict[str, str] = dict(real or {})

    def id_at(self, path: str) -> Optional[str]:
        """The id of the carrier at a device path, whatever link names it; None for a foreign device."""
        if not self._real:
            self._real.update({look.real(known): ident for ident, known in self.paths.items()})
        return self._real.get(look.real(path))

    def items(self) -> Iterable[Tuple[str, str]]:
        """(id, device path) of each, in the order in which they were found."""
        return self.paths.items()


@dataclass(frozen=True)
class Layered:
    """What a layer makes of the carriers.

    ``opened`` maps ids of new carriers to their device paths; ``taken`` are the ids of carriers that the layer uses, so
    that nothing else can lie on them; ``explained`` are the kernel names of devices that the layer has made
    (and that need no id); ``files`` are files of the medium, ``unsupported`` says what can't be made again, ``notes``
    what the administrator should know.
    """

    records: Tuple[Record, ...] = ()
    opened: Mapping[str, str] = field(default_factory=dict)
    taken: FrozenSet[str] = frozenset()
    explained: FrozenSet[str] = frozenset()
    files: Tuple[Tuple[str, bytes], ...] = ()
    unsupported: Tuple[str, ...] = ()
    notes: Tuple[str, ...] = ()


class Surroundings:
    """What all layers look at: the kernel's devices, and the signatures, each read once.

    ``isolate`` asks a layer to keep its tools from every device that is not a carrier; ``hides`` says (by id and
    path) which carriers the walk keeps from the layers, because the administrator leaves them out.
    """

    def __init__(self, devices: Sequence[BlockDevice], isolate: bool = False,
                 hides: Optional[Callable[[str, str], bool]] = None) -> None:
        self.devices = tuple(devices)
        self.isolate = isolate
        self.hides: Callable[[str, str], bool] = hides or (lambda ident, path: False)
        self._signatures: Dict[str, Signature] = {}

    def device(self, path: str) -> Optional[BlockDevice]:
        """The kernel's device behind a path; None if it is not there."""
        return next((device for device in self.devices if device.path == path), None) or next(
            (device for device in self.devices if device.kname == look.real(path).rpartition("/")[2]), None)

    def above(self, device: BlockDevice) -> Tuple[BlockDevice, ...]:
        """Everything that lies on a device, directly or not."""
        return descendants(self.devices, device.kname)

    def signature(self, path: str) -> Signature:
        """What ``blkid`` finds on a device. Raises CommandFailed when it can't be read."""
        if path not in self._signatures:
            self._signatures[path] = probe_signature(path)
        return self._signatures[path]


class Layer(Protocol):
    """One kind of layer."""

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """What the layer makes of these carriers. Asked again when there are more; reads only."""


def walk(first: Mapping[str, str], layers: Sequence[Layer], around: Surroundings) -> Tuple[Carriers, Layered]:
    """Every carrier that is found from ``first`` (id → device path) upwards, and what all layers make of them."""
    carriers = Carriers(dict(first))
    while True:
        shown = Carriers({ident: path for ident, path in carriers.items() if not around.hides(ident, path)})
        found = [layer.on(shown, around) for layer in layers]
        paths = dict(carriers.paths)
        for layered in found:
            for ident, path in layered.opened.items():
                paths.setdefault(ident, path)
        if len(paths) == len(carriers.paths):
            return carriers, _together(found)
        carriers = Carriers(paths)


def _together(found: Sequence[Layered]) -> Layered:
    records: List[Record] = []
    files: List[Tuple[str, bytes]] = []
    unsupported: List[str] = []
    notes: List[str] = []
    for layered in found:
        records += layered.records
        files += layered.files
        unsupported += layered.unsupported
        notes += layered.notes
    return Layered(
        records=tuple(records), files=tuple(files), unsupported=tuple(unsupported), notes=tuple(notes),
        taken=frozenset(ident for layered in found for ident in layered.taken),
        explained=frozenset(name for layered in found for name in layered.explained))
