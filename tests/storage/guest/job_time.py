"""Guest job: how long a capture of the test server takes, against its tools."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import server_layout
import whole
from measure import report, rounds
from server_layout import D0


def main() -> int:
    server_layout.make_server()
    whole.pretend({"/": "/dev/vg0/root", "/boot": f"{D0}3", "/boot/efi": f"{D0}2", "/srv": "/dev/vg-data_1/sr-v"}, D0)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python's own library has its bytecode on a real machine
    count = int(Path("/bench/out/rounds").read_text("ascii"))
    print(report(*rounds(count, ["--name", "test.example.org"])))
    return 0


if __name__ == "__main__":
    sys.exit(main())
