"""What the operator changes before the recovery: the set's policy, signed again, and the kernel's arguments."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Tuple

from drill.errors import DrillFailed
from drill.key import key_beside
from drill.plan import Bench
from drill.server import facts
from sif.run import run

GRUB = "/boot/grub/grub.cfg"
_ARGUMENTS = re.compile(r'^set user_args="(.*)"$', re.MULTILINE)


def decide(bench: Bench, policy: Tuple[str, ...], edits: Tuple[Tuple[str, ...], ...]) -> None:
    """Change the set on the stick, as an administrator does, and sign it again."""
    changes = (*((("POLICY", *policy),) if policy else ()), *edits)
    if changes:
        edited = bench.disks / "edited"
        shutil.rmtree(edited, ignore_errors=True)
        shutil.copytree(bench.original_set, edited)
        put_set(bench, edited, changes)


def put_set(bench: Bench, folder: Path, changes: Tuple[Tuple[str, ...], ...] = ()) -> None:
    """Put the set in a folder onto the stick, with these changes (as `sif edit` takes them), and signed."""
    sif = (sys.executable, "-m", "sif")
    for words in changes:
        run((*sif, "edit", str(folder), *words), timeout=120)
    run((*sif, "sign", str(folder), "--key", str(key_beside(bench.order.iso))), timeout=120)
    content = tuple(str(path) for path in sorted(folder.iterdir()))
    run(("mcopy", "-s", "-o", "-i", str(bench.stick), *content, f"::/{facts.HOSTNAME}/"), timeout=120)


def with_arguments(iso: Path, target: Path, arguments: str) -> Path:
    """The ISO with more kernel arguments, as if the operator had typed them in its boot menu."""
    if not arguments:
        return iso
    menu = target.with_suffix(".cfg")
    run(("xorriso", "-osirrox", "on", "-indev", str(iso), "-extract", GRUB, str(menu)), timeout=300)
    menu.chmod(0o600)
    text = menu.read_text("utf-8")
    changed, count = _ARGUMENTS.subn(lambda found: f'set user_args="{found[1]} {arguments}"', text)
    if count != 1:
        raise DrillFailed("the ISO's boot menu takes no arguments", where=f"{iso}:{GRUB}", wanted="set user_args=")
    menu.write_text(changed, "utf-8")
    run(("xorriso", "-indev", str(iso), "-outdev", str(target), "-boot_image", "any", "replay", "-map", str(menu),
         GRUB), timeout=600)
    return target
