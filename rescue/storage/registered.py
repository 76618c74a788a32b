"""Makes the kernel run a bcache: a device is registered, and what comes of it gets a name that does not change.

udev is told to leave bcache alone in the rescue system, so nothing here happens twice.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from rescue.storage.errors import RebuildFailed
from sif.run import run

LINKS = "/dev/bcache/by-uuid"
"""Where udev's own rules link a cached device, too."""

_REGISTER = Path("/sys/fs/bcache/register")
_TIMEOUT = 120.0
_TRIES = 8


def register(node: str) -> None:
    """Have the kernel take a cache or backing device into use; one that is in use already stays so."""
    if not _REGISTER.exists():
        run(("modprobe", "bcache"), timeout=_TIMEOUT)
    if _folder(node).exists():
        return
    try:
        _write(os.path.realpath(node))
    except OSError as error:
        raise RebuildFailed("the kernel does not take a part of a bcache", where=node, found=f"{error}; {_said()}",
                            hint="see the kernel's log") from error


def _write(path: str) -> None:
    """Tell the kernel; where a device is busy, udev may be looking at it, or the kernel still at letting it go."""
    for attempt in range(_TRIES):
        handle = os.open(_REGISTER, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(handle, path.encode("ascii"))
            return
        except OSError as error:
            if error.errno != errno.EBUSY or attempt == _TRIES - 1:
                raise
        finally:
            os.close(handle)
        run(("udevadm", "settle", f"--timeout={int(_TIMEOUT)}"), timeout=_TIMEOUT + 10)


def _said() -> str:
    """The kernel's last words about bcache: the error number alone says nothing."""
    lines = run(("dmesg",), timeout=_TIMEOUT, check=False).stdout.splitlines()
    return "; ".join(line.partition("bcache: ")[2] for line in lines if "bcache: " in line)[-600:]


def show(uuid: str, node: str) -> None:
    """Link the cached device of a registered backing device under its uuid. Raises :class:`RebuildFailed`."""
    device = _folder(node) / "dev"
    if not device.exists():
        raise RebuildFailed("a bcache did not come up", where=node, hint="see the kernel's log: is its cache there?")
    link = Path(LINKS, uuid)
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(f"../../{device.resolve().name}")


def _folder(node: str) -> Path:
    return Path("/sys/class/block", Path(os.path.realpath(node)).name, "bcache")
