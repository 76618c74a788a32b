"""btrfs as it was: devices, profiles, features, subvolumes, default, quotas."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence

from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.size import Size

from rescue.storage.btrfs_copies import forget_copies, hiding
from rescue.storage.btrfs_text import in_order, mkfs_command, parse_features
from rescue.storage.check import require, require_superblock
from rescue.storage.isolation import require_ours
from rescue.storage.signatures import clean_volume
from rescue.storage.site import Site
from sif.model import Btrfs
from sif.run import run

_TIMEOUT = 600.0
TOP_LEVEL = 5
"""The number of the top-level subvolume."""

class ExactBtrfsMember(DeviceFormat):  # type: ignore[misc]
    """A device of a btrfs: old signatures go; the file system is made on all of them at once."""

    _type = "exact btrfs member"
    _name = "btrfs device"
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


class ExactBtrfs(StorageDevice):  # type: ignore[misc]
    """The file system over all its devices, with its subvolumes."""

    _type = "exact btrfs"
    _dev_dir = "/dev"
    _unsynchronized_methods = ["_fill", "_limit"]

    def __init__(self, site: Site, btrfs: Btrfs, parents: Sequence[Any]) -> None:
        self.site, self.btrfs = site, btrfs
        super().__init__(f"btrfs-{btrfs.id}", parents=list(parents), size=Size(0))

    @property
    def status(self) -> bool:
        """A file system has no node of its own; it is there as soon as it is made."""
        return bool(self.exists)

    def update_sysfs_path(self) -> None:
        """A file system has no place in sysfs."""

    def _create(self) -> None:
        btrfs, site = self.btrfs, self.site
        if site.kept(f"btrfs:{btrfs.id}"):
            return
        with site.step(f"btrfs:{btrfs.id}"):
            nodes = [site.device(device) for device in btrfs.devices]
            for node in nodes:
                require_ours(site, node)
            known = parse_features(_listed())
            run(hiding(forget_copies(btrfs.uuid, nodes), mkfs_command(btrfs, nodes, known)), timeout=_TIMEOUT)
            require_superblock(nodes[0], {"TYPE": "btrfs", "UUID": btrfs.uuid, "LABEL": btrfs.label or ""})
            forget_copies(btrfs.uuid, nodes)
            with mounted_top(nodes) as top:
                self._fill(top)

    def _fill(self, top: Path) -> None:
        """Subvolumes, default and quotas. Read-only flags come when the content is there."""
        numbers: Dict[str, str] = {}
        for sub in in_order(self.site.saved, self.btrfs):
            place = top / sub.path
            place.parent.mkdir(parents=True, exist_ok=True)
            run(("btrfs", "subvolume", "create", str(place)), timeout=_TIMEOUT)
            if sub.nocow:
                run(("chattr", "+C", str(place)), timeout=_TIMEOUT)
            numbers[sub.id] = run(("btrfs", "inspect-internal", "rootid", str(place)), timeout=_TIMEOUT).stdout.strip()
        if self.btrfs.default is not None:
            run(("btrfs", "subvolume", "set-default", numbers[self.btrfs.default], str(top)), timeout=_TIMEOUT)
        if self.btrfs.quotas:
            run(("btrfs", "quota", "enable", str(top)), timeout=_TIMEOUT)
            for limit in self.btrfs.qgroups:
                self._limit(top, limit)
        made = run(("btrfs", "subvolume", "list", str(top)), timeout=_TIMEOUT).stdout.splitlines()
        require(f"file system {self.btrfs.id}", str(top), () if len(made) == len(numbers) else
                (f"{len(made)} subvolumes, not {len(numbers)}",))

    def _limit(self, top: Path, text: str) -> None:
        """Set one quota group's limits; a group above level 0 is made first."""
        group, referenced, exclusive = text.rsplit(":", 2)
        level, _, name = group.partition("/")
        if level == "0":
            number = run(("btrfs", "inspect-internal", "rootid", str(top / name)), timeout=_TIMEOUT).stdout.strip()
            group = f"0/{number}"
        else:
            run(("btrfs", "qgroup", "create", group, str(top)), timeout=_TIMEOUT)
        for option, value in ((), referenced), (("-e",), exclusive):
            if value != "none":
                run(("btrfs", "qgroup", "limit", *option, value, group, str(top)), timeout=_TIMEOUT)

    def _post_create(self) -> None:
        self.exists = True


def _listed() -> str:
    shown = run(("mkfs.btrfs", "-O", "list-all"), timeout=_TIMEOUT, check=False)
    return shown.stdout + shown.stderr


@contextmanager
def mounted_top(nodes: Sequence[str]) -> Iterator[Path]:
    """The top level of a btrfs on those devices, mounted at a place of its own."""
    run(("btrfs", "device", "scan", *nodes), timeout=_TIMEOUT)
    with tempfile.TemporaryDirectory(prefix="lifeboat-btrfs-") as place:
        run(("mount", "-t", "btrfs", "-o", f"subvolid={TOP_LEVEL}", nodes[0], place), timeout=_TIMEOUT)
        try:
            yield Path(place)
        finally:
            run(("umount", place), timeout=_TIMEOUT)
