"""The original after its life: its disks, sticks and store, kept so that many scenarios begin with the same loss."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Iterator, Tuple

import drill
import sif
from drill import images
from drill.cache import cached, holds, key_of
from drill.compare import parse_manifest
from drill.key import key_beside
from drill.original import live_and_back_up
from drill.plan import Bench, Original
from drill.server.base import Base

MAKERS = ("backup.py", "guest.py", "key.py", "layer.py", "manifest.py", "original.py", "package.py", "secret.py",
          "server/facts.py")
"""The drill's own code that decides what a layer holds."""
MANIFEST = "manifest-before.jsonl"
_PASSWORD = "password"
_PARTS = ("stick.img", "key.img", "store.img")


@dataclass(frozen=True)
class Layer:
    """A folder with an original's disks and media."""

    folder: Path

    def disk(self, name: str) -> Path:
        """The image of one of its disks, as it was when the machine was lost."""
        return self.folder / f"{name}.qcow2"


def original_layer(bench: Bench, base: Base) -> Layer:
    """The original from the cache, or one that lives now; without a scenario always one that lives now.

    What lives now goes into the cache unless it is there.
    """
    order = bench.order
    key = key_of((str(base.folder), order.recovery.bus.value, key_beside(order.iso).read_text("ascii"), *_code()))
    kind = f"original-{order.server.value}-{order.firmware.value}"
    if order.scenario is None and holds(kind, key):
        own = bench.disks / "original"
        own.mkdir()
        _make(own, bench, base)
        return Layer(own)
    return Layer(cached(kind, key, lambda folder: _make(folder, bench, base)))


def take(layer: Layer, bench: Bench) -> Original:
    """Copy the media of the layer to the bench, for this recovery alone."""
    for name in _PARTS:
        images.copy(layer.folder / name, bench.disks / name)
    text = (layer.folder / MANIFEST).read_text("utf-8")
    (bench.order.evidence / MANIFEST).write_text(text, "utf-8")
    return Original(parse_manifest(text), (layer.folder / _PASSWORD).read_bytes())


def _make(folder: Path, bench: Bench, base: Base) -> None:
    text, password = live_and_back_up(replace(bench, disks=folder), base)
    (folder / MANIFEST).write_text(text, "utf-8")
    (folder / _PASSWORD).write_bytes(password)


def _code() -> Iterator[str]:
    here, there = Path(drill.__file__).parent, Path(sif.__file__).parent
    files: Tuple[Path, ...] = (*(here / name for name in MAKERS), *sorted(there.rglob("*.py")))
    for path in files:
        yield f"{path.name} {path.read_text('utf-8')}"
