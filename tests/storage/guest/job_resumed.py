"""Guest job: after a power cut, on disks that hold a part of a rebuild: a second one finishes it."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from interruption import events, second_run
from job_isolation import as_in_the_image
from records import load_saved

OUT = Path("/bench/out")


def main() -> int:
    as_in_the_image()
    saved = load_saved((OUT / "saved.json").read_text("utf-8"))
    cut = Path("/bench/machine/cut").read_text("utf-8")
    done = json.loads((OUT / "cuts" / cut / "done.json").read_text("utf-8"))
    began = time.monotonic()
    found = second_run(saved, OUT / "set", done)
    print(f"power cut after {cut}: {len(done)} actions finished, {len(events().kept)} kept, {len(events().finished)} "
          f"made, {time.monotonic() - began:.1f} s", *found, sep="\n    ", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
