"""``python3 -m sif``: the same as the ``sif`` command."""

from __future__ import annotations

from sif.start import program

if __name__ == "__main__":
    program()
