"""How the squashfs can be compressed."""

from __future__ import annotations

from typing import Mapping, Tuple

# Name → mksquashfs options, in order from quick and large to slow and small.
COMPRESSIONS: Mapping[str, Tuple[str, ...]] = {
    "zstd-fast": ("-comp", "zstd", "-Xcompression-level", "3"),
    "zstd": ("-comp", "zstd", "-Xcompression-level", "15", "-b", "256K"),
    "zstd-max": ("-comp", "zstd", "-Xcompression-level", "19", "-b", "1M"),
    "xz": ("-comp", "xz", "-b", "1M"),
}
