"""The agent's own directories in the running rescue system."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Workspace:
    """Everything lies under ``root``, in memory; a test puts it elsewhere."""

    root: Path = Path("/run/lifeboat")

    @property
    def set(self) -> Path:
        """Copy of the SIF set: the medium can be pulled out afterwards."""
        return self.root / "set"

    @property
    def target(self) -> Path:
        """Where the restored machine's tree is mounted."""
        return self.root / "target"

    @property
    def stage(self) -> Path:
        """Where phase 2 mounts the staging file system."""
        return self.root / "stage"

    @property
    def logs(self) -> Path:
        """Outputs of the restore programs and of what failed."""
        return self.root / "log"

    @property
    def events(self) -> Path:
        return self.root / "events.jsonl"

    def store(self, ident: str) -> Path:
        """Where that store is mounted."""
        return self.root / "store" / ident

    def look(self, kname: str) -> Path:
        """Where a device is mounted for a look."""
        return self.root / "look" / kname
