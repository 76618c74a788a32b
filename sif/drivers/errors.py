"""Why a machine's drivers cannot be collected."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class DriverMissing(LifeboatError):
    """The machine reaches its disks, network or stores by a module whose file is nowhere to be found."""

    code = Exit.NOT_RESTORABLE


class DriversTooLarge(LifeboatError):
    """The files are more than a set may carry: it is held in memory at a restore."""

    code = Exit.CAPTURE_FAILED


class ToolNotFit(LifeboatError):
    """A program that was asked for cannot be taken along."""

    code = Exit.USAGE
