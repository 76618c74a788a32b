"""bcache as it was: cache sets and backing devices with their uuids, labels, modes and sizes of blocks and buckets.

Where it is cached, a device comes up empty of cached data: a new cache set has none. Source: the kernel's
Documentation/admin-guide/bcache.rst.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Dict, Optional, Sequence, Union

from blivet.devices.storage import StorageDevice
from blivet.formats import DeviceFormat
from blivet.size import Size

from rescue.storage.bcache_text import BLOCK, create_command, named, stale_bytes
from rescue.storage.check import require
from rescue.storage.errors import RebuildFailed
from rescue.storage.isolation import require_ours
from rescue.storage.lvm_areas import HIDDEN_BYTES, Area, hide, zero
from rescue.storage.registered import LINKS, register, show
from rescue.storage.signatures import clean_volume
from rescue.storage.site import Site
from sif.capture.bcache import SUPERBLOCK, parse
from sif.model import Bcache, CacheSet
from sif.plain import replace
from sif.run import run

_TIMEOUT = 600.0


class ExactCacheSet(DeviceFormat):  # type: ignore[misc]
    """A cache device that is its set."""

    _type = "exact bcache set"
    _name = "bcache cache set"
    _formattable = True
    _supported = True

    def __init__(self, site: Site, cacheset: CacheSet) -> None:
        super().__init__()
        self.site, self.cacheset = site, cacheset

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return self

    def _create(self, **_kwargs: Any) -> None:
        with self.site.step_or_kept(f"cacheset:{self.cacheset.id}"):
            if f"cacheset:{self.cacheset.id}" not in self.site.finished:
                _make(self.site, self.cacheset, self.device, None)
            register(self.device)


class ExactBacking(DeviceFormat):  # type: ignore[misc]
    """A device that becomes a backing one: old signatures go, the cached device's creation writes the rest."""

    _type = "exact bcache backing"
    _name = "bcache backing device"
    _formattable = True
    _supported = True

    def __init__(self, kept: bool = False) -> None:
        super().__init__()
        self.kept = kept

    def __deepcopy__(self, memo: Dict[int, Any]) -> Any:
        return self

    def _create(self, **_kwargs: Any) -> None:
        if not self.kept:
            clean_volume(self.device)


class ExactBcache(StorageDevice):  # type: ignore[misc]
    """The cached device: made on its backing device, attached to its set by the kernel."""

    _type = "exact bcache"
    _dev_dir = LINKS

    def __init__(self, site: Site, bcache: Bcache, parents: Sequence[Any], fmt: Any) -> None:
        self.site, self.bcache = site, bcache
        super().__init__(bcache.uuid, parents=list(parents), fmt=fmt, size=Size(bcache.size_bytes or 0))

    @property
    def status(self) -> bool:
        """It is there as soon as it is registered."""
        return bool(self.exists)

    def update_sysfs_path(self) -> None:
        """Its place in sysfs is that of a number that the kernel gives."""

    def _create(self) -> None:
        bcache, site = self.bcache, self.site
        node = site.device(bcache.device)
        cacheset = next((one for one in site.saved.cachesets if one.id == bcache.cache), None)
        with site.step_or_kept(f"bcache:{bcache.id}"):
            if f"bcache:{bcache.id}" not in site.finished:
                hide(Area(node, bcache.offset_bytes, HIDDEN_BYTES))
                _make(site, bcache, node, cacheset)
            register(node)
            show(bcache.uuid, node)
            found = parse(_read(node), bcache.device)
            wanted = replace(bcache, cache=None, size_bytes=None, id=found.record.id)
            require(f"bcache {bcache.label or bcache.id}", node, (
                *(() if found.record == wanted else (f"{found.record}, not {wanted}",)),
                *(() if found.attached == (cacheset is not None) else (f"attached: {found.attached}",))))

    def _post_create(self) -> None:
        self.exists = True


def _make(site: Site, one: Union[CacheSet, Bcache], node: str, cacheset: Optional[CacheSet]) -> None:
    """Write the superblock: make-bcache's, with what it invents replaced."""
    require_ours(site, node)
    clean_volume(node)
    if isinstance(one, CacheSet):
        room = stale_bytes(one, _size(node))
        zero(Area(node, 0, room), room)
    run(create_command(one, node, cacheset), timeout=_TIMEOUT)
    handle = os.open(node, os.O_RDWR | os.O_EXCL | os.O_CLOEXEC)
    try:
        os.pwrite(handle, named(os.pread(handle, BLOCK, SUPERBLOCK[0]), one), SUPERBLOCK[0])
        os.fsync(handle)
    except (OSError, ValueError) as error:
        raise RebuildFailed("the superblock of a bcache could not be written", where=node, found=str(error),
                            hint="see the kernel's log") from error
    finally:
        os.close(handle)


def _size(node: str) -> int:
    with Path(node).open("rb", buffering=0) as device:
        return device.seek(0, os.SEEK_END)


def _read(node: str) -> bytes:
    with Path(node).open("rb", buffering=0) as device:
        device.seek(SUPERBLOCK[0])
        return device.read(SUPERBLOCK[1])
