"""Changes one file of the restored tree: what was there is kept aside, what comes is complete or not there at all.

Nothing in the tree leads out of it: every path is walked without following a link.
"""

from __future__ import annotations

import errno
import hashlib
import os
import posixpath
import shutil
import stat
from contextlib import suppress
from pathlib import Path
from typing import Optional

from rescue.durable import keeping_times, sync_directory
from sif.catalog.entry import Entry
from sif.catalog.measure import CAPABILITIES, open_regular
from sif.catalog.tree import Tree

_CHUNK = 1 << 20


def set_facts(tree: Tree, entry: Entry) -> None:
    """Give a file whose content is right the owner, mode and capabilities of the catalog. OSError if it cannot be."""
    folder = tree.open_directory(posixpath.dirname(entry.path))
    try:
        handle = open_regular(posixpath.basename(entry.path), folder)
    finally:
        os.close(folder)
    try:
        _apply(handle, entry)
        os.fsync(handle)
    finally:
        os.close(handle)


def put_back(tree: Tree, entry: Entry, source: int, quarantine: Path) -> Optional[Path]:
    """Replace the entry's file by the content of the descriptor ``source``; returns where the old one is kept.

    None when there was nothing to keep. The old file is copied aside first and the new one renamed over it, so that
    a power cut leaves one or the other. ValueError when the content is not the catalog's, OSError when the tree does
    not take it; then the old file is still there.
    """
    folder_path, name = posixpath.split(entry.path)
    folder = _directory(tree, folder_path)
    fresh = b".lifeboat-" + entry.sha256[:16].encode("ascii")
    times = os.fstat(folder)
    try:
        with suppress(FileNotFoundError):
            os.unlink(fresh, dir_fd=folder)
        _write(folder, fresh, entry, source)
        try:
            kept = _keep(folder, name, quarantine / os.fsdecode(entry.path.lstrip(b"/")))
            os.rename(fresh, name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            os.unlink(fresh, dir_fd=folder)
            raise
        os.utime(folder, ns=(times.st_atime_ns, times.st_mtime_ns))
        os.fsync(folder)
        return kept
    finally:
        os.close(folder)


def _write(folder: int, name: bytes, entry: Entry, source: int) -> None:
    """Write the new file beside its place, as it must be. ValueError for another content than the catalog's."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        digest = hashlib.sha256()
        os.lseek(source, 0, os.SEEK_SET)
        while chunk := os.read(source, _CHUNK):
            digest.update(chunk)
            view = memoryview(chunk)
            while view:
                view = view[os.write(handle, view):]
        if digest.hexdigest() != entry.sha256:
            raise ValueError(digest.hexdigest())
        _apply(handle, entry)
        age = os.fstat(source)
        os.utime(handle, ns=(age.st_mtime_ns, age.st_mtime_ns))
        os.fsync(handle)
    except BaseException:
        os.unlink(name, dir_fd=folder)
        raise
    finally:
        os.close(handle)


def _apply(handle: int, entry: Entry) -> None:
    """Owner first: a change of it takes set-user-ID bits and capabilities away."""
    now = os.fstat(handle)
    if (now.st_uid, now.st_gid) != (entry.uid, entry.gid):
        os.fchown(handle, entry.uid, entry.gid)
    os.fchmod(handle, entry.mode)
    if entry.capabilities:
        os.setxattr(handle, CAPABILITIES, entry.capabilities)
        return
    try:
        os.removexattr(handle, CAPABILITIES)
    except OSError as error:
        if error.errno not in (errno.ENODATA, errno.ENOTSUP):
            raise


def _keep(folder: int, name: bytes, where: Path) -> Optional[Path]:
    """Copy what lies at ``name`` into the quarantine; a directory or special file is moved there."""
    try:
        state = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    where.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if where.exists() or where.is_symlink():
        return where  # an earlier run, which a power cut ended, has kept it
    if stat.S_ISLNK(state.st_mode):
        where.symlink_to(os.fsdecode(os.readlink(name, dir_fd=folder)))
    elif stat.S_ISREG(state.st_mode):
        part = where.with_name(where.name + ".part")
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder), "rb") as old, \
                part.open("wb") as copy:
            # Never executable, never with privileges: it is evidence, not a program.
            os.fchmod(copy.fileno(), 0o600)
            shutil.copyfileobj(old, copy, _CHUNK)
            os.fsync(copy.fileno())
        part.rename(where)
    else:
        os.rename(name, where, src_dir_fd=folder)
    sync_directory(where.parent)
    return where


def _directory(tree: Tree, path: bytes) -> int:
    """A descriptor of the directory; missing ones are made, as packages have them. OSError for a link on the way."""
    try:
        return tree.open_directory(path)
    except FileNotFoundError:
        parent = _directory(tree, posixpath.dirname(path))
        try:
            with suppress(FileExistsError):
                os.mkdir(posixpath.basename(path), 0o755, dir_fd=parent)
            os.fsync(parent)
        finally:
            os.close(parent)
        return tree.open_directory(path)


def make_quarantine(target: Path, where: Path) -> None:
    """Make the directory for what is set aside, for root only; the times of the directories above stay."""
    chain = [place for place in (*reversed(where.parents), where) if target in place.parents]
    with keeping_times(target, *chain):
        for place in chain:
            if not place.is_dir():
                place.mkdir(mode=0o755 if place in (target / "var", target / "var/log") else 0o700)
