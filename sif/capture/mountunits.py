"""Mounts that systemd's own units make: ``*.mount`` files which are enabled, by themselves or by an ``.automount``.

Source: systemd.mount(5), systemd.automount(5).
"""

from __future__ import annotations

import posixpath
import re
from typing import List, Optional, Tuple

from sif.capture.fstab import FstabLine
from sif.capture.ini import UNIT_FOLDERS, Sections, enabled_units, with_drop_ins
from sif.model import MountSource

_KERNELS_OWN = ("/dev", "/proc", "/sys", "/run")


def parse_mount_unit(unit: Sections) -> Optional[FstabLine]:
    """A mount unit as a line of fstab; None when it says no source or no place, or when it is the kernel's own."""
    mount = unit.merged("Mount")
    what, where = _plain(mount.last("What")), _plain(mount.last("Where"))
    if not what or not where.startswith("/"):
        return None
    where = posixpath.normpath(where)
    if any(where == top or where.startswith(top + "/") for top in _KERNELS_OWN):
        return None
    options = re.sub(r"\s", "", _plain(mount.last("Options"))) or "defaults"
    return FstabLine(what, where, mount.last("Type") or "auto", options, MountSource.UNIT)


def _plain(value: Optional[str]) -> str:
    """A value without quotes, ``%%`` and ``\\x20`` undone."""
    text = (value or "").strip().strip('"')
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda match: chr(int(match.group(1), 16)), text).replace("%%", "%")


def read_mount_units() -> Tuple[FstabLine, ...]:
    """What the enabled mount units mount, by unit name."""
    names = set(enabled_units(".mount"))
    names.update(name[:-len(".automount")] + ".mount" for name in enabled_units(".automount"))
    found: List[FstabLine] = []
    for name in sorted(names):
        unit = with_drop_ins(name, UNIT_FOLDERS)
        line = parse_mount_unit(unit) if unit is not None else None
        if line is not None:
            found.append(line)
    return tuple(found)
