"""Write what makes a device recognisable as a member of a ZFS pool: ``zfs_label.py DEVICE POOL``; there is no pool.

A label holds a packed list of names and values at 16 KiB and its uberblocks from 128 KiB on; it is there twice at
the beginning and twice at the end of the device. Source: ZFS On-Disk Specification, 1.
"""

from __future__ import annotations

import os
import struct
import sys

_LABEL, _LIST, _RING, _UBERBLOCK = 256 * 1024, 16 * 1024, 128 * 1024, 1024
_MAGIC, _STRING, _UINT64 = 0x00BAB10C, 9, 8


def _padded(text: bytes) -> bytes:
    return text + bytes(-len(text) % 4)


def _pair(name: bytes, value: bytes) -> bytes:
    body = struct.pack(">I", len(name)) + _padded(name) + value
    return struct.pack(">II", 8 + len(body), 0) + body


def label(pool: bytes) -> bytes:
    """One label of 256 KiB."""
    pairs = _pair(b"name", struct.pack(">III", _STRING, 1, len(pool)) + _padded(pool))
    for name, number in ((b"version", 5000), (b"state", 0), (b"txg", 7), (b"pool_guid", 1234567890123456789),
                         (b"guid", 987654321987654321)):
        pairs += _pair(name, struct.pack(">IIQ", _UINT64, 1, number))
    made = bytearray(_LABEL)
    packed = struct.pack(">III", 0x01010000, 0, 1) + pairs
    made[_LIST:_LIST + len(packed)] = packed
    for number in range(8):
        struct.pack_into("<5Q", made, _RING + number * _UBERBLOCK, _MAGIC, 5000, number + 1, 7, 1700000000)
    return bytes(made)


def main(device: str, pool: str) -> None:
    made = label(pool.encode())
    with open(device, "r+b") as stream:  # noqa: PTH123 - a block device
        size = stream.seek(0, os.SEEK_END) // _LABEL * _LABEL
        for place in (0, _LABEL, size - 2 * _LABEL, size - _LABEL):
            stream.seek(place)
            stream.write(made)
        stream.flush()
        os.fsync(stream.fileno())


if __name__ == "__main__":
    main(*sys.argv[1:])
