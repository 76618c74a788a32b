"""Where drivers and files of a set may lie, and where a file may be put in the restore environment."""

from __future__ import annotations

import posixpath
from typing import FrozenSet, Iterable, Optional, Tuple, Union

from sif.later import regex
from sif.media import SCHEME, path_fault
from sif.model import Driver, Need, SetFile, SystemInformation

STORE_SCHEME = "store:"
NEEDED_FIRST: FrozenSet[Need] = frozenset({Need.DISK, Need.NETWORK, Need.STORE})
"""What is needed for these must lie on the primary medium: nothing else can be read before it works."""

TARGET_ROOTS = ("/usr/lib/firmware", "/usr/local", "/opt", "/var/lib/lifeboat")
"""Below these a set may put files in the restore environment; the helpers of ``mount`` are named one by one."""

_OWN = "/opt/lifeboat"
"""Where the rescue system's own code and its lists of signers are: a set may not say whom to believe."""
_MOUNT_HELPER = regex(r"/usr/sbin/u?mount\.[a-z0-9][a-z0-9_.+-]*")
_MERGED = ("/lib", "/sbin", "/bin")
"""Names that are links into /usr on every system of today; they are followed here, in the text, and nowhere else."""

MODE = regex(r"0?[0-7]{3}")


Placed = Union[Driver, SetFile]
"""A section that names a file of the set."""


def placed(info: SystemInformation) -> Tuple[Placed, ...]:
    """All drivers and files of a set."""
    found: Tuple[Placed, ...] = info.drivers
    return found + info.files


def needed_first(needs: Iterable[Need]) -> Tuple[Need, ...]:
    """Those of the needs that make a driver or file one for the primary medium."""
    return tuple(need for need in needs if need in NEEDED_FIRST)


def media_path(path: str) -> Optional[str]:
    """The path inside the set, or None if it lies elsewhere."""
    return path[len(SCHEME):] if path.startswith(SCHEME) else None


def store_path(path: str) -> Optional[Tuple[str, str]]:
    """(store, path on it) of ``store:NAME/PATH``, or None."""
    if not path.startswith(STORE_SCHEME):
        return None
    name, slash, rest = path[len(STORE_SCHEME):].partition("/")
    return (name, rest) if slash and name and rest else None


def place_fault(path: str) -> Optional[str]:
    """Why this does not say where a file lies, or None."""
    inside = media_path(path)
    if inside is not None:
        return path_fault(inside)
    on_store = store_path(path)
    if on_store is None:
        return "it is neither media:PATH nor store:NAME/PATH"
    return path_fault(on_store[1])


def real_target(target: str) -> Optional[str]:
    """The target with /lib, /sbin and /bin written as what they are, or None if no set may put a file there."""
    if not target.startswith("/") or posixpath.normpath(target) != target or "\0" in target:
        return None
    for link in _MERGED:
        if target.startswith(link + "/"):
            target = "/usr" + target
    inside = any(target.startswith(root + "/") for root in TARGET_ROOTS) and not f"{target}/".startswith(_OWN + "/")
    return target if inside or _MOUNT_HELPER.fullmatch(target) else None
