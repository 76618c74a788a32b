"""Writes down every file of a machine, by means of its own: runs inside the guest, standard library only.

    python3 manifest.py OUTPUT MOUNTPOINT...

One JSON object a line for everything on the file systems mounted there (no other ones are entered). Paths are
strings with the surrogate escape for bytes that are no UTF-8; xattr values (ACLs and capabilities are xattrs)
are hexadecimal; times are nanoseconds; `data` and `segments` count what SEEK_DATA finds in a file with holes.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, Sequence, Tuple

TYPES = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "directory"), (stat.S_ISLNK, "symlink"), (stat.S_ISFIFO, "fifo"),
         (stat.S_ISCHR, "char"), (stat.S_ISBLK, "block"), (stat.S_ISSOCK, "socket"))


def entries(mounts: Sequence[str]) -> Iterator[Dict[str, Any]]:
    """Every entry of the file systems, each directory before its content, in the order of the names' bytes."""
    devices = {os.lstat(mount).st_dev for mount in mounts}
    links: Dict[Tuple[int, int], str] = {}
    stack = ["/"]
    while stack:
        path = stack.pop()
        seen = os.lstat(path)
        if seen.st_dev not in devices:
            yield {"path": path, "type": "mountpoint"}  # of a file system nobody asked for
            continue
        yield describe(path, seen, links)
        if stat.S_ISDIR(seen.st_mode):
            with os.scandir(path) as content:
                stack.extend(sorted((item.path for item in content), key=os.fsencode, reverse=True))


def describe(path: str, seen: os.stat_result, links: Dict[Tuple[int, int], str]) -> Dict[str, Any]:
    """Everything about one entry that a restore must bring back. ``links`` maps inodes to their first name."""
    kind = next(name for test, name in TYPES if test(seen.st_mode))
    entry: Dict[str, Any] = {"path": path, "type": kind, "mode": stat.S_IMODE(seen.st_mode), "uid": seen.st_uid,
                             "gid": seen.st_gid, "mtime_ns": seen.st_mtime_ns}
    attributes = xattrs(path)
    if attributes:
        entry["xattrs"] = attributes
    if kind == "symlink":
        entry["target"] = str(Path(path).readlink())
    if kind in ("char", "block"):
        entry["rdev"] = [os.major(seen.st_rdev), os.minor(seen.st_rdev)]
    if kind != "directory" and seen.st_nlink > 1:
        entry["link"] = links.setdefault((seen.st_dev, seen.st_ino), path)
    if kind == "file":
        entry["size"] = seen.st_size
        data, segments, digest = content(path, seen.st_size)
        entry["sha256"] = digest
        if data < seen.st_size:
            entry["data"], entry["segments"] = data, segments
    return entry


def xattrs(path: str) -> Dict[str, str]:
    """All extended attributes, as hexadecimal; none where the file system has none."""
    try:
        return {name: os.getxattr(path, name, follow_symlinks=False).hex()
                for name in sorted(os.listxattr(path, follow_symlinks=False))}
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return {}
        raise


def content(path: str, size: int) -> Tuple[int, int, str]:
    """(bytes in data segments, number of segments, SHA-256 of the whole content) of a regular file."""
    digest = hashlib.sha256()
    with Path(path).open("rb", buffering=0) as file:
        data, segments = layout(file.fileno(), size)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                return data, segments, digest.hexdigest()
            digest.update(chunk)


def layout(fd: int, size: int) -> Tuple[int, int]:
    """How many bytes lie in data segments, and in how many of them."""
    data = segments = position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno == errno.ENXIO:  # only a hole is left
                break
            raise
        position = os.lseek(fd, start, os.SEEK_HOLE)
        data += position - start
        segments += 1
    return data, segments


def main(argv: Sequence[str]) -> int:
    """Write the manifest of the file systems ``argv[1:]`` to the file ``argv[0]``."""
    os.sync()  # delayed allocation shows data where later there is a hole, and the other way round
    with Path(argv[0]).open("w", encoding="ascii") as output:
        for entry in entries(argv[1:]):
            output.write(json.dumps(entry, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
