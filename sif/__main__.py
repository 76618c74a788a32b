"""``python3 -m sif``: the same as the ``sif`` command."""

from __future__ import annotations

import gc
import sys

gc.set_threshold(50_000)  # a short life with few cycles: looking for them took a tenth of a capture's start

from sif.cli import main  # noqa: E402 - the threshold is for what follows

if __name__ == "__main__":
    sys.exit(main())
