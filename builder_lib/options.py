"""What the person who builds can choose."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Mapping, Optional, Tuple

PROJECT = Path(__file__).resolve().parent.parent
RELEASE = "trixie"

# Name → mksquashfs options, in order from quick and large to slow and small.
COMPRESSIONS: Mapping[str, Tuple[str, ...]] = {
    "zstd-fast": ("-comp", "zstd", "-Xcompression-level", "3"),
    "zstd": ("-comp", "zstd", "-Xcompression-level", "9"),
    "zstd-max": ("-comp", "zstd", "-Xcompression-level", "19", "-b", "1M"),
    "xz": ("-comp", "xz", "-Xbcj", "x86", "-b", "1M"),
}


@dataclass(frozen=True)
class BuildOptions:
    """One build: what goes in and where the ISO goes."""

    output: Path = PROJECT / "build" / "lifeboat.iso"
    append: str = ""
    compression: str = "zstd"
    release: str = RELEASE
    mirror: Optional[str] = None
    refresh: bool = False
    allowed_signers: Optional[Path] = None
    revoked: Optional[Path] = None
