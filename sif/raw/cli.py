"""``sif capture --raw NAME --raw-to STORE``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Mapping, Optional, Sequence

from sif.model import SystemInformation
from sif.raw.choose import KeptRaw
from sif.raw.keep import medium_place, store_place, with_images
from sif.writer import write_set


def add_raw_options(sub: argparse.ArgumentParser) -> None:
    """Add what is to be kept sector by sector, and where, to a command."""
    sub.add_argument("--raw", action="append", default=[], metavar="NAME",
                     help="keep this partition (sda4, d0p4, ...) sector by sector, beside the reserved ones, which "
                          "always are; it must not be mounted read-write; may be repeated")
    sub.add_argument("--raw-to", metavar="STORE",
                     help="put images of partitions on this store (its id in a provider's fragment; a directory that "
                          "is mounted) instead of into DIR")


def write_with_images(info: SystemInformation, files: Mapping[str, bytes], kept: Sequence[KeptRaw], output: Path,
                      raw_to: Optional[str]) -> SystemInformation:
    """Take the images, write the whole set, and return what was written. Raises as both do."""
    place = store_place(info.stores, raw_to) if raw_to else medium_place(output)
    with with_images(info, files, kept, place, output) as (complete, everything):
        write_set(complete, output, everything)
        return complete
