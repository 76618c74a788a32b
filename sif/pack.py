"""Build ``sif.pyz``: the whole ``sif`` package as one executable file, the same bytes for the same sources.

    python3 -m sif.pack OUT.pyz
"""

from __future__ import annotations

import argparse
import io
import sys
import zipfile
from pathlib import Path
from typing import Optional, Sequence, Tuple

from sif.errors import Exit

SHEBANG = b"#!/usr/bin/env python3\n"
ENTRY = b"import sys\nfrom sif.start import main\nsys.exit(main())\n"
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time a zip file can hold: file times must not change the result."""

_UNIX = 3
_MODE = 0o100644


def sources(package: Path) -> Tuple[Tuple[str, bytes], ...]:
    """The package's files as (path in the archive, bytes), sorted: its modules, and the data that they read."""
    root = package.parent
    paths = [*package.rglob("*.py"), *(path for path in package.rglob("files/*") if path.is_file())]
    return tuple(sorted((path.relative_to(root).as_posix(), path.read_bytes()) for path in paths))


def archive(files: Sequence[Tuple[str, bytes]]) -> bytes:
    """The executable archive of ``files`` with the entry point in front."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as target:
        for name, data in (("__main__.py", ENTRY), *files):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.create_system = _UNIX
            entry.external_attr = _MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(entry, data)
    return SHEBANG + stream.getvalue()


def main(argv: Optional[Sequence[str]] = None) -> int:
    """Write the archive to the path given."""
    parser = argparse.ArgumentParser(prog="python3 -m sif.pack", description="Build sif.pyz: the sif command as one "
                                     "file that needs Python 3.9 or later and nothing else.")
    parser.add_argument("output", type=Path, metavar="OUT.pyz", help="the file to write")
    arguments = parser.parse_args(argv)
    data = archive(sources(Path(__file__).resolve().parent))
    try:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(data)
        arguments.output.chmod(0o755)
    except OSError as error:
        print(f"{arguments.output}: cannot be written: {error.strerror}", file=sys.stderr)
        return int(Exit.INTERNAL)
    return int(Exit.OK)


if __name__ == "__main__":
    sys.exit(main())
