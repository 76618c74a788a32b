"""Which of the machine's volumes carries the rescue system until phase 2 is done, and what starts it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Mapping, Optional, Tuple

from rescue.failures import StagingFailed
from rescue.planner.layout import Layout
from rescue.staging.layers import Reach, reach
from sif.model import Btrfs, BtrfsProfile, FileSystem, Firmware, FsType, Subvolume, SystemInformation

MARGIN_BYTES = 16 * 1024 * 1024
"""Room for the journal, events, logs, GRUB's own files and the drivers behind the initrd."""

_READABLE = (FsType.EXT2, FsType.EXT3, FsType.EXT4, FsType.XFS, FsType.VFAT)
_HALVED = (BtrfsProfile.RAID1, BtrfsProfile.RAID10, BtrfsProfile.DUP)
_LAST = 9


@dataclass(frozen=True)
class Sizes:
    """What is staged, in bytes: everything, and the part that GRUB loads (kernel and initrd)."""

    all: int
    boot: int


@dataclass(frozen=True)
class Candidate:
    """A volume that could carry the rescue system.

    ``where`` is its mount point (of a btrfs one of them), ``devices`` what it lies on, ``below`` the path from its top
    to what is mounted without options (the default subvolume of a btrfs), as GRUB sees it.
    """

    ident: str
    where: str
    type: str
    uuid: str
    devices: Tuple[str, ...]
    used_bytes: int
    below: str = ""


@dataclass(frozen=True)
class StagePlace:
    """The volume that carries the rescue system.

    ``layers`` is what the early userspace of phase 2 brings up before it sees the volume, as words of the kernel's
    command line; ``esp`` the EFI system partition (SIF id) with kernel and initrd, where GRUB cannot read the volume.
    """

    volume: Candidate
    layers: Tuple[str, ...] = ()
    esp: Optional[str] = None


def candidates(saved: SystemInformation) -> Tuple[Candidate, ...]:
    """Every volume that is mounted: the system volume first, then the boot volume, then the others, FAT last."""
    found = [Candidate(fs.id, fs.mount, fs.type.value, fs.uuid, (fs.device,), fs.used_bytes or 0)
             for fs in saved.filesystems if fs.mount]
    owner: Dict[str, str] = {}
    for btrfs in saved.btrfs:
        subs = [sub for sub in saved.subvolumes if sub.btrfs == btrfs.id]
        owner.update({sub.id: btrfs.id for sub in subs})
        where = sorted(mount for mount in (btrfs.mount, *(sub.mount for sub in subs)) if mount)
        if where:
            found.append(Candidate(btrfs.id, where[0], "btrfs", btrfs.uuid, btrfs.devices, btrfs.used_bytes or 0,
                                   _default(btrfs, subs)))
    system = saved.system
    first: Dict[str, int] = {owner.get(system.root_fs, system.root_fs): 1}
    first[owner.get(system.boot_fs, system.boot_fs)] = 0
    return tuple(sorted(found, key=lambda c: (
        c.where != "/boot", _LAST if c.type == FsType.VFAT.value else first.get(c.ident, 2), c.where)))


def _default(btrfs: Btrfs, subvolumes: List[Subvolume]) -> str:
    return next((f"/{sub.path.strip('/')}" for sub in subvolumes if sub.id == btrfs.default), "")


def expected_free_bytes(saved: SystemInformation, volume: Candidate) -> int:
    """How much an empty file system of that kind will offer: its size less 5 % for its own tables, at least 32 MiB."""
    layout = Layout(saved)
    size = sum(layout.size_of(device) or 0 for device in volume.devices)
    for fs in saved.filesystems:
        if fs.id == volume.ident and fs.blocks and fs.block_size:
            size = fs.blocks * fs.block_size
    for btrfs in saved.btrfs:
        if btrfs.id == volume.ident and btrfs.data is not BtrfsProfile.SINGLE:
            size = size // 2 if btrfs.data in _HALVED else min(layout.size_of(d) or 0 for d in btrfs.devices)
    if volume.type == FsType.VFAT.value:
        return max(size - size // 20, 0)
    return max(size - max(size // 20, 32 * 1024 * 1024), 0)


def choose_stage(saved: SystemInformation, free_bytes: Mapping[str, int], needed: Sizes,
                 firmware: Firmware) -> StagePlace:
    """The volume that carries the rescue system: the system volume, else the boot volume, else any other.

    ``free_bytes`` is what each volume (SIF id) offers while it is empty. Whoever carries the rescue system must have
    room for it *and* for everything that will be restored there. What the boot loader of phase 2 cannot read itself,
    under UEFI anything but a file system directly on partitions, needs room for kernel and initrd on the EFI system
    partition. Raises :class:`StagingFailed` with the reason for each volume.
    """
    reasons: List[str] = []
    esp = esp_of(saved)
    for volume in candidates(saved):
        reached = reach(saved, volume.devices)
        free = free_bytes.get(volume.ident, 0)
        why = _unfit(volume, reached) or _small(volume, free, needed.all)
        if why is None and not reached.direct and firmware is Firmware.UEFI:
            why = _esp_unfit(esp, free_bytes, needed.boot)
            if why is None and esp is not None:
                return StagePlace(volume, reached.words, esp.id)
        elif why is None:
            return StagePlace(volume, reached.words)
        reasons.append(f"{volume.ident} ({volume.where}): {why}")
    raise StagingFailed("no volume of this machine can carry the rescue system to phase 2",
                        found="\n    ".join(["", *reasons]),
                        wanted=f"ext2/3/4, XFS, btrfs or FAT that is not encrypted, with "
                        f"{_mib(needed.all + MARGIN_BYTES)} beside what is restored there",
                        hint="restore by hand from the rescue system's shell, or use a smaller rescue image")


def _unfit(volume: Candidate, reached: Reach) -> Optional[str]:
    if volume.type != "btrfs" and volume.type not in [kind.value for kind in _READABLE]:
        return f"{volume.type} does not qualify"
    return reached.why_not


def _small(volume: Candidate, free: int, needed: int) -> Optional[str]:
    if free - volume.used_bytes - MARGIN_BYTES >= needed:
        return None
    return (f"{_mib(free)} free, of which {_mib(volume.used_bytes)} will be restored; "
            f"{_mib(needed + MARGIN_BYTES)} wanted")


def esp_of(saved: SystemInformation) -> Optional[FileSystem]:
    """The machine's EFI system partition: the first one that BOOT names, else the one mounted at the usual place."""
    named = saved.boot.esp[0] if saved.boot and saved.boot.esp else None
    return next((fs for fs in saved.filesystems if fs.id == named or (named is None and fs.mount == "/boot/efi")), None)


def _esp_unfit(esp: Optional[FileSystem], free_bytes: Mapping[str, int], needed: int) -> Optional[str]:
    """Why kernel and initrd cannot lie on the EFI system partition, or None."""
    text = "the boot loader under UEFI reads only what lies directly on partitions, and "
    if esp is None or not esp.mount:
        return text + "there is no EFI system partition that is mounted for kernel and initrd"
    free, used = free_bytes.get(esp.id, 0), esp.used_bytes or 0
    if free - used >= needed:
        return None
    return text + (f"the EFI system partition has no room for kernel and initrd: {_mib(free)} free, of which "
                   f"{_mib(used)} will be restored; {_mib(needed)} wanted")


def _mib(size: int) -> str:
    return f"{size / 1048576:.0f} MiB"
