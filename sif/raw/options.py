"""``sif capture --raw NAME --raw-to STORE``: the options."""

from __future__ import annotations

import argparse


def add_raw_options(sub: argparse.ArgumentParser) -> None:
    """Add what is to be kept sector by sector, and where, to a command."""
    sub.add_argument("--raw", action="append", default=[], metavar="NAME",
                     help="keep this partition (sda4, d0p4, PARTUUID=...) sector by sector, beside the reserved ones, "
                          "which always are; it must not be mounted read-write; may be repeated")
    sub.add_argument("--raw-to", metavar="STORE",
                     help="put images of partitions on this store (its id in a provider's fragment; a directory that "
                          "is mounted) instead of into DIR")
