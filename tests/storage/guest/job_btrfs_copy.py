"""Guest job: a btrfs comes back while copies of it, with its uuids, are on disks outside the plan."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import List

from job_comes_back import SET, TARGET, differences, made, plan
from job_isolation import as_in_the_image
from server_layout import tool
from untouched import _digest

from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.storage.teardown import tear_down
from sif.model import SystemInformation

OURS, COPIES = ("ubdb", "ubdc"), ("ubdd", "ubde")


def digests() -> List[str]:
    for disk in COPIES:
        tool("blockdev", "--flushbufs", f"/dev/{disk}")
    return [_digest(f"/dev/{disk}") for disk in COPIES]


def main() -> int:
    as_in_the_image()
    seen = made().info
    saved: SystemInformation = replace(seen, disks=tuple(disk for disk in seen.disks if disk.device in OURS))
    TARGET.mkdir()
    tear_down(OURS)
    for ours, copy in zip(OURS, COPIES):
        tool("dd", f"if=/dev/{ours}", f"of=/dev/{copy}", "bs=1M", "conv=fsync", "status=none")
        tool("partprobe", f"/dev/{copy}")
    tool("udevadm", "settle")
    tool("btrfs", "device", "scan")
    before = digests()
    rebuild(plan(saved), saved, SET, lambda action, state, seconds: None)
    wrong = differences(saved, plan(saved))
    tool("btrfs", "device", "scan")
    mount_tree(saved, plan(saved), TARGET)
    files = [path.name for path in TARGET.rglob("*file-with*")]
    unmount_tree(TARGET)
    wrong += ["the copy is mounted, not the rebuilt file system"] * bool(files)
    wrong += ["a copy was changed"] * (digests() != before)
    print(f"with copies on other disks: {len(wrong)} differences", *wrong, sep="\n    ", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
