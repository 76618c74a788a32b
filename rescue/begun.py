"""A rebuild that was cut off is known again by its mark, so that the next run goes on without another consent.

The mark says: this very disk was blank, or its end was agreed to, when the rebuild of this very set began on it. A
disk with the set's ids alone says nothing of that kind (it may be a clone of the old disk, or restored long ago), and
neither does a mark on a disk that holds anything else by now. So both are asked for: the mark, for this set and
this disk, and that every id found is one that the rebuild makes. Pure; the mark is left by
:mod:`rescue.storage.marks`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from rescue.failures import RestoreFailed
from rescue.hardware import Hardware, PresentDisk
from sif.model import SystemInformation

MARK_BYTES = 440
"""The boot code of the first sector: on every disk that has a partition table, used by nobody until phase 1 is done."""

_BOOT_FAILED = b"\xcd\x18\xf4\xeb\xfd"
"""int 18h; hlt; jmp: a BIOS that starts this disk all the same goes on to the next one."""
_MAGIC = b"LIFEBOAT rebuild begun, 2\n"
_DIGEST = 32
_MOST_BITMAP = 255
_TABLES = frozenset({"gpt", "dos", "PMBR"})
"""What wipefs calls partition tables."""


class MarkTooLong(RestoreFailed):
    """There are more volumes than a mark can name."""


@dataclass(frozen=True)
class Mark:
    """For which set (SHA-256 of its manifest) and disk (:func:`identity`) a rebuild has begun.

    ``others`` are the plan's disks that have no partition table, where no mark has room. ``kept`` are the volumes that
    survived and are left alone, by their numbers (:func:`volumes_of`).
    """

    set_sha256: str
    disk: bytes
    others: Tuple[bytes, ...] = ()
    kept: Tuple[int, ...] = ()

    def to_bytes(self) -> bytes:
        """The mark as it lies on the disk. What has no room of ``others`` is left out: those disks need a consent.

        Raises :class:`MarkTooLong` when there is no room for ``kept``: then nothing may be kept.
        """
        head = _BOOT_FAILED + _MAGIC + bytes.fromhex(self.set_sha256) + self.disk
        bits = sum(1 << number for number in set(self.kept))
        bitmap = bits.to_bytes((bits.bit_length() + 7) // 8, "little")
        room = (MARK_BYTES - len(head) - 2 - len(bitmap) - _DIGEST) // _DIGEST
        if len(bitmap) > _MOST_BITMAP:
            raise MarkTooLong("too many volumes for a mark that says which of them are kept", found=str(len(self.kept)),
                              hint="set intact = rebuild")
        body = head + bytes([len(self.others[:room]), len(bitmap)]) + bitmap + b"".join(self.others[:room])
        return (body + hashlib.sha256(body).digest()).ljust(MARK_BYTES, b"\0")


def parse_mark(data: bytes) -> Optional[Mark]:
    """The mark in the first bytes of a disk; None for anything else, a torn one included."""
    head = len(_BOOT_FAILED + _MAGIC)
    fixed = head + 2 * _DIGEST + 2
    if len(data) < MARK_BYTES or data[:head] != _BOOT_FAILED + _MAGIC:
        return None
    listed = fixed + data[fixed - 1]
    end = listed + data[fixed - 2] * _DIGEST
    if data[end:end + _DIGEST] != hashlib.sha256(data[:end]).digest():
        return None
    others = tuple(data[at:at + _DIGEST] for at in range(listed, end, _DIGEST))
    bits = int.from_bytes(data[fixed:listed], "little")
    kept = tuple(number for number in range(bits.bit_length()) if bits >> number & 1)
    return Mark(data[head:head + _DIGEST].hex(), data[head + _DIGEST:fixed - 2], others, kept)


def volumes_of(saved: SystemInformation) -> Tuple[str, ...]:
    """The actions that make the volumes of a set, by their numbers in a mark."""
    return (*(f"fs:{fs.id}" for fs in saved.filesystems), *(f"btrfs:{btrfs.id}" for btrfs in saved.btrfs))


def identity(serial: Optional[str], wwn: Optional[str], size_bytes: int) -> bytes:
    """What ties a mark to one disk: a copy of the disk's content on another one is not that disk."""
    return hashlib.sha256("\0".join([serial or "", wwn or "", str(size_bytes)]).encode("utf-8")).digest()


def identity_of(disk: PresentDisk) -> bytes:
    """The identity of a present disk."""
    return identity(disk.serial, disk.wwn, disk.size_bytes)


@dataclass(frozen=True)
class Found:
    """The ids on one disk: of its table, and by partition name that of the partition and of what it holds.

    ``whole`` is the id of what lies on the disk itself without a table, ``beyond_empty`` whether what was sampled
    between the disk's two ends is empty, ``only_mark`` whether all of it but a mark is. None is an id that could not be
    told.
    """

    mark: Optional[Mark]
    table: Optional[str] = None
    partitions: Mapping[str, Optional[str]] = field(default_factory=dict)
    contents: Mapping[str, Optional[str]] = field(default_factory=dict)
    whole: Optional[str] = None
    beyond_empty: bool = False
    only_mark: bool = False


def with_begun(hardware: Hardware, saved: SystemInformation, set_sha256: str,
               look: Callable[[PresentDisk], Found]) -> Hardware:
    """The machine, told which of its disks an earlier run of this restore began to rebuild."""
    found = {disk.name: look(disk) for disk in hardware.disks if not disk.blank and disk.excluded is None}
    vouched = frozenset(other for disk in hardware.disks if disk.name in found
                        for other in _others(found[disk.name], disk, set_sha256))
    ours = Ours(set_sha256, known_ids(saved), raw_partitions(saved), vouched)
    names = volumes_of(saved)
    disks = []
    for disk in hardware.disks:
        known = found.get(disk.name)
        if known is not None and begun(disk, known, ours):
            kept = known.mark.kept if known.mark is not None and is_ours(known, disk, set_sha256) else ()
            disk = replace(disk, begun=True, keeping=tuple(names[number] for number in kept if number < len(names)))
        disks.append(disk)
    return replace(hardware, disks=tuple(disks))


@dataclass(frozen=True)
class Ours:
    """What an earlier run of this restore leaves: ids, partitions whose content comes from an image (by their ids),
    and the disks without a table that the marks of others name."""

    set_sha256: str
    known: FrozenSet[str]
    raw: FrozenSet[str] = frozenset()
    vouched: FrozenSet[bytes] = frozenset()

    def knows(self, ident: Optional[str]) -> bool:
        """Whether a rebuild of the set writes that id."""
        return ident is not None and plain(ident) in self.known


def begun(disk: PresentDisk, found: Found, ours: Ours) -> bool:
    """Whether all that the disk holds is what an earlier run of this restore has made."""
    if found.only_mark:
        # Cut off between the mark and the table, on a disk that was blank or is wiped.
        return True
    if found.beyond_empty and _bare(disk, found):
        # Cut off while the table was written: a part of one, or an empty one, on a disk with nothing to lose.
        return True
    if found.table is None:
        # Cut off before the disk was wiped: it is still as it was, and asks for consent as it did. Or it is one
        # without a table, for which the mark of another disk speaks.
        return identity_of(disk) in ours.vouched and ours.knows(found.whole)
    if not all(ours.knows(ident) for ident in (found.table, *found.partitions.values())):
        return False
    marked = is_ours(found, disk, ours.set_sha256)
    if not found.contents:
        # Cut off when the table was just written, which takes the mark away for a moment: there is this set's own
        # table, and nothing that could be lost.
        return marked or found.beyond_empty
    return marked and all(ours.knows(ident) or plain(found.partitions.get(name) or "") in ours.raw
                          for name, ident in found.contents.items())


def _bare(disk: PresentDisk, found: Found) -> bool:
    """Whether the disk has no partition, and no signature but that of a partition table."""
    kinds = {holds.rpartition(": ")[2] for holds in disk.signatures}
    return kinds <= _TABLES and not disk.partitions and found.whole is None


def is_ours(found: Found, disk: PresentDisk, set_sha256: str) -> bool:
    """Whether the disk carries the mark of this set and of this disk."""
    return found.mark is not None and (found.mark.set_sha256, found.mark.disk) == (set_sha256, identity_of(disk))


def _others(found: Found, disk: PresentDisk, set_sha256: str) -> Tuple[bytes, ...]:
    return found.mark.others if found.mark is not None and is_ours(found, disk, set_sha256) else ()


def known_ids(saved: SystemInformation) -> FrozenSet[str]:
    """Every id that a rebuild of the saved machine writes: of tables, partitions, arrays, volumes, file systems."""
    ids = [disk.table_id for disk in saved.disks] + [getattr(record, "uuid", None) for record in saved.records()]
    return frozenset(plain(ident) for ident in ids if ident) | frozenset(map(plain, _partition_ids(saved).values()))


def raw_partitions(saved: SystemInformation) -> FrozenSet[str]:
    """The ids of the partitions whose content comes from an image: it may hold any ids."""
    ids = _partition_ids(saved)
    return frozenset(plain(ids[raw.device]) for raw in saved.raws if raw.device in ids)


def _partition_ids(saved: SystemInformation) -> Dict[str, str]:
    """The ids of partitions by SIF id. Those of an MBR have none of their own: the kernel makes them of the table's
    and their number."""
    tables = {disk.id: disk.table_id or "" for disk in saved.disks}
    return {part.id: part.uuid or f"{tables.get(part.disk, '')}-{part.number:02x}" for part in saved.partitions}


def plain(ident: str) -> str:
    """An id without what tools differ about: case, prefix and punctuation."""
    text = ident.lower()
    return (text[2:] if text.startswith("0x") else text).replace("-", "").replace(":", "")
