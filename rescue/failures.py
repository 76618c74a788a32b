"""What can go wrong in the agent, one class per exit code."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class MediumNotFound(LifeboatError):
    """No file system that is present holds the SIF that was asked for, or several hold different ones."""

    code = Exit.MEDIUM_NOT_FOUND


class ConsentMissing(LifeboatError):
    """Something would be overwritten and neither the policy nor a person agreed."""

    code = Exit.CONSENT_MISSING


class Phase2Pending(LifeboatError):
    """A disk of this machine holds a restore that is half done: phase 1 must not start by itself."""

    code = Exit.PHASE2_PENDING


class StagingFailed(LifeboatError):
    """The rescue system could not be put on the machine's own disk."""

    code = Exit.STAGING_FAILED


class RestoreFailed(LifeboatError):
    """A restore program failed, or what it left is not a system that can start."""

    code = Exit.RESTORE_FAILED


class BootLoaderFailed(LifeboatError):
    """The restored machine could not be made bootable."""

    code = Exit.BOOT_LOADER_FAILED
