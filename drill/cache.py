"""Things that are slow to make and always come out the same are made once: folders keyed by their inputs."""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path
from typing import Callable, Iterable

from sif.removal import remove_tree


def cache_root() -> Path:
    """``$LIFEBOAT_CACHE``, or ``~/.cache/lifeboat``."""
    return Path(os.environ.get("LIFEBOAT_CACHE") or Path.home() / ".cache" / "lifeboat")


def key_of(parts: Iterable[str]) -> str:
    """A short name for a list of inputs; any change of any of them gives another name."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{len(part)}:{part}".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()[:16]


def holds(kind: str, key: str) -> bool:
    """Whether the folder of that kind and key is there."""
    return (cache_root() / "drill" / f"{kind}-{key}").is_dir()


def cached(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder of that kind and key, made by ``make(folder)`` if it is not there yet.

    A lock lets drills that run side by side wait for one another instead of making it twice; a ``make`` that
    raises leaves nothing behind.
    """
    root = cache_root() / "drill"
    root.mkdir(parents=True, exist_ok=True)
    final = root / f"{kind}-{key}"
    with (root / f"{kind}-{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if final.is_dir():
            return final
        work = root / f"{kind}-{key}.part"
        remove_tree(work)
        work.mkdir()
        try:
            make(work)
            work.rename(final)
        finally:
            remove_tree(work)
    return final
