"""What can go wrong while disks are rebuilt."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class DiskChanged(LifeboatError):
    """A disk is not what it was when the plan was made; nothing was written to it."""

    code = Exit.DISK_CHANGED


class RebuildFailed(LifeboatError):
    """A step of the rebuild did not have the effect it should have."""

    code = Exit.REBUILD_FAILED


class DiskBusy(RebuildFailed):
    """Something still uses a disk that is to be written; nothing was written to it."""
