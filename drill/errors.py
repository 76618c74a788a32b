"""Errors of the recovery drills; each one carries the exit code of a failed drill unless it says otherwise."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class DrillFailed(LifeboatError):
    """A step of the drill did not do what it must; the evidence folder holds what is known."""

    code = Exit.DRILL_FAILED


class MachineError(DrillFailed):
    """The virtual machine did something nobody asked for: it panicked, hung, ended or did not start."""


class GuestError(DrillFailed):
    """A command inside the guest failed, or its agent did not answer."""


class ServerError(DrillFailed):
    """The server that the drill destroys could not be made."""
