"""Brings up what the staging volume lies on, in phase 2, where the early userspace has not done it already."""

from __future__ import annotations

from pathlib import Path
from typing import Sequence

from sif.run import run

_SECONDS = 300.0


def bring_up_stage(words: Sequence[str]) -> None:
    """Assemble and activate exactly what the words of the kernel's command line name (:mod:`rescue.staging.layers`).

    What is up already stays as it is. An array that has lost a disk since is started without it.
    """
    for word in words:
        kind, _, rest = word.partition(",")
        ident, _, node = rest.partition(",")
        if kind == "md" and not _running(node):
            run(["mdadm", "--assemble", f"/dev/{node}", f"--uuid={ident}", "--run", "--config=partitions"],
                timeout=_SECONDS)
        elif kind == "vg":
            run(["vgchange", "--activate", "y", "--select", f"vg_uuid={ident}"], timeout=_SECONDS)
        elif kind == "btrfs":
            run(["btrfs", "device", "scan"], timeout=_SECONDS)
    if words:
        run(["udevadm", "settle", "--timeout=60"], timeout=70, check=False)


def _running(node: str) -> bool:
    try:
        state = Path("/sys/class/block", node, "md/array_state").read_text("ascii").strip()
    except OSError:
        return False
    return state not in ("", "clear", "inactive")
