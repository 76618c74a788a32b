"""The commands that make a btrfs as it was. Pure. Sources: mkfs.btrfs(8), btrfs(8)."""

from __future__ import annotations

from typing import List, Sequence, Tuple

from sif.model import Btrfs, Subvolume, SystemInformation

_BY_DEFAULT = frozenset({"mixed-bg", "big-metadata", "mixed-backref", "default-subvol", "compress-lzo",
                         "compress-zstd"})
"""Features that mkfs.btrfs sets by itself or that come with use."""


def mkfs_command(btrfs: Btrfs, nodes: Sequence[str], known: Sequence[str]) -> Tuple[str, ...]:
    """The ``mkfs.btrfs`` for the saved file system. ``known`` are the features that this version can switch."""
    switches = [name if name in btrfs.features else f"^{name}" for name in known] if btrfs.features else []
    argv: List[str] = ["mkfs.btrfs", "--quiet", "--force", f"--uuid={btrfs.uuid}", f"--data={btrfs.data.value}",
                       f"--metadata={btrfs.metadata.value}", f"--sectorsize={btrfs.sector_size}",
                       f"--nodesize={btrfs.node_size}", f"--checksum={btrfs.checksum}"]
    argv += [f"--label={btrfs.label}"] if btrfs.label else []
    argv += ["--mixed"] if btrfs.mixed else []
    argv += [f"--features={','.join(switches)}"] if switches else []
    sizes = set(btrfs.device_bytes)
    argv += [f"--byte-count={sizes.pop()}"] if len(sizes) == 1 else []
    return (*argv, *nodes)


def parse_features(listed: str) -> Tuple[str, ...]:
    """The names in ``mkfs.btrfs -O list-all`` that can be switched."""
    names = [line.split()[0] for line in listed.splitlines() if " - " in line]
    return tuple(name for name in names if name not in _BY_DEFAULT)


def in_order(saved: SystemInformation, btrfs: Btrfs) -> Tuple[Subvolume, ...]:
    """Its subvolumes, outer before inner, in the order they were made."""
    ours = [sub for sub in saved.subvolumes if sub.btrfs == btrfs.id]
    return tuple(sorted(ours, key=lambda sub: (sub.path.count("/"), sub.number or 0, sub.path)))
