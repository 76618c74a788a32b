"""Time and memory of planning: 1,000 logical volumes on 1, 8 and 64 disks, of the saved size, larger and smaller.

    python3 tests/bench/plan.py [--rounds N]

Every disk has four partitions: three file systems and a physical volume; the groups carry the logical volumes, each
with a file system. The disks are blank. Larger ones have their room given to all volumes (grow = proportional), on
smaller ones every volume gives. The median of the rounds counts, in seconds of the processor.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import subprocess
import sys
import time
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import List, Tuple

PROJECT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(PROJECT), str(PROJECT / "tests/unit/planner")]

from planner_machines import (  # noqa: E402 - the path comes first, so that it runs from anywhere
    LVM,
    disk,
    guid,
    lvm_id,
    machine,
    part,
    present,
    server,
)

from rescue.hardware import Hardware  # noqa: E402
from rescue.plan import RestorePlan  # noqa: E402
from rescue.planner import RestorePolicy, plan_restore  # noqa: E402
from sif.enums import Fit, Grow  # noqa: E402
from sif.model import (  # noqa: E402
    FileSystem,
    FsType,
    LogicalVolume,
    LvType,
    PhysicalVolume,
    Ref,
    SystemInformation,
    VolumeGroup,
)

DISKS = (1, 8, 64)
VOLUMES = 1000
CASES = {"same": (1.0, RestorePolicy()), "larger": (1.5, RestorePolicy(grow=Grow.PROPORTIONAL)),
         "smaller": (0.8, RestorePolicy(fit=Fit.SHRINK_FREE))}
"""How large the disks are, compared with the saved ones, and what is decided."""
LIMIT_S = 1.0
"""Planning may take so long."""
_EXTENTS = 64
"""Of a logical volume, 4 MiB each."""


def saved(disks: int, volumes: int) -> SystemInformation:
    """A server of so many disks, a volume group on each of them, and so many logical volumes over all."""
    base = server()
    ids = [f"d{number}" for number in range(disks)]
    per_group = -(-volumes // disks)
    extents = per_group * _EXTENTS + 200
    mib = 1501 + extents * 4 + 8
    lvs, systems = [], []
    for number, ident in enumerate(ids):
        systems += [FileSystem(f"fs_{ident}p{index}", Ref(f"{ident}p{index}"), FsType.EXT4,
                               guid(1 << 20 | number << 8 | index)) for index in (1, 2, 3)]
        for index in range(min(per_group, volumes - number * per_group)):
            name = f"lv{number}x{index}"
            lvs.append(LogicalVolume(name, Ref(f"vg{number}"), name, lvm_id(name), LvType.LINEAR, _EXTENTS,
                                     (f"pv{number}:{index * _EXTENTS}:{_EXTENTS}",)))
            systems.append(FileSystem(f"fs_{name}", Ref(name), FsType.EXT4, guid(1 << 32 | number << 16 | index),
                                      used_bytes=1 << 20))
    systems[0] = replace(systems[0], id="boot", mount="/boot")
    systems[1] = replace(systems[1], id="root", mount="/")
    return replace(
        base,
        disks=tuple(disk(ident, (mib + 1) << 20, by_path=f"pci-0000:{number:02x}:00.0")
                    for number, ident in enumerate(ids)),
        partitions=tuple(part(ident, index, 1 + (index - 1) * 500, 500 if index < 4 else mib - 1501, LVM)
                         for ident in ids for index in (1, 2, 3, 4)),
        pvs=tuple(PhysicalVolume(f"pv{number}", Ref(f"{ident}p4"), lvm_id(f"pv{number}uuid"), 1 << 20, extents)
                  for number, ident in enumerate(ids)),
        vgs=tuple(VolumeGroup(f"vg{number}", f"vg{number}", lvm_id(f"vg{number}uuid"), 4 << 20, (Ref(f"pv{number}"),))
                  for number in range(disks)),
        lvs=tuple(lvs), filesystems=tuple(systems), swaps=())


def hardware(info: SystemInformation, share: float) -> Hardware:
    """Blank disks like the saved ones, so many times as large, in another order."""
    return machine(*(present(f"sd{number}", int(one.size_bytes * share) >> 20 << 20, serial=one.serial,
                             by_path=one.by_path) for number, one in reversed(list(enumerate(info.disks)))))


def planned(disks: int, case: str, rounds: int) -> Tuple[RestorePlan, float]:
    """The plan, and the seconds of the median round."""
    share, policy = CASES[case]
    info = saved(disks, VOLUMES)
    there = hardware(info, share)
    times: List[float] = []
    for _ in range(rounds):
        began = time.process_time()
        plan = plan_restore(info, there, policy)
        times.append(time.process_time() - began)
    return plan, statistics.median(times)


def most_memory(disks: int, case: str) -> int:
    """The bytes that planning takes at most besides the machine's own description."""
    share, policy = CASES[case]
    info = saved(disks, VOLUMES)
    there = hardware(info, share)
    tracemalloc.start()
    plan_restore(info, there, policy)
    return tracemalloc.get_traced_memory()[1]


def main(argv: List[str]) -> int:
    parser = argparse.ArgumentParser(description="Time and memory of planning.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", nargs=2, metavar=("DISKS", "CASE"), help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.memory:
        print(most_memory(int(options.memory[0]), options.memory[1]))
        return 0
    slow = 0
    for disks, case in itertools.product(DISKS, CASES):
        plan, seconds = planned(disks, case, options.rounds)
        memory = subprocess.run([sys.executable, __file__, "--memory", str(disks), case], check=True,
                                stdout=subprocess.PIPE, text=True).stdout
        slow += seconds >= LIMIT_S
        print(f"{disks:3} disks, {case:8} {len(plan.actions):5} actions, {len(plan.adjustments):5} adjustments: "
              f"{seconds:6.3f} s, at most {int(memory) / (1 << 20):5.1f} MiB more memory", flush=True)
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
