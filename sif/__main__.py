"""``python3 -m sif``: the same as the ``sif`` command."""

from __future__ import annotations

import sys

from sif.start import main

if __name__ == "__main__":
    sys.exit(main())
