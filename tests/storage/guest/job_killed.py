"""Guest job: for each cut: a rebuild over an old system is killed there, and a second one finishes it."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import List

from interruption import events, in_child, killed_at, second_run
from job_comes_back import SET, TARGET, made, plan, secrets
from job_isolation import as_in_the_image

from rescue.planner.layout import Layout
from rescue.storage.lvm_areas import areas, flat, zero
from rescue.storage.mounts import mount_tree, places, unmount_tree
from rescue.storage.resume import keepable
from rescue.storage.site import device_node
from rescue.storage.teardown import tear_down
from sif.model import SystemInformation

CUTS = Path("/bench/machine/cuts")
SIGKILL = 9


def cuts(saved: SystemInformation) -> List[str]:
    """Those asked for; ``all`` is every action, in its middle and after it, and a group that is half there.
    ``from:ACTION`` is the rest of a matrix that was broken off."""
    words = CUTS.read_text("utf-8").split()
    first = words[0].partition("from:")[2]
    if words != ["all"] and not first:
        return words
    half = [f"half:vg:{lv.vg}" for lv in saved.lvs if lv.name.endswith("_rmeta_1")] if not first else []
    ids = [action.id for action in plan(saved).actions]
    rest = ids[ids.index(first) if first else 0:]
    return [*half, *(f"{where}:{ident}" for ident in rest for where in ("in", "after"))]


def use(saved: SystemInformation) -> None:
    """The machine has run and has files everywhere: what is there now is an old system, not a half-done rebuild."""
    disks = [disk.device for disk in saved.disks if disk.device]
    tear_down(disks)
    now = plan(saved)
    mount_tree(saved, now, TARGET, secrets=secrets)
    for place in places(saved, now):
        Path(TARGET, place.mount.lstrip("/"), "old-file").write_text("old")
    unmount_tree(TARGET)
    tear_down(disks)


def spoil(saved: SystemInformation, made: str) -> None:
    """What a power cut within an action leaves: a group that is written, but not one leg's superblock."""
    tear_down([disk.device for disk in saved.disks if disk.device])
    vg = next(vg for vg in saved.vgs if f"vg:{vg.id}" == made)
    leg = next(lv for lv in saved.lvs if lv.vg == vg.id and lv.name.endswith("_rmeta_1"))
    pvs = {pv.id: pv for pv in saved.pvs if pv.id in vg.pvs}
    now = plan(saved)
    nodes = {pv.id: device_node(now, Layout(saved), pv.device) for pv in pvs.values()}
    for area in flat(areas(vg, leg, pvs, nodes)):
        zero(area)


def main() -> int:
    as_in_the_image()
    saved = made().info
    TARGET.mkdir()
    wrong = 0
    for cut in cuts(saved):
        use(saved)
        began = time.monotonic()
        half = cut.startswith("half:")
        if in_child(saved, SET, killed_at(cut.replace("half:", "after:"))) != SIGKILL:
            print(f"{cut}: the rebuild was not killed", flush=True)
            wrong += 1
            continue
        done = events().done
        if half:
            spoil(saved, cut.partition(":")[2])
            done = tuple(set(done) & keepable(plan(saved), {cut.partition(":")[2]}))
        found = second_run(saved, SET, done)
        wrong += bool(found)
        print(f"{cut}: {len(done)} actions finished, {len(events().kept)} kept, {len(events().finished)} made, "
              f"{time.monotonic() - began:.1f} s", *found, sep="\n    ", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
