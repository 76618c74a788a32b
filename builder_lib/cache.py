"""Keep what a build made, each layer under the hash of everything it was made from.

A layer is a directory that is either complete or absent: it is made under another name and renamed. Nothing ever
changes inside a layer, so a layer that is there is right.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterable, Iterator, Mapping, Tuple

from builder_lib.progress import Progress
from sif.removal import remove_tree


def cache_root(environ: Mapping[str, str]) -> Path:
    """Where layers are kept: LIFEBOAT_CACHE, else XDG_CACHE_HOME, else ~/.cache; always in `lifeboat`."""
    base = environ.get("LIFEBOAT_CACHE") or environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "lifeboat"


def digest(parts: Iterable[str]) -> str:
    """A short name (16 hex digits of SHA-256) for a sequence of texts; their borders count."""
    state = hashlib.sha256()
    for part in parts:
        data = part.encode()
        state.update(f"{len(data)}:".encode() + data)
    return state.hexdigest()[:16]


def digest_of_files(paths: Iterable[Path], root: Path) -> str:
    """A short name for files: their paths relative to ``root``, execute bits, link targets and contents."""
    parts = []
    for path in sorted(paths):
        content = str(path.readlink()) if path.is_symlink() else hashlib.sha256(path.read_bytes()).hexdigest()
        executable = "x" if not path.is_symlink() and os.access(path, os.X_OK) else "-"
        parts.append(f"{path.relative_to(root)} {executable} {content}")
    return digest(parts)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            state.update(block)
    return state.hexdigest()


@dataclass(frozen=True)
class Cache:
    """The directory in which layers, downloaded packages and logs are kept."""

    root: Path

    @property
    def layers(self) -> Path:
        return self.root / "layers"

    @property
    def debs(self) -> Path:
        return self.root / "debs"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def path(self, name: str, key: str) -> Path:
        """Where the layer ``name`` made from ``key`` is, or will be."""
        return self.layers / f"{name}-{key}"

    def layer(self, name: str, key: str, make: Callable[[Path], None]) -> Tuple[Path, bool]:
        """The layer's directory, and whether it was there already; ``make`` fills an empty directory."""
        final = self.path(name, key)
        if final.is_dir():
            os.utime(final)
            return final, True
        with self.scratch(name) as work:
            product = work / "product"
            product.mkdir()
            make(product)
            product.rename(final)
        self.prune(name)
        return final, False

    @contextmanager
    def scratch(self, name: str) -> Iterator[Path]:
        """A directory on the cache's file system that is gone after the block."""
        self.layers.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=f"tmp-{name}-", dir=self.root))
        try:
            yield work
        finally:
            remove_tree(work)

    def drop(self, name: str, key: str) -> None:
        """Remove one layer, so that it is made anew."""
        remove_tree(self.path(name, key))

    def prune(self, name: str, keep: int = 3) -> None:
        """Remove all but the ``keep`` layers (directories or files) of that name that were used last."""
        of_name = [p for p in self.layers.glob(f"{name}-*") if p.name.rpartition("-")[0] == name]
        for old in sorted(of_name, key=lambda p: p.stat().st_mtime, reverse=True)[keep:]:
            if old.is_dir():
                remove_tree(old)
            else:
                old.unlink()

    @contextmanager
    def locked(self, progress: Progress) -> Iterator[None]:
        """Hold the cache for one build at a time; says so when it has to wait."""
        self.layers.mkdir(parents=True, exist_ok=True)
        with (self.root / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress.say(f"waiting for another build that uses {self.root}")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._sweep()
            yield

    def _sweep(self) -> None:
        """Remove what an interrupted build left; the caller holds the lock, so nobody is using it."""
        for left in self.root.glob("tmp-*"):
            remove_tree(left)
