"""Walking a tree that may be another machine's: nothing in it leads out of it.

Paths are bytes, absolute as the machine itself sees them, and always looked at below ``root``.
"""

from __future__ import annotations

import os
import posixpath
import stat
from pathlib import Path
from types import TracebackType
from typing import Dict, List, Optional, Type

_MAX_LINKS = 40
"""As many as the kernel follows in one path."""


class Tree:
    """A directory that is taken for ``/``. A context manager: it holds ``root`` open."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._base = os.fsencode(root)
        self._resolved: Dict[bytes, Optional[bytes]] = {b"/": b"/"}

    def __enter__(self) -> Tree:
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        os.close(self._root)

    def open_directory(self, path: bytes) -> int:
        """A descriptor of the directory; OSError if it, or one on the way, is missing or a symbolic link.

        May be called from several threads at once.
        """
        handle = os.dup(self._root)
        try:
            for part in path.split(b"/"):
                if part:
                    inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=handle)
                    os.close(handle)
                    handle = inner
        except BaseException:
            os.close(handle)
            raise
        return handle

    def resolve(self, path: bytes) -> Optional[bytes]:
        """The directory's path without symbolic links (as on a merged /usr: ``/bin`` is ``/usr/bin``).

        None when it does not exist, is no directory, or its links go round in a circle. Not for several threads.
        """
        return self._resolve(path, 0)

    def _resolve(self, path: bytes, links: int) -> Optional[bytes]:
        if path in self._resolved:
            return self._resolved[path]
        head, name = posixpath.split(path)
        parent = self._resolve(head, links)
        found = None if parent is None else self._child(parent, name, links)
        if links == 0:
            self._resolved[path] = found
        return found

    def _child(self, parent: bytes, name: bytes, links: int) -> Optional[bytes]:
        if name in (b"", b"."):
            return parent
        if name == b"..":
            return posixpath.dirname(parent)
        path = posixpath.join(parent, name)
        outside = self._base + path
        try:
            mode = os.lstat(outside).st_mode
            if not stat.S_ISLNK(mode):
                return path if stat.S_ISDIR(mode) else None
            target = os.readlink(outside)  # noqa: PTH115 - pathlib has no paths of bytes
        except OSError:
            return None
        return None if links >= _MAX_LINKS else self._resolve(_joined(parent, target), links + 1)


def _joined(parent: bytes, target: bytes) -> bytes:
    """A link's target as an absolute path, its ``..`` kept: they count from where links before them lead."""
    whole = target if target.startswith(b"/") else posixpath.join(parent, target)
    parts: List[bytes] = [part for part in whole.split(b"/") if part not in (b"", b".")]
    return b"/" + b"/".join(parts)
