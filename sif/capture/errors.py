"""Why a machine can't be captured."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError


class NotRestorable(LifeboatError):
    """The machine has something that a restore could not bring back; ``found`` names all of it."""

    code = Exit.NOT_RESTORABLE


class CaptureFailed(LifeboatError):
    """A fact that every set needs could not be found."""

    code = Exit.CAPTURE_FAILED
