"""Plans for other disks are carried out on a real kernel: smaller, fewer, larger, with other firmware, as a replica."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
from bench import PROJECT, Bench

sys.path.insert(0, str(Path(PROJECT, "tests/unit/planner")))
from planner_cases import MACHINES  # noqa: E402

from rescue.planner import RestorePolicy, parse_disk_map  # noqa: E402
from rescue.planner.codec import encode  # noqa: E402
from sif.enums import Grow, OneDisk  # noqa: E402
from sif.model import SystemInformation  # noqa: E402

MIB = 1 << 20
SIZES = (5000 * MIB, 6000 * MIB, 9000 * MIB)
"""Of ubdb, ubdc and ubdd; sparse files."""

CASES: Tuple[Tuple[str, str, Tuple[str, ...], str, RestorePolicy, Tuple[str, ...]], ...] = (
    ("smaller", "plain", ("/dev/ubdb",), "uefi", RestorePolicy(parse_disk_map(["d0=ubdb"])), ("partition-shrunk",)),
    ("merged", "two", ("/dev/ubdc",), "uefi", RestorePolicy(parse_disk_map(["d0=ubdc", "d1=ubdc"])),
     ("disks-merged", "pv-shrunk")),
    ("degraded", "mirror", ("/dev/ubdd",), "uefi", RestorePolicy(parse_disk_map(["d0=ubdd", "d1=none"])),
     ("array-degraded",)),
    ("plain volume", "mirror", ("/dev/ubdd",), "uefi", RestorePolicy(
        parse_disk_map(["d0=ubdd", "d1=none"]), one_disk=OneDisk.LINEAR), ("array-dissolved",)),
    ("grown replica", "lvm", ("/dev/ubdd",), "uefi", RestorePolicy(
        parse_disk_map(["d0=ubdd"]), grow=Grow.NAMED, grow_volumes=("root",), replica="web02"),
     ("lv-grown", "replica-identity")),
    ("other firmware", "bios", ("/dev/ubdc",), "uefi", RestorePolicy(parse_disk_map(["d0=ubdc"])),
     ("firmware", "firmware-esp-added")),
    ("two for one", "plain", ("/dev/ubdb", "/dev/ubdc"), "uefi", RestorePolicy(parse_disk_map(["d0=ubdb+ubdc"])),
     ("mirror-added", "disk-smaller")),
    ("logical", "mbr", ("/dev/ubdb",), "bios", RestorePolicy(parse_disk_map(["d0=ubdb"])), ("partition-shrunk",)),
)


def machine(name: str) -> SystemInformation:
    """A machine of the decision table, with keyslots that are opened in no time."""
    saved = MACHINES[name]()
    arrays = tuple(replace(array, name="sys", homehost="web01") for array in saved.arrays)
    return replace(saved, arrays=arrays, luks=tuple(replace(luks, keyslots=("0:argon2id:4:32:1",), hash="sha256")
                                     for luks in saved.luks))


def small_data(saved: SystemInformation) -> SystemInformation:
    """The machine with a data disk that is hashed in no time."""
    system, data = saved.disks
    return replace(
        saved, disks=(system, replace(data, size_bytes=640 * MIB)),
        partitions=(*saved.partitions[:-1], replace(saved.partitions[-1], sectors=600 * MIB // 512)),
        pvs=(saved.pvs[0], replace(saved.pvs[1], extents=149)),
        lvs=(*saved.lvs[:-1], replace(saved.lvs[-1], extents=100, segments=("pv1:0:100",))))


@pytest.mark.storage
def test_what_is_planned_is_made(tmp_path: Path) -> None:
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    cases: List[Dict[str, Any]] = [
        {"name": name, "saved": encode(machine(saved)), "disks": disks, "firmware": firmware, "policy": encode(policy),
         "codes": codes} for name, saved, disks, firmware, policy, codes in CASES]
    folder = bench.root / "bench/machine"
    folder.mkdir(exist_ok=True)
    (folder / "cases.json").write_text(json.dumps(cases), "utf-8")
    outcome = bench.start("job_adapted", bench.blank_disks(SIZES), timeout=1500)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console


@pytest.mark.storage
def test_a_disk_that_survived_is_not_written_to() -> None:
    """The system's disk is destroyed; the data disk's bytes are the same after the look, the rebuild and the check."""
    bench = Bench(Path(PROJECT, "build", "storage-bench"))
    bench.prepare()
    folder = bench.root / "bench/machine"
    folder.mkdir(exist_ok=True)
    (folder / "saved.json").write_text(json.dumps(encode(small_data(machine("two")))), "utf-8")
    outcome = bench.start("job_survivor", bench.blank_disks((SIZES[0], 640 * MIB)), timeout=900)
    print(outcome.log)
    assert outcome.status == 0, outcome.log + outcome.console
