"""Layers that are loaded for a machine that has something for them: most have few kinds, and to load all takes long."""

from __future__ import annotations

from importlib import import_module
from typing import Callable, Optional, Sequence

from sif import look
from sif.capture.crypttab import read_crypttab
from sif.capture.layers import Carriers, Layer, Layered, Surroundings

Wanted = Callable[[Carriers, Surroundings], bool]


class Late:
    """A layer by the name of its module in :mod:`sif.capture` and of its class."""

    def __init__(self, module: str, name: str, wanted: Wanted) -> None:
        self._module, self._name, self._wanted = module, name, wanted
        self._layer: Optional[Layer] = None

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """As the layer itself; nothing, as long as there is nothing for it."""
        if self._layer is None:
            if not self._wanted(carriers, around):
                return Layered()
            made: Layer = getattr(import_module(f"sif.capture.{self._module}"), self._name)()
            self._layer = made
        return self._layer.on(carriers, around)


def md_layer() -> Layer:
    """Arrays: where the kernel runs one."""
    return Late("md", "MdLayer", lambda _, around: any(
        device.type != "part" and look.is_dir(f"/sys/class/block/{device.kname}/md") for device in around.devices))


def bcache_layer() -> Layer:
    """bcache: where a carrier is a part of one."""
    return Late("bcache", "BcacheLayer", lambda carriers, around: _holds(("bcache",), carriers, around))


def luks_layer() -> Layer:
    """Encrypted volumes: a header, an opened volume, or a line in crypttab."""
    return Late("luks", "LuksLayer", lambda carriers, around: any(
        device.type in ("crypt", "integrity") for device in around.devices)
        or not around.isolate and bool(read_crypttab()) or _holds(("crypto_LUKS", "BitLocker"), carriers, around))


def btrfs_layer() -> Layer:
    """btrfs: where a carrier is a member of one."""
    return Late("btrfs", "BtrfsLayer", lambda carriers, around: _holds(("btrfs",), carriers, around))


def _holds(kinds: Sequence[str], carriers: Carriers, around: Surroundings) -> bool:
    return any(look.exists(path) and around.signature(path).type in kinds for _, path in carriers.items())
