"""Looks at the restored tree before the way back is given up: can this system start?"""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, Optional, Tuple

from rescue.blockdev import BlockDevices
from rescue.failures import RestoreFailed
from sif.model import SystemInformation

_OPTIONAL = frozenset({"noauto", "nofail"})


def check_restored(saved: SystemInformation, target: Path, devices: BlockDevices) -> None:
    """Raise :class:`RestoreFailed` with everything that keeps the restored system from starting."""
    problems = (*grub_problems(saved, target), *fstab_problems(target, devices))
    if problems:
        raise RestoreFailed("the restored system would not start; the machine stays in phase 2",
                            where=str(target), found="\n    ".join(["", *problems]),
                            hint="is everything in the backup? Repair it in a shell, then start the machine again")


def grub_problems(saved: SystemInformation, target: Path) -> Tuple[str, ...]:
    """What is wrong with GRUB's menu: missing, empty, or its first entry names files that are not there."""
    prefix = saved.boot.grub_prefix if saved.boot and saved.boot.grub_prefix else "/boot/grub"
    config = _below(target, prefix) / "grub.cfg"
    if not config.is_file():
        return (f"{prefix}/grub.cfg is missing",)
    kernel, initrds = first_entry(config.read_text(encoding="utf-8", errors="replace"))
    if kernel is None:
        return (f"{prefix}/grub.cfg starts no kernel",)
    return tuple(f"{prefix}/grub.cfg starts {path}, which is missing" for path in (kernel, *initrds)
                 if not _exists_for_grub(target, path))


def first_entry(config: str) -> Tuple[Optional[str], Tuple[str, ...]]:
    """The kernel and the initrds of the first menu entry that has a kernel."""
    kernel = re.search(r"^\s*linux(?:16|efi)?\s+(\S+)", config, re.MULTILINE)
    if kernel is None:
        return None, ()
    rest = config[kernel.end():].partition("}")[0]
    initrd = re.search(r"^\s*initrd(?:16|efi)?[ \t]+(.+)$", rest, re.MULTILINE)
    return kernel.group(1), tuple(initrd.group(1).split()) if initrd else ()


def fstab_problems(target: Path, devices: BlockDevices) -> Tuple[str, ...]:
    """The file systems that /etc/fstab needs at start and that no present device has."""
    fstab = target / "etc/fstab"
    if not fstab.is_file():
        return ("/etc/fstab is missing",)
    missing = []
    for spec, where in required_specs(fstab.read_text(encoding="utf-8", errors="replace")):
        kind, _, value = spec.partition("=")
        value = value.strip('"')
        known = devices.by_uuid(value) if kind == "UUID" else devices.by_label(value) if kind == "LABEL" else None
        if known is not None and not known:
            missing.append(f"/etc/fstab mounts {spec} at {where}, and no device has it")
    return tuple(missing)


def required_specs(fstab: str) -> Tuple[Tuple[str, str], ...]:
    """Device and mount point of every line that is mounted at start and may not fail."""
    found: List[Tuple[str, str]] = []
    for line in fstab.splitlines():
        fields = line.split()
        if len(fields) >= 4 and not fields[0].startswith("#") and not _OPTIONAL & set(fields[3].split(",")):
            found.append((fields[0], fields[1]))
    return tuple(found)


def _exists_for_grub(target: Path, path: str) -> bool:
    """Whether a path of grub.cfg is there: relative to the file system of /boot, or to the root's.

    A path may begin with a device in parentheses; symbolic links must not lead out of the tree.
    """
    plain = re.sub(r"^\(.*?\)", "", path)
    return any(_inside(root, plain) for root in (target / "boot", target))


def _inside(root: Path, path: str) -> bool:
    candidate = _below(root, path)
    if not candidate.is_symlink():
        return candidate.is_file()
    goal = candidate.readlink()
    return _below(root, str(goal)).is_file() if goal.is_absolute() else (candidate.parent / goal).is_file()


def _below(root: Path, path: str) -> Path:
    return root.joinpath(*[part for part in path.split("/") if part not in ("", ".", "..")])
