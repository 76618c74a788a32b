"""bcache: cache sets and backing devices as their superblocks say.

Source: the kernel's drivers/md/bcache/bcache_ondisk.h.
"""

from __future__ import annotations

import struct
from typing import Dict, List, Mapping, Optional, Union

from sif import look
from sif.capture.blocks import BlockDevice
from sif.capture.errors import Unrestorable
from sif.capture.layers import Carriers, Layered, Surroundings
from sif.capture.names import uuid_text
from sif.capture.signature import NotDescribed
from sif.model import Bcache, BcacheMode, BcachePolicy, CacheSet, Ref
from sif.plain import dataclass, replace

SUPERBLOCK = (4096, 208)
"""Offset and length, as far as it matters here."""

MODES = (BcacheMode.WRITETHROUGH, BcacheMode.WRITEBACK, BcacheMode.WRITEAROUND, BcacheMode.NONE)
POLICIES = (BcachePolicy.LRU, BcachePolicy.FIFO, BcachePolicy.RANDOM)
DISCARD_BIT, POLICY_SHIFT = 1, 2
_CACHES, _BACKINGS, _WITH_OFFSET = (0, 3), (1, 4), 4
_USUAL_OFFSET = 16
_SECTOR = 512
_DETACHED, _STATE_SHIFT = 0, 61
_SIGNATURE = "bcache"


@dataclass(frozen=True)
class Parsed:
    """A superblock: the record, the uuid of the set that it belongs to, and whether a backing device is attached."""

    record: Union[CacheSet, Bcache]
    set_uuid: str
    attached: bool = False


def parse(raw: bytes, ident: str) -> Parsed:
    """The superblock (:data:`SUPERBLOCK`) on the carrier ``ident``. Raises NotDescribed for what is not made again."""
    version, = struct.unpack_from("<Q", raw, 16)
    flags, _, compat, incompat, ro_compat = struct.unpack_from("<5Q", raw, 104)
    nbuckets, block, bucket, in_set = struct.unpack_from("<QHHH", raw, 184)
    uuid, set_uuid = uuid_text(raw[40:56]), uuid_text(raw[56:72])
    label = raw[72:104].partition(b"\0")[0].decode("utf-8", "replace") or None
    if version in _CACHES:
        if in_set > 1:
            raise NotDescribed("a cache set of several devices")
        policy = flags >> POLICY_SHIFT & 7
        return Parsed(CacheSet(
            f"cs_{ident}", Ref(ident), set_uuid, uuid, block * _SECTOR, bucket * _SECTOR,
            POLICIES[policy] if policy < len(POLICIES) else BcachePolicy.LRU, bool(flags >> DISCARD_BIT & 1), label),
            set_uuid)
    if version not in _BACKINGS or compat or incompat or ro_compat:
        raise NotDescribed(f"a superblock of version {version} with features")
    offset = nbuckets if version == _WITH_OFFSET else _USUAL_OFFSET  # the same place holds either
    return Parsed(Bcache(
        f"bc_{ident}", Ref(ident), uuid, block * _SECTOR, offset * _SECTOR, mode=MODES[flags & 3], label=label),
        set_uuid, flags >> _STATE_SHIFT & 3 != _DETACHED)


class BcacheLayer:
    """The parts of bcaches among the carriers."""

    def __init__(self) -> None:
        self._parsed: Dict[str, Parsed] = {}

    def on(self, carriers: Carriers, around: Surroundings) -> Layered:
        """See :class:`sif.capture.layers.Layer`."""
        records: List[Union[CacheSet, Bcache]] = []
        opened: Dict[str, str] = {}
        taken: List[str] = []
        explained: List[str] = []
        unsupported: List[str] = []
        for ident, path in carriers.items():
            if not look.exists(path) or around.signature(path).type != _SIGNATURE:
                continue
            taken.append(ident)
            try:
                if ident not in self._parsed:
                    self._parsed[ident] = parse(look.data(path, SUPERBLOCK[1], SUPERBLOCK[0]), ident)
            except NotDescribed as error:
                unsupported.append(Unrestorable(f"bcache on {path}: {error}", path.rpartition("/")[2]))
        sets = {found.set_uuid: found.record for ident, found in self._parsed.items()
                if ident in taken and isinstance(found.record, CacheSet)}
        for ident in taken:
            found, path = self._parsed.get(ident), carriers.paths[ident]
            if found is None:
                continue
            record = found.record
            if isinstance(record, Bcache):
                above = _above(path, around)
                why = _why_not(found, above, sets)
                if why is not None or above is None:
                    unsupported.append(Unrestorable(
                        f"bcache {record.label or record.uuid} on {path}: {why}", path.rpartition("/")[2]))
                    continue
                explained.append(above.kname)
                opened[record.id] = above.path
                record = replace(record, size_bytes=above.size_bytes,
                                 cache=Ref(sets[found.set_uuid].id) if found.attached else None)
            records.append(record)
        return Layered(records=tuple(records), opened=opened, taken=frozenset(taken), explained=frozenset(explained),
                       unsupported=tuple(unsupported))


def _above(path: str, around: Surroundings) -> Optional[BlockDevice]:
    """The cached device of a backing device: the one that the kernel names in its directory."""
    device = around.device(path)
    if device is None:
        return None
    name = (look.link(f"/sys/class/block/{device.kname}/bcache/dev") or "").rpartition("/")[2]
    return next((other for other in around.devices if other.kname == name), None) if name else None


def _why_not(found: Parsed, above: Optional[BlockDevice], sets: Mapping[str, CacheSet]) -> Optional[str]:
    if found.attached and found.set_uuid not in sets:
        return "its cache set is not on a disk that is captured"
    return "it is not running, so what is in it can't be seen" if above is None else None

