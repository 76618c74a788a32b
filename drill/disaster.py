"""Step 4: the machine burns down. What stands in its place is put together here, with what its disks hold."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Callable, List, Optional, Tuple

from drill import images, spec
from drill.layer import Layer
from drill.parts import volume_at
from drill.plan import Bench, KeptPart, Placed, Untouched, Wreck
from drill.scenario import OWN_SIZE, Content, NewDisk, Replacement
from drill.server import facts
from drill.server.base import Base
from drill.spec import DiskFormat
from sif.reader import read_set

Foreign = Callable[[], Base]
"""Gives the disks of another server, when they are needed."""


def destroy(bench: Bench, layer: Layer, machine: Replacement, iso: Path, other: Foreign, round: int = 1) -> Wreck:
    """Put the replacement machine together, with new EFI variables."""
    variables = bench.disks / f"new-vars-{round}.fd"
    shutil.copyfile(spec.OVMF_VARS, variables)
    disks = tuple(_place(bench, layer, disk, other, round) for disk in machine.disks)
    return Wreck(machine, disks, variables, iso, round=round)


def sealed(bench: Bench, wreck: Wreck) -> Wreck:
    """The wreck, with the SHA-256 of everything that must keep every byte from now on."""
    untouched = [Untouched(name, path, images.sha256(path)) for name, path in (
        ("stick", bench.stick), ("key stick", bench.key_stick), ("store", bench.store))]
    untouched += [Untouched(f"{placed.disk.name} disk", placed.path, images.sha256(placed.path))
                  for placed in wreck.disks if not placed.disk.used]
    kept = tuple(part for placed in wreck.disks for part in _kept(bench, placed))
    return replace(wreck, untouched=tuple(untouched), kept=kept)


def _place(bench: Bench, layer: Layer, disk: NewDisk, other: Foreign, round: int) -> Placed:
    path = bench.disks / f"new-{round}-{disk.name}.{'qcow2' if disk.used else 'img'}"
    source = _source(layer, disk, other)
    if disk.content is Content.FOREIGN:
        images.make_ext4(path, disk.size, "foreign")
        images.write_random(path, disk.size // 2, facts.MIB)
        return Placed(disk, path, DiskFormat.RAW)
    if not disk.used:  # raw: its bytes are its content
        if source is None:
            images.make_sparse(path, disk.size)
        else:
            images.convert_to_raw(path, source)
        return Placed(disk, path, DiskFormat.RAW)
    if source is None:
        images.make_blank(path, disk.size)
    else:
        images.make_overlay(path, source)
    if disk.content is Content.WITHOUT_ROOT:
        for start, length in volume_at(read_set(bench.original_set), "/"):
            images.overwrite(path, start, length)
    return Placed(disk, path, DiskFormat.QCOW2)


def _source(layer: Layer, disk: NewDisk, other: Foreign) -> Optional[Path]:
    if disk.content not in OWN_SIZE:
        return None
    return other().disk(disk.of) if disk.content is Content.OTHER else layer.disk(disk.of)


def _kept(bench: Bench, placed: Placed) -> Tuple[KeptPart, ...]:
    """What the recovery leaves alone on a disk that it uses."""
    parts: List[Tuple[str, int, Optional[int]]] = []
    if placed.disk.kept:
        parts.append((f"{placed.disk.name} disk", 0, None))
    for mount in placed.disk.kept_volumes:
        parts += [(f"{mount} (part {number})", start, length) for number, (start, length) in enumerate(
            volume_at(read_set(bench.original_set), mount), 1)]
    return tuple(KeptPart(name, placed, start, length, images.content_sha256(placed.path, start, length))
                 for name, start, length in parts)
