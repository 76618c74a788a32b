"""Files of a set, put into the running rescue system: firmware, helpers of mount, restore programs.

Only below the roots that :mod:`sif.drivers.placement` names, and never through a link: every directory on the way
is opened by itself, so that nothing in the tree can lead a file elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path
from typing import Callable, Iterable, Optional, Tuple

from sif.drivers.placement import media_path, real_target, store_path
from sif.errors import Exit, LifeboatError
from sif.media import BadFile, read_file, sha256_hex
from sif.model import SetFile

MAX_STORE_FILE_BYTES = 1024 * 1024 * 1024
_NEW = ".lifeboat-new"


class FileNotPlaced(LifeboatError):
    """A file of the set cannot be put where it belongs."""

    code = Exit.RESTORE_FAILED


def media_files(files: Iterable[SetFile]) -> Tuple[SetFile, ...]:
    """Those that lie on the medium, and so can be placed at once."""
    return tuple(file for file in files if media_path(file.path) is not None)


def store_files(files: Iterable[SetFile]) -> Tuple[SetFile, ...]:
    """Those that lie on a store, and wait until it is mounted."""
    return tuple(file for file in files if store_path(file.path) is not None)


def place_from_set(files: Iterable[SetFile], directory: Path, root: Path = Path("/")) -> Tuple[str, ...]:
    """Copy the set's own files to their targets below ``root``; returns the targets that changed.

    Raises :class:`FileNotPlaced`.
    """
    return _place(media_files(files), lambda file: (directory, media_path(file.path) or ""), root)


def place_from_stores(files: Iterable[SetFile], locate: Callable[[str], Optional[Path]],
                      root: Path = Path("/")) -> Tuple[str, ...]:
    """Copy the files on mounted stores; ``locate`` says where the store of an id is, None if it is no directory."""
    def source(file: SetFile) -> Tuple[Path, str]:
        store, path = store_path(file.path) or ("", "")
        where = locate(store)
        if where is None:
            raise FileNotPlaced("the store of this file is no directory", where=f"FILE {file.id}", found=file.path,
                                hint="keep the file on the medium (media:PATH)")
        return where, path
    return _place(store_files(files), source, root)


def _place(files: Iterable[SetFile], source: Callable[[SetFile], Tuple[Path, str]], root: Path) -> Tuple[str, ...]:
    placed = []
    for file in files:
        directory, path = source(file)
        try:
            data = read_file(directory, path, MAX_STORE_FILE_BYTES)
        except BadFile as error:
            raise FileNotPlaced(error.what, where=f"FILE {file.id}", found=error.found, hint=error.hint) from error
        if sha256_hex(data) != file.sha256:
            raise FileNotPlaced("the file was altered", where=f"FILE {file.id} {file.path}", found=sha256_hex(data),
                                wanted=file.sha256, hint="copy the whole set again")
        target = real_target(file.target)
        if target is None:
            raise FileNotPlaced("no place where a set may put a file", where=f"FILE {file.id}", found=file.target)
        if write_below(root, target, data, int(file.mode, 8)):
            placed.append(target)
    return tuple(placed)


def write_below(root: Path, target: str, data: bytes, mode: int) -> bool:
    """Write a file below ``root``, making directories, following no link; False if it was there already.

    The file appears whole or not at all. Raises :class:`FileNotPlaced`.
    """
    *folders, name = target.strip("/").split("/")
    try:
        with contextlib.ExitStack() as opened:
            handle = _open(opened, str(root), None)
            for folder in folders:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, 0o755, dir_fd=handle)
                handle = _open(opened, folder, handle)
            return _write(handle, name, data, mode)
    except OSError as error:
        link = error.errno in (errno.ELOOP, errno.ENOTDIR)
        raise FileNotPlaced("a link or a file is in the way" if link else "the file cannot be written",
                            where=target, found=str(error)) from error


def _open(opened: contextlib.ExitStack, folder: str, parent: Optional[int]) -> int:
    """A handle of a directory that is no link, closed with ``opened``."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    opened.callback(os.close, handle)
    return handle


def _write(folder: int, name: str, data: bytes, mode: int) -> bool:
    if _same(folder, name, data, mode):
        return False
    new = name + _NEW
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600, dir_fd=folder)
    with os.fdopen(handle, "wb") as stream:
        stream.write(data)
        os.fchmod(stream.fileno(), mode)
    os.rename(new, name, src_dir_fd=folder, dst_dir_fd=folder)
    return True


def _same(folder: int, name: str, data: bytes, mode: int) -> bool:
    try:
        handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    except OSError:
        return False
    with os.fdopen(handle, "rb") as stream:
        return os.fstat(stream.fileno()).st_mode & 0o7777 == mode and stream.read(len(data) + 1) == data
