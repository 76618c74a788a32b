"""What package databases say about files: who owns a path, and which digest the package had for it."""

from __future__ import annotations

from typing import Dict, List, NamedTuple, Tuple

from sif.plain import dataclass


class Claim(NamedTuple):
    """A package's claim to a file.

    ``algorithm`` is hashlib's name of the package's own digest, empty when it recorded none; ``digest`` is in
    lower-case hexadecimal. A named tuple because a machine has hundreds of thousands.
    """

    package: str
    version: str
    algorithm: str
    digest: str


@dataclass(frozen=True)
class Database:
    """The content of one package database.

    ``claims``: path (absolute, as the package names it, diversions applied) → those who own it; a path may have
    several owners. Directories and links may be among them, configuration files are not. ``excluded`` are shell
    patterns of paths that the package manager was told not to install.
    """

    name: str
    claims: Dict[bytes, Tuple[Claim, ...]]
    packages: int
    excluded: Tuple[Tuple[bool, bytes], ...] = ()
    notes: Tuple[str, ...] = ()


class ClaimCollector:
    """Gathers claims path by path."""

    def __init__(self) -> None:
        self.claims: Dict[bytes, Tuple[Claim, ...]] = {}
        self._left_out: List[bytes] = []

    def add(self, path: bytes, claim: Claim) -> None:
        """Note that ``claim`` owns ``path``."""
        self.claims[path] = (*self.claims.get(path, ()), claim)

    def leave_out(self, path: bytes) -> None:
        """Note a configuration file: whoever else owns it, it is not in a catalog."""
        self._left_out.append(path)

    def finish(self) -> Dict[bytes, Tuple[Claim, ...]]:
        """All claims but those to configuration files."""
        for path in self._left_out:
            self.claims.pop(path, None)
        return self.claims
