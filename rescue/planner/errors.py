"""Why there is no plan: every reason at once, and the questions a person can answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple

from sif.errors import Exit, LifeboatError


@dataclass(frozen=True)
class Reason:
    """One thing that stands in the way. ``code`` is stable, ``subject`` a SIF id or a present disk's name."""

    code: str
    subject: str
    text: str
    hint: Optional[str] = None

    def __str__(self) -> str:
        return f"{self.subject}: {self.text} [{self.code}]"


@dataclass(frozen=True)
class Question:
    """Several disks could take the place of ``saved``; an answer is ``saved=<one of candidates>``."""

    saved: str
    text: str
    candidates: Tuple[str, ...]

    @property
    def answers(self) -> Tuple[str, ...]:
        """Every valid answer, as the disk map takes it."""
        return tuple(f"{self.saved}={name}" for name in self.candidates)


class NoPlan(LifeboatError):
    """The saved machine cannot be put on the present one as it is; ``reasons`` has all of the causes."""

    code = Exit.NO_PLAN

    def __init__(self, reasons: Tuple[Reason, ...], questions: Tuple[Question, ...] = ()) -> None:
        hints = [f"{q.text} Answer with one of: " + ", ".join(f"--map {answer}" for answer in q.answers)
                 + f" (of an unattended run: rescue.map={q.answers[0]} on the kernel's command line, or the line "
                 f"`map.{q.saved} = {q.answers[0]}` in the answers file)"
                 for q in questions]
        hints += [reason.hint for reason in reasons if reason.hint]
        super().__init__(
            "there is no plan that restores this machine here; nothing was written",
            found="\n    ".join(["", *map(str, reasons)]) if len(reasons) > 1 else "".join(map(str, reasons)),
            hint="\n    ".join(["", *dict.fromkeys(hints)]) if len(hints) > 1 else "".join(hints) or None)
        self.reasons = reasons
        self.questions = questions
