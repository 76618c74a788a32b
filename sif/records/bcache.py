"""bcache: cache sets, and the devices that are used through one."""

from __future__ import annotations

from typing import ClassVar, Optional

from sif.enums import BcacheMode, BcachePolicy
from sif.keys import CARRIERS, Form, Ref, key
from sif.plain import dataclass


@dataclass(frozen=True)
class CacheSet:
    KIND: ClassVar[str] = "CACHESET"

    id: str
    device: Ref = key("what it lies on: the cache device", refs=CARRIERS, example="d1p1")
    uuid: str = key("uuid of the set", form=Form.UUID, example="0f0e0d0c-0b0a-4908-8706-050403020105")
    device_uuid: str = key("uuid of the cache device", form=Form.UUID, example="0f0e0d0c-0b0a-4908-8706-050403020106")
    block_bytes: int = key("block size", unit="bytes", example="4096")
    bucket_bytes: int = key("bucket size", unit="bytes", example="524288")
    policy: BcachePolicy = key("which bucket is given up first", default=BcachePolicy.LRU, example="lru")
    discard: bool = key("whether freed buckets are discarded", default=False, example="true")
    label: Optional[str] = key("label", default=None, example='"fast"')


@dataclass(frozen=True)
class Bcache:
    KIND: ClassVar[str] = "BCACHE"

    id: str
    device: Ref = key("what it lies on: the backing device", refs=CARRIERS, example="d0p2")
    uuid: str = key("uuid of the backing device", form=Form.UUID, example="0f0e0d0c-0b0a-4908-8706-050403020107")
    block_bytes: int = key("block size", unit="bytes", example="4096")
    offset_bytes: int = key("where the data begins", unit="bytes", example="8192")
    cache: Optional[Ref] = key("the cache set it is attached to", refs=("CACHESET",), default=None,
                               example="cs_d1p1")
    mode: BcacheMode = key("cache mode", default=BcacheMode.WRITETHROUGH, example="writeback")
    label: Optional[str] = key("label", default=None, example='"data"')
    size_bytes: Optional[int] = key("size of the cached device", unit="bytes", default=None, example="1056964608")
