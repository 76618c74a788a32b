"""Do the copies and the parity of every array and RAID volume agree, once the kernel has synchronised them?"""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from pathlib import Path
from typing import List, Sequence

_SECONDS = 120.0
_MIB = 1 << 20
_PLACE, _LENGTH = _MIB // 2, 1 << 16
"""Where in each MiB there is noise: superblocks and LVM's metadata lie near its ends."""


def make_noise(disks: Sequence[str]) -> None:
    """Write bytes that agree with nothing on another disk into the middle of each MiB of each disk."""
    for number, path in enumerate(disks):
        noise = random.Random(number)
        with Path(path).open("r+b", buffering=0) as disk:
            size = disk.seek(0, os.SEEK_END)
            for start in range(_PLACE, size - _MIB, _MIB):
                disk.seek(start)
                disk.write(noise.randbytes(_LENGTH))
            os.fsync(disk.fileno())
    subprocess.run(["udevadm", "settle"], check=True)


def mismatches() -> List[str]:
    """One line for each array whose members contradict each other."""
    return [*_arrays(), *_volumes()]


def _arrays() -> List[str]:
    found = []
    for folder in sorted(Path("/sys/class/block").glob("md*/md")):
        name, action = folder.parent.name, folder / "sync_action"
        if not action.exists():
            continue  # nothing twice
        device = f"/dev/{name}"
        subprocess.run(["mdadm", "--wait", device], check=False)  # exit status 1: there was nothing to wait for
        action.write_text("check", "ascii")
        subprocess.run(["mdadm", "--wait", device], check=False)
        count = (folder / "mismatch_cnt").read_text("ascii").strip()
        print(f"{name}: {(folder / 'level').read_text('ascii').strip()}, {count} mismatches", flush=True)
        if count != "0":
            found.append(f"{name}: {count} sectors do not agree")
    return found


def _volumes() -> List[str]:
    """RAID volumes of LVM, but for those that were made without being synchronised, which is kept."""
    found = []
    for row in _report():
        if row["lv_attr"][0] != "r":
            continue
        name = row["lv_full_name"].replace("[", "").replace("]", "")
        _wait(name)
        subprocess.run(["lvchange", "--syncaction", "check", name], check=True)
        _wait(name)
        (now,) = [one for one in _report() if one["lv_full_name"] == row["lv_full_name"]]
        print(f"{name}: {row['segtype']}, {now['raid_mismatch_count']} mismatches", flush=True)
        if now["raid_mismatch_count"] != "0":
            found.append(f"{name}: {now['raid_mismatch_count']} sectors do not agree")
    return found


def _wait(name: str) -> None:
    end = time.monotonic() + _SECONDS
    while any(row["raid_sync_action"] not in ("idle", "") for row in _report(name)):
        if time.monotonic() > end:
            raise TimeoutError(name)
        subprocess.run(["udevadm", "settle"], check=False)


def _report(*names: str) -> List[dict[str, str]]:
    done = subprocess.run(["lvs", "--all", "--reportformat", "json", "--select", "segtype=~^raid[1-9]",
                           "--options", "lv_full_name,lv_attr,segtype,raid_sync_action,raid_mismatch_count", *names],
                          check=True, capture_output=True, text=True)
    return [row for report in json.loads(done.stdout)["report"] for row in report["lv"]]
