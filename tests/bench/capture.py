"""Time of a capture against the time of the tools that it calls.

    python3 tests/bench/capture.py [--host | --server] [--processors N] [--rounds N] [OPTION OF sif capture ...]

By default under the kernel of the storage tests (root, user-mode Linux), where there is a server to capture; with
``--host`` on this machine, which has to be one that can be captured; with ``--server`` on the server of the drills, a
whole Debian in QEMU.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Sequence

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/storage"), str(PROJECT / "tests/storage/guest")]

from bench import Bench  # noqa: E402 - the path comes first, so that it runs from anywhere
from measure import report, rounds  # noqa: E402

from drill.healthy import healthy_server  # noqa: E402

MIB = 1 << 20


def main() -> int:
    parser = argparse.ArgumentParser(description="Time of a capture against its tools.")
    parser.add_argument("--host", action="store_true", help="capture this machine")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--server", action="store_true", help="capture the server of the drills, in QEMU")
    parser.add_argument("--processors", type=int, default=1, help="that the server in QEMU has (default: 1)")
    arguments, options = parser.parse_known_args()
    if arguments.server:
        print(on_server(arguments.processors, arguments.rounds, options), end="")
        return 0
    if arguments.host:
        os.environ["PYTHONPATH"] = str(PROJECT)
        print(report(*rounds(arguments.rounds, options)))
        return 0
    bench = Bench(PROJECT / "build/storage-bench")
    bench.prepare()
    (bench.out / "rounds").write_text(str(arguments.rounds), "ascii")
    outcome = bench.start("job_time", bench.blank_disks((1536 * MIB, 1024 * MIB)), timeout=900)
    print(outcome.log, end="")
    return 0 if outcome.status == 0 else 1


def on_server(processors: int, count: int, options: Sequence[str]) -> str:
    """The report from the drills' plain server."""
    with tempfile.TemporaryDirectory(prefix="lb-") as name, healthy_server(Path(name), "bench", processors) as guest:
        guest.run(("mkdir", "-p", "/run/bench"), timeout=60)
        guest.write("/run/bench/code.tar", _code())
        guest.run(("tar", "-xf", "/run/bench/code.tar", "-C", "/run/bench"), timeout=600)
        said = guest.run(("env", "PYTHONPATH=/run/bench", "python3", "/run/bench/on_server.py", str(count), *options),
                         timeout=3600)
    return said.text


def _code() -> bytes:
    """Our package and the measurement, as an archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for source in (*sorted((PROJECT / "sif").rglob("*")), PROJECT / "pyproject.toml"):
            if source.is_file() and "__pycache__" not in source.parts:
                archive.add(source, source.relative_to(PROJECT))
        archive.add(PROJECT / "tests/storage/guest/measure.py", "measure.py")
        text = (b"import sys\nfrom measure import report, rounds\nif __name__ == '__main__':\n"
                b"    print(report(*rounds(int(sys.argv[1]), sys.argv[2:])))\n")
        entry = tarfile.TarInfo("on_server.py")
        entry.size = len(text)
        archive.addfile(entry, io.BytesIO(text))
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
