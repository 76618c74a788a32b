"""Who uses a disk, as a tree, and in which order it can be stopped. Pure.

What lies on something is stopped before it: mounts, swap and loop devices first, then volumes, then arrays.
"""

from __future__ import annotations

import re
from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Set, Tuple

from rescue.hardware import Holder, HolderKind
from rescue.kernel_view import KernelDevice, KernelView, Mount

_LVM_UUID = re.compile(r"LVM-(.{32})")
_SYSTEM = frozenset({"bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "opt", "proc", "root", "run", "sbin",
                     "sys", "usr", "var"})
"""Top directories where the running system, or what it has found by itself, is mounted."""

OWN_TARGET = "/run/lifeboat/target"
"""Where an earlier run may have left the restored tree mounted (:class:`rescue.workspace.Workspace`)."""


def holders_of(view: KernelView, disks: Sequence[str]) -> Tuple[Holder, ...]:
    """Everything that uses one of those disks (kernel names), in the order in which it can be stopped."""
    graph = _Graph(view)
    ours = {key for key in graph.below if graph.ground(key) & set(disks) and key not in disks}
    found = [graph.holder(key, set(disks)) for key in ours if not graph.is_partition(key)]
    return tuple(sorted(found, key=lambda holder: (-holder.height, holder.pid is not None, _newest_first(holder),
                                                   holder.key)))


def _newest_first(holder: Holder) -> int:
    """Of mounts on one another the last one goes first."""
    return -int(holder.key.rpartition(":")[2]) if holder.kind is HolderKind.MOUNT else 0


def needed_by_system(mounts: Iterable[str]) -> Tuple[str, ...]:
    """Those mount points that belong to the running system or to media: nothing may be unmounted there."""
    return tuple(point for point in mounts
                 if point.startswith("/") and not f"{point}/".startswith(OWN_TARGET + "/")
                 and (point == "/" or point.split("/")[1] in _SYSTEM))


def foreign_below(view: KernelView, disks: Sequence[str]) -> Tuple[str, ...]:
    """Mount points of other disks that lie below mounts of these: to unmount them would write to those disks."""
    graph = _Graph(view)
    found = []
    for holder in holders_of(view, disks):
        base = graph.devices_under.get(holder.key, ())
        if holder.kind is HolderKind.MOUNT and base and not graph.based(holder.key) & set(disks):
            found.append(f"{holder.target} ({base[0]})")
    return tuple(found)


def tree_lines(disk: str, holders: Sequence[Holder], planned: Sequence[str] = ()) -> Tuple[str, ...]:
    """The holders of a disk as an indented list, each below what it lies on, numbered as they will be stopped.

    Of what lies on other disks too, those that are not ``planned`` are named.
    """
    numbers = {holder.key: number for number, holder in enumerate(holders, 1)}
    above: Dict[str, List[Holder]] = {}
    for holder in sorted(holders, key=lambda one: one.key):
        above.setdefault(holder.on[0] if holder.on and holder.on[0] in numbers else disk, []).append(holder)
    lines: List[str] = []

    def climb(base: str, depth: int) -> None:
        for holder in above.get(base, ()):
            lines.append(f"{'  ' * depth}{numbers[holder.key]}. {words(holder, planned if depth == 0 else None)}")
            climb(holder.key, depth + 1)

    climb(disk, 0)
    return tuple(lines)


def words(holder: Holder, planned: Optional[Sequence[str]] = ()) -> str:
    """A holder in words; with the disks that it lies on too and that are not planned, unless that is None."""
    text = f"{holder.kind.value} {holder.name}" if holder.kind is not HolderKind.MOUNT else f"mounted at {holder.name}"
    if holder.pid is not None:
        text += f" (for process {holder.pid})"
    parts = [name for name in holder.on if not name.startswith(("mount:", "bcache", "dm-", "md", "loop"))]
    text += f" on {', '.join(parts)}" if parts else ""
    others = [disk for disk in holder.others if planned is not None and disk not in planned]
    return text + (f"; it lies on {', '.join(others)} too" if others else "")


def clashing(view: KernelView, disks: Sequence[str], groups: Iterable[str], names: Iterable[str]) -> Tuple[
        KernelDevice, ...]:
    """Mapped devices on other disks alone that have one of those (device mapper) names, or a volume group's name."""
    graph, of_groups, exact = _Graph(view), set(groups), set(names)
    return tuple(device for device in view.devices if device.mapper is not None
                 and (device.mapper in exact
                      or (_LVM_UUID.match(device.mapper_uuid) and group_of(device.mapper) in of_groups))
                 and not graph.based(device.name) & set(disks))


def clones(view: KernelView, disks: Sequence[str], uuids: Iterable[str]) -> Tuple[KernelDevice, ...]:
    """Mapped devices on other disks alone that belong to a volume group with one of those uuids: copies of ours."""
    graph = _Graph(view)
    wanted = {f"LVM-{uuid.replace('-', '')}" for uuid in uuids}
    return tuple(device for device in view.devices if device.mapper_uuid[:36] in wanted
                 and not graph.based(device.name) & set(disks))


def group_of(mapper: str) -> str:
    """The volume group's part of a device mapper name: what comes before the first single hyphen."""
    return re.split(r"(?<!-)-(?!-)", mapper.replace("--", "\0"), maxsplit=1)[0].replace("\0", "--")


class _Graph:
    """What lies directly on what: devices by kernel name, mounts as ``mount:<pid>:<id>``, swap as ``swap:<path>``."""

    def __init__(self, view: KernelView) -> None:
        self.view = view
        self.devices: Dict[str, KernelDevice] = {device.name: device for device in view.devices}
        self._of_number = {device.number: device.name for device in view.devices}
        self._of_mapper = {device.mapper: device.name for device in view.devices if device.mapper}
        self.mounts: Dict[str, Mount] = {_key(mount): mount for mount in view.mounts}
        self.below: Dict[str, Tuple[str, ...]] = {}
        self.devices_under: Dict[str, Tuple[str, ...]] = {}
        self._grounds: Dict[str, Set[str]] = {}
        self._bases: Dict[str, Set[str]] = {}
        self._heights: Dict[str, int] = {}
        for device in view.devices:
            self.below[device.name] = self._below_device(device)
            if self._registered(device.name):
                self.below[f"bcache:{device.name}"] = (device.name,)
        for key, mount in self.mounts.items():
            self.below[key] = self._below_mount(key, mount)
        for path in view.swaps:
            self.below[f"swap:{path}"] = self._below_path(path)
        self._content = {**self.below, **dict.fromkeys(self.mounts, ()), **self.devices_under}

    def is_partition(self, key: str) -> bool:
        return key in self.devices and self.devices[key].whole is not None

    def ground(self, key: str) -> Set[str]:
        """The devices without anything below them that it lies on: disks; also those it is mounted over."""
        return self._disks_under(key, self.below, self._grounds)

    def based(self, key: str) -> Set[str]:
        """The disks that hold its content: not those of the places where it is mounted."""
        return self._disks_under(key, self._content, self._bases)

    def _disks_under(self, key: str, below_of: Mapping[str, Tuple[str, ...]], known: Dict[str, Set[str]]) -> Set[str]:
        if key not in known:
            known[key] = set()  # a circle ends here
            below = below_of.get(key, ())
            known[key] = {disk for one in below for disk in self._disks_under(one, below_of, known)} if below else \
                {key} if key in self.devices else set()
        return known[key]

    def height(self, key: str) -> int:
        """How many layers are below it; a partition is no layer."""
        if key not in self._heights:
            self._heights[key] = 0
            below = [self.height(one) for one in self.below.get(key, ())]
            self._heights[key] = (max(below) + (0 if self.is_partition(key) else 1)) if below else 0
        return self._heights[key]

    def holder(self, key: str, disks: Set[str]) -> Holder:
        kind, name, target = self._identity(key)
        others = tuple(sorted(self.based(key) - disks))
        return Holder(key, kind, name, target, tuple(self._visible(key)), self.height(key), others,
                      self.mounts[key].pid if key in self.mounts else None)

    def _visible(self, key: str) -> List[str]:
        return [base for below in self.below[key] for base in
                (self.below[below] if self.is_partition(below) and self.devices[below].whole not in self._disks()
                 else (below,))]

    def _disks(self) -> Set[str]:
        return {name for name, below in self.below.items() if not below and name in self.devices}

    def _identity(self, key: str) -> Tuple[HolderKind, str, str]:
        if key in self.mounts:
            return HolderKind.MOUNT, self.mounts[key].point, self.mounts[key].point
        if key.startswith("swap:"):
            return HolderKind.SWAP, key[len("swap:"):], key[len("swap:"):]
        device = self.devices[key.partition(":")[2] or key]
        if device.mapper is not None:
            return _mapper_kind(device.mapper_uuid), device.mapper, f"/dev/mapper/{device.mapper}"
        if device.array:
            return HolderKind.ARRAY, device.name, f"/dev/{device.name}"
        if device.stops:
            return HolderKind.BCACHE, device.name, device.stops[0]
        kind = HolderKind.LOOP if device.backing is not None else HolderKind.MAPPER
        return kind, device.name, f"/dev/{device.name}"

    def _below_device(self, device: KernelDevice) -> Tuple[str, ...]:
        if device.whole is not None:
            return (device.whole,)
        if device.backing is not None:
            return self._below_path(device.backing)
        return (*(f"bcache:{slave}" if self._registered(slave) else slave for slave in device.slaves),
                *((device.container,) if device.container else ()))

    def _registered(self, name: str) -> bool:
        """Whether it is a part of a bcache, not the bcache itself."""
        return name in self.devices and bool(self.devices[name].stops) and not name.startswith("bcache")

    def _below_mount(self, key: str, mount: Mount) -> Tuple[str, ...]:
        parent = f"mount:{mount.pid or 0}:{mount.parent}"
        name = self._of_number.get(mount.number) or self.named(mount.source)
        over = (parent,) if parent in self.mounts and parent != key else ()
        if name is None:
            return over
        # A btrfs uses devices that its mount does not name.
        group = next((devices for devices in self.view.btrfs if name in devices), ()) \
            if mount.number.startswith("0:") else ()
        self.devices_under[key] = (name, *(other for other in group if other != name))
        return (*self.devices_under[key], *over)

    def _below_path(self, path: str) -> Tuple[str, ...]:
        """What a swap area or the file behind a loop device lies on: a device, or the mount that holds the file."""
        name = self.named(path)
        if name is not None:
            return (name,)
        over = [mount for mount in self.view.mounts if mount.pid is None
                and f"{path}/".startswith(mount.point.rstrip("/") + "/")]
        if not over:
            return ()
        return (_key(max(reversed(over), key=lambda mount: len(mount.point))),)

    def named(self, path: str) -> Optional[str]:
        """The kernel name of a device node, by its path."""
        if path.startswith("/dev/mapper/"):
            return self._of_mapper.get(path[len("/dev/mapper/"):])
        name = path[len("/dev/"):].replace("/", "!") if path.startswith("/dev/") else ""
        return name if name in self.devices else None


def _key(mount: Mount) -> str:
    return f"mount:{mount.pid or 0}:{mount.ident}"


def _mapper_kind(uuid: str) -> HolderKind:
    for start, kind in (("LVM-", HolderKind.LVM), ("CRYPT-", HolderKind.LUKS), ("mpath-", HolderKind.MULTIPATH)):
        if uuid.startswith(start):
            return kind
    return HolderKind.MAPPER
