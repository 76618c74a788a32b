"""Packages on the set's own medium: phase 1 notes where they are, phase 2 looks whether the medium is still there."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Tuple

from rescue.blockdev import BlockDevices
from rescue.catalog.archives import PACKAGES
from rescue.medium import MediumFound
from rescue.readonly import looked_into
from rescue.workspace import Workspace


def packages_on(medium: MediumFound, devices: BlockDevices) -> str:
    """``UUID:path`` of the packages beside the set on its medium; empty when there are none."""
    device = devices.by_path(medium.device)
    where = medium.sif.parent / PACKAGES
    if device is None or not device.uuid or where.is_symlink() or not where.is_dir():
        return ""
    return f"{device.uuid}:{where.relative_to(medium.mount_point)}"


@contextmanager
def packages_at(named: str, devices: BlockDevices, workspace: Workspace) -> Iterator[Tuple[Path, ...]]:
    """The directory that :func:`packages_on` named, mounted read-only for the time of the block, if it is there."""
    uuid, _, path = named.rpartition(":")
    found = devices.by_uuid(uuid) if uuid else ()
    if len(found) != 1 or found[0].mount_points:
        yield ()
        return
    with looked_into(found[0].path, found[0].fstype or "auto", workspace.look(found[0].kname)) as root:
        yield (root / path,)
