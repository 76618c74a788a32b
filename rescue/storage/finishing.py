"""What can only be made when the files are back: swap files, read-only flags, keys that lie in the restored tree."""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import Collection, Iterator, List, Optional, Tuple

from rescue.plan import RestorePlan
from rescue.planner.layout import Layout
from rescue.storage.bringup import node
from rescue.storage.encrypted_text import passphrase_of, slot_costs
from rescue.storage.errors import RebuildFailed
from rescue.storage.site import Secrets
from sif.model import Btrfs, Luks, Swap, SystemInformation
from sif.run import run

_TIMEOUT = 600.0
_TOP_LEVEL = 5
_NO_PERMISSION = 2
_KEY_WORDS = re.compile(r"keyfile-(size|offset)=(\d+)")


def make_swap_files(saved: SystemInformation, target: Path) -> Tuple[str, ...]:
    """Make every swap file of the set again that is not there as it was; returns the paths of those made.

    A backup rarely holds one. Idempotent. Raises :class:`RebuildFailed` when its place is not inside the tree.
    """
    made: List[str] = []
    for swap in saved.swaps:
        if swap.path is None or not swap.size_bytes:
            continue
        place = _inside(target, swap.path)
        if _is_made(place, swap):
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.touch(mode=0o600)
        # A btrfs swaps only to files that are not copied on write, and that is settled while they are empty.
        run(("chattr", "+C", str(place)), timeout=_TIMEOUT, check=False)
        with place.open("r+b") as file:
            os.posix_fallocate(file.fileno(), 0, swap.size_bytes)
        label = ("--label", swap.label) if swap.label else ()
        run(("mkswap", "--uuid", swap.uuid, "--pagesize", str(swap.page_bytes), *label, str(place)), timeout=_TIMEOUT)
        made.append(swap.path)
    return tuple(made)


def _is_made(place: Path, swap: Swap) -> bool:
    if place.is_symlink() or not place.is_file() or place.stat().st_size != swap.size_bytes:
        return False
    shown = run(("blkid", "--probe", "--match-tag", "UUID", "--output", "value", str(place)), timeout=_TIMEOUT,
                check=False)
    return shown.stdout.strip().lower() == swap.uuid.lower()


def _inside(target: Path, path: str) -> Path:
    """The path below the target tree; a restored symbolic link must not lead out of it."""
    place = target / path.lstrip("/")
    if not place.parent.resolve().is_relative_to(target.resolve()):
        raise RebuildFailed("a file would lie outside the restored tree", where=path,
                            found=str(place.parent.resolve()), wanted=f"a place below {target}")
    return place


def seal_subvolumes(saved: SystemInformation, plan: Optional[RestorePlan], spare: Collection[str] = ()) -> None:
    """Make those subvolumes read-only that were; ``spare`` are (ids of) those that are still written to.

    Idempotent. The file systems are mounted at a place of their own for it.
    """
    for btrfs in saved.btrfs:
        sealed = [sub for sub in saved.subvolumes
                  if sub.btrfs == btrfs.id and sub.readonly and sub.id not in spare]
        if sealed:
            with _top(saved, plan, btrfs) as top:
                for sub in sealed:
                    run(("btrfs", "property", "set", "-t", "subvol", str(_inside(top, sub.path)), "ro", "true"),
                        timeout=_TIMEOUT)


@contextmanager
def _top(saved: SystemInformation, plan: Optional[RestorePlan], btrfs: Btrfs) -> Iterator[Path]:
    device = node(saved, plan, Layout(saved), btrfs.devices[0])
    with tempfile.TemporaryDirectory(prefix="lifeboat-btrfs-") as place:
        run(("mount", "-t", "btrfs", "-o", f"subvolid={_TOP_LEVEL}", device, place), timeout=_TIMEOUT)
        try:
            yield Path(place)
        finally:
            run(("umount", place), timeout=_TIMEOUT)


def add_key_files(saved: SystemInformation, plan: Optional[RestorePlan], target: Path,
                  secrets: Secrets) -> Tuple[str, ...]:
    """Let the restored key files open their volumes, as crypttab will have it; returns the ids of those changed.

    A volume that was made anew knows only the passphrase that was given, but its key file came with the root file
    system's backup. One that opens the volume already (the saved header was restored, or its content was the
    passphrase) stays as it is. A key file that is not in the tree (on a stick, a device) is not ours to add.
    """
    added: List[str] = []
    for luks in saved.luks:
        if luks.key_file is None or not luks.key_file.startswith("/") or luks.key_file.startswith("/dev/"):
            continue
        file = _inside(target, luks.key_file)
        if file.is_symlink() or not file.is_file():
            continue
        device = node(saved, plan, Layout(saved), luks.device)
        if not run(("cryptsetup", "open", "--test-passphrase", "--type=luks", f"--key-file={file}",
                    *_part(luks, "keyfile"), device), timeout=_TIMEOUT, ok=(0, _NO_PERMISSION)).ok:
            run(("cryptsetup", "luksAddKey", "--batch-mode", "--key-file=-", *_part(luks, "new-keyfile"),
                 *slot_costs(luks, 1), device, str(file)), timeout=_TIMEOUT, input=passphrase_of(luks, secrets))
            added.append(luks.id)
    return tuple(added)


def _part(luks: Luks, word: str) -> Tuple[str, ...]:
    """The options for the part of the key file that is the key, as crypttab names it."""
    return tuple(f"--{word}-{name}={value}" for name, value in _KEY_WORDS.findall(luks.options or ""))
