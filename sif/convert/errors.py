"""Why a foreign file is not converted."""

from __future__ import annotations

from sif.errors import Exit, LifeboatError
from sif.problems import SifRejected


class ForeignRejected(SifRejected):
    """A foreign file that cannot be read as what it claims to be; ``problems`` name file and line."""

    code = Exit.SIF_SYNTAX


class ConversionFailed(LifeboatError):
    """The source describes something that a set cannot hold; ``found`` lists all of it with file and line."""

    code = Exit.NOT_RESTORABLE


class DraftOnly(LifeboatError):
    """What could be carried was written, but ``sif check`` refuses it until a person completes it."""

    code = Exit.SIF_INVALID
