"""Guest job: the same server on disks that are larger than the saved ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import List

import server_layout
from job_rebuild import OUT, plan, report
from records import load_saved

from rescue.planner.allocate import LARGER_DISK
from rescue.storage.rebuild import rebuild
from rescue.verify import verify


def main() -> int:
    saved = load_saved((OUT / "saved.json").read_text("utf-8"))
    found = plan(saved)
    wrong: List[str] = []
    if [(a.code, a.subject) for a in found.adjustments] != [(LARGER_DISK, "d0"), (LARGER_DISK, "d1")]:
        wrong.append(f"adjustments: {found.adjustments}")
    rebuild(found, saved, OUT / "set", report)
    verify(saved, found)
    before = json.loads((OUT / "before.json").read_text("utf-8"))
    wrong += [text for text in server_layout.differences(before, server_layout.description())
              if "last-lba" not in text]
    last = int(Path("/sys/class/block/ubdb/size").read_text("ascii")) - 34
    if f"last-lba: {last}" not in server_layout.tool("sfdisk", "-d", server_layout.D0):
        wrong.append("the table does not reach the end of the disk")
    print("WRONG:", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
