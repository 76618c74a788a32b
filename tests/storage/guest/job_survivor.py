"""Guest job: the disk of the system is destroyed, that of the data survives; its bytes are the same afterwards."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import List, Optional

from job_adapted import TARGET, secrets

from rescue.decisions import decide
from rescue.detect import detect_hardware
from rescue.hardware import Hardware
from rescue.plan import Action
from rescue.planner import RestorePolicy, parse_disk_map
from rescue.planner.codec import decode
from rescue.storage.mounts import mount_tree, unmount_tree
from rescue.storage.rebuild import rebuild
from rescue.storage.teardown import tear_down
from rescue.storage.whole import Looking, find_whole
from rescue.verify import verify
from sif.enums import Firmware, Intact
from sif.model import SystemInformation

SYSTEM, DATA = "/dev/ubdb", "/dev/ubdc"
NAMES = ("ubdb", "ubdc")
MAP = parse_disk_map(["d0=ubdb", "d1=ubdc"])
LOOKING = Looking(secrets=secrets, tell=print)


def machine() -> Hardware:
    return replace(detect_hardware({"/dev/ubdd": "another case's"}), arch="x86_64", firmware=Firmware.UEFI)


def digest(path: str) -> str:
    found = hashlib.sha256()
    with Path(path).open("rb") as disk:
        while data := disk.read(1 << 22):
            found.update(data)
    return found.hexdigest()


def silent(_action: Action, _state: str, _seconds: float) -> None:
    """The log of this job is what it finds."""


def main() -> int:
    TARGET.mkdir(exist_ok=True)
    wrong: List[str] = []
    first = decode(SystemInformation, json.loads(Path("/bench/machine/saved.json").read_text("utf-8")))
    made = decide(first, machine(), RestorePolicy(MAP), None)
    rebuild(made, first, Path("/nothing"), silent, secrets=secrets)
    saved = made.target_of(first)  # from here on this is the machine
    mount_tree(saved, made, TARGET, secrets=secrets)
    (TARGET / "srv/data").write_bytes(b"precious" * 100_000)
    unmount_tree(TARGET)
    tear_down(NAMES)
    before = digest(DATA)
    subprocess.run(["dd", "if=/dev/urandom", f"of={SYSTEM}", "bs=1M", "count=900", "status=none"], check=True)

    policy = RestorePolicy(MAP, intact=Intact.KEEP)
    again = decide(saved, machine(), policy, None, lambda plan: find_whole(saved, plan, LOOKING))
    print("kept:", *again.kept, flush=True)
    wrong += [] if "fs:srv" in again.kept and again.untouched() == ("d1",) else [f"kept {again.kept}"]
    wrong += [] if [c.path for c in again.consents] == [SYSTEM] else [f"consents {again.consents}"]
    if digest(DATA) != before:
        wrong.append("the look has written to the disk of the data")
    rebuild(again, saved, Path("/nothing"), silent, secrets=secrets)
    if digest(DATA) != before:
        wrong.append("the rebuild has written to the disk of the data")
    verify(saved, again)
    mount_tree(saved, again, TARGET, secrets=secrets)
    wrong += [] if (TARGET / "srv/data").read_bytes() == b"precious" * 100_000 else ["the data is not the same"]
    unmount_tree(TARGET)
    tear_down(NAMES)
    wrong += damaged(saved, policy)
    print("WRONG:", *wrong, sep="\n    ", flush=True)
    return 1 if wrong else 0


def damaged(saved: SystemInformation, policy: RestorePolicy) -> List[str]:
    """A survivor whose file system is not clean is no survivor."""
    found: Optional[str] = subprocess.run(["sh", "-c", "vgchange -q -ay vg_data >/dev/null && xfs_db -x -c 'sb 0' -c "
                                           "'write -d fdblocks 1' /dev/vg_data/srv; vgchange -q -an vg_data"],
                                          capture_output=True, text=True, check=False).stderr
    again = decide(saved, machine(), policy, None, lambda plan: find_whole(saved, plan, LOOKING))
    return [f"a damaged volume is kept ({found})"] if "fs:srv" in again.kept else []


if __name__ == "__main__":
    sys.exit(main())
