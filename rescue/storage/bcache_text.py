"""bcache's superblocks: the command that makes one, and what it does not set. Pure.

make-bcache invents the uuid of each device and knows no labels, so both are put into the superblock that it has made,
before the kernel sees it. Sources: make-bcache(8), the kernel's drivers/md/bcache/bcache_ondisk.h.
"""

from __future__ import annotations

import struct
from typing import Dict, List, Optional, Tuple, Union

from sif.capture.bcache import DISCARD_BIT, MODES, POLICIES, POLICY_SHIFT
from sif.model import Bcache, BcacheMode, CacheSet

BLOCK = 4096
"""A superblock lies in the second block of this size, and is no longer."""

_SECTOR = 512
_UUID_AT, _LABEL_AT, _FLAGS_AT, _KEYS_AT, _END = 40, 72, 104, 206, 208
_LABEL_BYTES = 32
_FIRST_BYTES, _MOST_JOURNAL = 23 * 512, 256
"""Where the first bucket may begin, and the most buckets of a journal."""

_POLYNOMIAL = 0x42F0E1EBA9EA3693
_ONES = (1 << 64) - 1


def create_command(one: Union[CacheSet, Bcache], node: str, cacheset: Optional[CacheSet]) -> Tuple[str, ...]:
    """The ``make-bcache`` for a cache set's device, or for a backing device that ``cacheset`` shall take."""
    argv: List[str] = ["make-bcache", "--block", str(one.block_bytes)]
    if isinstance(one, CacheSet):
        return (*argv, "--bucket", str(one.bucket_bytes), "--cset-uuid", one.uuid, "--cache", node)
    argv += ["--cset-uuid", cacheset.uuid] if cacheset is not None else []
    return (*argv, "--data-offset", str(one.offset_bytes // _SECTOR), "--bdev", node)


def stale_bytes(one: CacheSet, device_bytes: int) -> int:
    """How much of the cache device's begin holds the superblock and the journal.

    A new set with the uuid of the old one would find the old one's journal there, and believe it: it has the later
    entries, and the same magic number, which is made of the uuid.
    """
    first = _FIRST_BYTES // one.bucket_bytes + 1
    buckets = min(max(device_bytes // one.bucket_bytes >> 7, 2), _MOST_JOURNAL)
    return min((first + buckets) * one.bucket_bytes, device_bytes)


def named(block: bytes, one: Union[CacheSet, Bcache]) -> bytes:
    """The superblock (as make-bcache left it) with uuid, label and flags of the saved one.

    Raises ValueError for bytes that are no whole superblock.
    """
    if len(block) < _END or checksum(block) != block[:8]:
        raise ValueError("make-bcache did not leave a superblock that can be checked")
    made = bytearray(block)
    uuid = one.device_uuid if isinstance(one, CacheSet) else one.uuid
    made[_UUID_AT:_UUID_AT + 16] = bytes.fromhex(uuid.replace("-", ""))
    made[_LABEL_AT:_LABEL_AT + _LABEL_BYTES] = (one.label or "").encode("utf-8")[:_LABEL_BYTES].ljust(
        _LABEL_BYTES, b"\0")
    struct.pack_into("<Q", made, _FLAGS_AT, _flags(one))
    made[:8] = checksum(made)
    return bytes(made)


def _flags(one: Union[CacheSet, Bcache]) -> int:
    if isinstance(one, CacheSet):
        return int(one.discard) << DISCARD_BIT | POLICIES.index(one.policy) << POLICY_SHIFT
    return MODES.index(BcacheMode(one.mode))  # no state: the kernel attaches it, and says so


def checksum(block: Union[bytes, bytearray]) -> bytes:
    """The checksum that belongs at the superblock's begin: of everything behind it, its keys too."""
    keys, = struct.unpack_from("<H", block, _KEYS_AT)
    crc = _ONES
    for byte in block[8:_END + 8 * keys]:
        crc = _TABLE[crc >> 56 ^ byte] ^ crc << 8 & _ONES
    return (crc ^ _ONES).to_bytes(8, "little")


def _row(number: int) -> int:
    value = number << 56
    for _ in range(8):
        value = (value << 1 ^ (_POLYNOMIAL if value >> 63 else 0)) & _ONES
    return value


_TABLE: Dict[int, int] = {number: _row(number) for number in range(256)}
