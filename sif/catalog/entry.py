"""One file of a catalog: what a package put there, as it was when the machine was captured."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Origin(str, Enum):
    """Whether the file was, at capture time, what its package brought; UNKNOWN: the package recorded no digest."""

    SAME = "same"
    DIFFERS = "differs"
    UNKNOWN = "unknown"


class Entry(NamedTuple):
    """A package-owned regular file that is no configuration.

    A named tuple, not a dataclass: a server has 200,000 of them, and the rescue system holds them in memory.
    ``path`` is absolute, without symbolic links in its directories; ``mode`` has the permission bits (07777);
    ``size`` counts bytes; ``capabilities`` is the raw ``security.capability`` attribute, empty when there is none.
    """

    path: bytes
    sha256: str
    mode: int
    uid: int
    gid: int
    size: int
    capabilities: bytes
    package: str
    version: str
    origin: Origin
