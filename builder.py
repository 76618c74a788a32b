#!/usr/bin/env python3
"""Build the Lifeboat rescue image: for CD, USB stick and network boot, under BIOS or UEFI with Secure Boot."""

from __future__ import annotations

import sys
from typing import Optional, Sequence

from builder_lib.cli import main as run


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Run the command; the result is an exit code of :class:`sif.errors.Exit`."""
    return run(argv)


if __name__ == "__main__":
    sys.exit(main())
