"""Guest job: make the layout of /bench/machine, capture it as a machine of its own, and bring the tape back."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from machine_capture import ROOT, captured_here, left_out

from sif import look

ORDER, OUT = Path("/bench/machine"), Path("/bench/out")
DISKS = {f"D{number}": f"/dev/ubd{letter}" for number, letter in enumerate("bcdefgh")}


def main() -> int:
    began = time.monotonic()
    made = subprocess.run(["sh", "-eu", "-c", ". /bench/tests/machines/layouts.sh; . /bench/machine/layout.sh"],
                          env={**DISKS, "MACHINE": ROOT, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"},
                          stdout=sys.stdout, stderr=subprocess.STDOUT, check=False)
    if made.returncode:
        print("the layout could not be made", flush=True)
        return 1
    # a device that was written and mounted in one breath may still lack its links
    subprocess.run(["udevadm", "trigger", "--settle", "--subsystem-match=block"], check=True)
    print(f"layout: {time.monotonic() - began:.1f} s", flush=True)
    with look.recording() as tape, look.rooted(ROOT):
        outcome = captured_here(left_out(ORDER))
    (OUT / "tape.json").write_text(tape.to_json(), "utf-8")
    (OUT / "expected.sif").write_text(outcome.text, "utf-8")
    print(f"capture: {time.monotonic() - began:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
