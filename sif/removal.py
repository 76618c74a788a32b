"""Remove a tree of our own without following it into another file system.

``shutil.rmtree`` walks through mount points. A program that was killed can leave the machine's own ``/dev`` mounted in
the tree that it was filling, and removing that tree then removes the machine's devices: it happened to a build host.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Tuple

from sif.errors import CommandFailed
from sif.run import run

MOUNTINFO = Path("/proc/self/mountinfo")


def mounts_below(folder: Path, mountinfo: str) -> Tuple[str, ...]:
    """The mount points at or below ``folder`` (an absolute path without links), the innermost and newest first.

    ``mountinfo`` is the text of /proc/self/mountinfo, see proc_pid_mountinfo(5): octal escapes for white space.
    """
    found = []
    for line in mountinfo.splitlines():
        fields = line.split(" ")
        if len(fields) > 4:
            place = _unescaped(fields[4])
            if place == str(folder) or place.startswith(f"{folder}/"):
                found.append(place)
    return tuple(reversed(found))


def remove_tree(folder: Path) -> None:
    """Remove ``folder``, if it is there; what is mounted in it is unmounted first and keeps its files.

    Raises :class:`CommandFailed` when something in it stays mounted; nothing has been removed then.
    """
    if folder.is_symlink():
        folder.unlink()
        return
    if not folder.exists():
        return
    real = Path(os.path.realpath(folder))
    places = mounts_below(real, MOUNTINFO.read_text("utf-8", "surrogateescape"))
    for place in places:
        # Else an unmount below a shared copy of /dev would be carried over to /dev itself, mount_namespaces(7).
        run(("mount", "--make-private", place), timeout=60)
    for place in places:
        run(("umount", "--no-canonicalize", place), timeout=60)
    left = mounts_below(real, MOUNTINFO.read_text("utf-8", "surrogateescape"))
    if left:
        raise CommandFailed("a folder that is to be removed has something mounted in it", where=str(folder),
                            found=", ".join(left), wanted="nothing mounted there",
                            hint=f"stop what uses it, then `umount {left[0]}`")
    shutil.rmtree(real, ignore_errors=True)


def _unescaped(field: str) -> str:
    for code, character in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        field = field.replace(code, character)
    return field
