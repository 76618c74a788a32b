"""Why a machine can't be captured."""

from __future__ import annotations

from typing import Optional, Sequence

from sif.errors import Exit, LifeboatError


class NotRestorable(LifeboatError):
    """The machine has something that a restore could not bring back; ``found`` names all of it."""

    code = Exit.NOT_RESTORABLE


class CaptureFailed(LifeboatError):
    """A fact that every set needs could not be found."""

    code = Exit.CAPTURE_FAILED


class Unrestorable(str):
    """Words for one thing that a restore could not bring back; ``exclude`` is the name that leaves it out."""

    exclude: Optional[str]

    def __new__(cls, text: str, exclude: Optional[str] = None) -> "Unrestorable":
        made = super().__new__(cls, text)
        made.exclude = exclude
        return made

    @property
    def hinted(self) -> str:
        """The words with what to type to leave the thing out."""
        return f"{self} (leave it out: --exclude {self.exclude})" if self.exclude else str(self)


def not_restorable(troubles: Sequence[str], *, wanted: Optional[str] = None,
                   hint: Optional[str] = None) -> NotRestorable:
    """The error that names all of them at once, each with the word that would leave it out."""
    lines = [text.hinted if isinstance(text, Unrestorable) else text for text in dict.fromkeys(troubles)]
    return NotRestorable("this machine has something that this version cannot restore",
                         found="".join(f"\n    {line}" for line in lines), wanted=wanted, hint=hint)
