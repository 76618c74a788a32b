"""bcache: sizes that the kernel takes, and uuids that are there twice. Source: drivers/md/bcache/super.c."""

from __future__ import annotations

from typing import Iterator, Tuple, Union

from sif.checks.common import bad, device, is_power_of_two, repeated, size_of
from sif.keys import CARRIERS
from sif.model import Bcache, CacheSet, SystemInformation
from sif.problems import Problem

_SECTOR, _LARGEST_BLOCK = 512, 4096
_LEAST_OFFSET = 16 * _SECTOR
_LABEL_BYTES = 32
_LEAST_BUCKETS = 513


def check_bcache(info: SystemInformation) -> Iterator[Problem]:
    """Every rule for cache sets and for what is used through them."""
    parts: Tuple[Union[CacheSet, Bcache], ...] = (*info.cachesets, *info.bcaches)
    for one in parts:
        yield from _check_both(one)
    for cacheset in info.cachesets:
        yield from _check_set(info, cacheset)
    for bcache in info.bcaches:
        yield from _check_backing(info, bcache)
    for later, earlier in repeated([(one, one.uuid) for one in parts]):
        yield bad(later, "uuid", f"the same uuid as {earlier.id}", found=later.uuid)


def _check_both(one: Union[CacheSet, Bcache]) -> Iterator[Problem]:
    if not is_power_of_two(one.block_bytes) or not _SECTOR <= one.block_bytes <= _LARGEST_BLOCK:
        yield bad(one, "block_bytes", "not a block size of bcache", found=str(one.block_bytes),
                  wanted="a power of two from 512 to 4096")
    if one.label is not None and len(one.label.encode("utf-8")) > _LABEL_BYTES:
        yield bad(one, "label", "too long", found=one.label, wanted=f"at most {_LABEL_BYTES} bytes")


def _check_set(info: SystemInformation, one: CacheSet) -> Iterator[Problem]:
    if not is_power_of_two(one.bucket_bytes) or one.bucket_bytes < one.block_bytes:
        yield bad(one, "bucket_bytes", "not a bucket size", found=str(one.bucket_bytes),
                  wanted="a power of two that is no less than block_bytes")
        return
    size = size_of(info, device(info, one.device, CARRIERS))
    if size is not None and size < _LEAST_BUCKETS * one.bucket_bytes:
        yield bad(one, "bucket_bytes", "the device has too few buckets", found=str(size // one.bucket_bytes),
                  wanted=f"at least {_LEAST_BUCKETS}")


def _check_backing(info: SystemInformation, one: Bcache) -> Iterator[Problem]:
    if one.offset_bytes % _SECTOR or one.offset_bytes < _LEAST_OFFSET:
        yield bad(one, "offset_bytes", "no room for the superblock before the data", found=str(one.offset_bytes),
                  wanted=f"whole sectors, at least {_LEAST_OFFSET}")
    size = size_of(info, device(info, one.device, CARRIERS))
    if size is not None and one.size_bytes is not None and one.size_bytes + one.offset_bytes > size:
        yield bad(one, "size_bytes", f"it does not fit on {one.device}", found=str(one.size_bytes),
                  wanted=f"at most {size - one.offset_bytes}")
