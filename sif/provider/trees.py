"""A tree with everything a backup may lose, and the comparison of two trees."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict, List, Tuple

Facts = Tuple[object, ...]


def make_tree(place: Path) -> None:
    """Fill a directory: modes, times, links, a hole, odd names, attributes, empty things."""
    (place / "etc").mkdir()
    (place / "etc/plain.conf").write_text("value = 1\n", "utf-8")
    (place / "etc/secret").write_bytes(bytes(range(256)))
    (place / "etc/secret").chmod(0o600)
    (place / "bin").mkdir(mode=0o755)
    (place / "bin/tool").write_bytes(b"#!/bin/sh\n")
    (place / "bin/tool").chmod(0o4755)
    (place / "bin/alias").symlink_to("tool")
    (place / "dangling").symlink_to("/nowhere/at all")
    os.link(place / "bin/tool", place / "bin/other-name")
    (place / "empty").mkdir(mode=0o700)
    (place / "empty-file").touch()
    for name in ("with space", "newline\nname", "-dash", "ümlaut", "back\\slash", "quote'\"", "日本"):
        (place / name).write_text(name, "utf-8")
    with (place / "sparse").open("wb") as hole:
        hole.seek(4 << 20)
        hole.write(b"end")
    try:
        os.setxattr(place / "etc/plain.conf", "user.kit", b"kept \x00 too")
    except OSError:
        (place / "no-attributes-here").touch()  # a file system without extended attributes
    (place / "fifo-dir").mkdir()
    os.mkfifo(place / "fifo-dir/fifo")
    for path in sorted(place.rglob("*"), reverse=True):
        os.utime(path, (1_600_000_000, 1_600_000_000), follow_symlinks=False)


def differences(one: Path, other: Path) -> List[str]:
    """What is not the same in two trees, in words."""
    before, after = _facts(one), _facts(other)
    found = [f"{name!r} is missing" for name in sorted(before.keys() - after.keys())]
    found += [f"{name!r} should not be there" for name in sorted(after.keys() - before.keys())]
    for name in sorted(before.keys() & after.keys()):
        pairs = zip(_TITLES, before[name], after[name])
        found += [f"{name!r}: {title} {new!r}, not {old!r}" for title, old, new in pairs if old != new]
    return found


_TITLES = ("type and mode", "owner", "size", "time", "content", "attributes", "names of the same file")


def _facts(root: Path) -> Dict[str, Facts]:
    found: Dict[str, Facts] = {}
    inodes: Dict[Tuple[int, int], List[str]] = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        about = path.lstat()
        regular = stat.S_ISREG(about.st_mode)
        if regular:
            inodes.setdefault((about.st_dev, about.st_ino), []).append(name)
        content: object = path.read_bytes() if regular else str(path.readlink()) if path.is_symlink() else None
        attributes = {key: os.getxattr(path, key, follow_symlinks=False)
                      for key in os.listxattr(path, follow_symlinks=False)
                      if key.startswith("user.") or key in ("security.capability", "system.posix_acl_access")}
        # links have a time of their own only where the tool cares; directories get theirs from what is put into them
        when = int(about.st_mtime) if regular else None
        found[name] = (about.st_mode, (about.st_uid, about.st_gid), about.st_size if regular else None, when, content,
                       attributes, None)
    for names in inodes.values():
        for name in names:
            found[name] = (*found[name][:-1], tuple(names) if len(names) > 1 else None)
    return found
