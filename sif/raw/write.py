"""A set with images of partitions, written whole."""

from __future__ import annotations

from pathlib import Path
from typing import Mapping, Optional, Sequence

from sif.model import SystemInformation
from sif.raw.choose import KeptRaw
from sif.raw.keep import medium_place, store_place, with_images
from sif.writer import write_set


def write_with_images(info: SystemInformation, files: Mapping[str, bytes], kept: Sequence[KeptRaw], output: Path,
                      raw_to: Optional[str]) -> SystemInformation:
    """Take the images, write the whole set, and return what was written. Raises as both do."""
    place = store_place(info.stores, raw_to) if raw_to else medium_place(output)
    with with_images(info, files, kept, place, output) as (complete, everything):
        write_set(complete, output, everything)
        return complete
