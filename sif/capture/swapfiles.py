"""Swap files: named by fstab or in use, described from their header."""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple, Union

from sif import look
from sif.capture.filesystems import NotDescribed, swap_page_bytes
from sif.capture.names import uuid_text
from sif.capture.storage import Storage
from sif.model import Btrfs, FileSystem, Ref, Subvolume, Swap

_HEAD_BYTES = 65536


def parse_proc_swaps(text: str) -> Tuple[str, ...]:
    """The swap files in ``/proc/swaps``."""
    rows = (line.split() for line in text.splitlines()[1:])
    return tuple(fields[0].replace("\\040", " ") for fields in rows if len(fields) >= 2 and fields[1] == "file")


def read_swaps() -> Tuple[str, ...]:
    """The swap files in use, by their paths in the captured machine."""
    root = look.ask("root", (), look.root)
    paths = parse_proc_swaps(look.text_or("/proc/swaps"))
    return paths if root == "/" else tuple(path[len(root):] for path in paths if path.startswith(root + "/"))


def describe_swap_file(head: bytes, path: str, size: int, device: str, options: Optional[str], ident: str) -> Swap:
    """A swap file as a record; ``head`` is its beginning. Raises NotDescribed for a file that is none.

    Source: the kernel's ``union swap_header``: from 1024 version, last page, bad pages, UUID, label.
    """
    page = swap_page_bytes(head)
    label = head[1052:1068].partition(b"\0")[0].decode("utf-8", "replace")
    return Swap(id=ident, device=Ref(device), uuid=uuid_text(head[1036:1052]), label=label or None,
                page_bytes=page, path=path, size_bytes=size, options=options)


def swap_files(storage: Storage, fstab: Sequence[Tuple[str, str, str]],
               in_use: Sequence[str]) -> Tuple[Tuple[Swap, ...], Tuple[str, ...]]:
    """The machine's swap files, and notes about those that can't be described.

    ``fstab`` is (what, type, options); ``in_use`` are paths from ``/proc/swaps``. Ids go on after the swap areas'.
    """
    wanted = {what: options for what, kind, options in reversed(fstab)
              if kind == "swap" and what.startswith("/") and not what.startswith("/dev/")}
    found: List[Swap] = []
    notes: List[str] = []
    for path in dict.fromkeys([*wanted, *in_use]):
        holder = _holder(storage, path)
        if holder is None:
            notes.append(f"swap file {path}: not on a file system that is captured")
            continue
        try:
            found.append(describe_swap_file(
                look.data(path, _HEAD_BYTES), path, file_bytes(path), holder, wanted.get(path),
                f"swap{len(storage.swaps) + len(found)}"))
        except (OSError, NotDescribed) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            notes.append(f"swap file {path}: {reason}; it is not made again")
    return tuple(found), tuple(notes)


def file_bytes(path: str) -> int:
    """A file's length. Raises OSError."""
    return look.ask("size", (path,), lambda: look.place(path).stat().st_size)


def _holder(storage: Storage, path: str) -> Optional[str]:
    """The id of what is mounted where the file is: the innermost one."""
    mountable: Tuple[Union[FileSystem, Btrfs, Subvolume], ...] = (
        *storage.filesystems, *storage.btrfs, *storage.subvolumes)
    above = [(len(item.mount), item.id) for item in mountable
             if item.mount and (item.mount == "/" or path.startswith(item.mount + "/"))]
    return max(above)[1] if above else None
