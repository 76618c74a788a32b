"""What is wrong with a SIF set: one record per finding, and the errors that carry all of them at once."""

from __future__ import annotations

import unicodedata
from typing import Mapping, Optional, Sequence, Tuple, Type

from sif.errors import Exit, LifeboatError
from sif.plain import dataclass, replace

MAX_SHOWN = 50
"""How many problems of one set are printed; a hostile file must not flood the console."""

Subject = Tuple[str, str, str]
"""(kind, id, key) of the value a problem is about; the key is empty when it is about the whole section."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: ``where`` is ``file:line:column`` or, without a file, the section's name."""

    what: str
    where: str = ""
    found: Optional[str] = None
    wanted: Optional[str] = None
    hint: Optional[str] = None
    code: Exit = Exit.SIF_SYNTAX
    subject: Optional[Subject] = None
    warning: bool = False

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.what}" if self.where else self.what]
        for title, text in (("found", self.found), ("wanted", self.wanted), ("what to do", self.hint)):
            if text:
                lines.append(f"  {title}: {printable(text)}")
        return "\n".join(lines)


class SifRejected(LifeboatError):
    """A set that must not be used; ``problems`` holds everything that was found, in order of appearance."""

    code = Exit.SIF_INVALID

    def __init__(self, name: str, problems: Sequence[Problem]) -> None:
        self.problems: Tuple[Problem, ...] = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{name}: refused, {count} {'problem' if count == 1 else 'problems'}")

    def __str__(self) -> str:
        lines = [str(problem) for problem in self.problems[:MAX_SHOWN]]
        if len(self.problems) > MAX_SHOWN:
            lines.append(f"... and {len(self.problems) - MAX_SHOWN} more")
        return "\n".join([*lines, self.what])


class SifSyntaxError(SifRejected):
    """The text does not follow the format."""

    code = Exit.SIF_SYNTAX


class SifInvalid(SifRejected):
    """The text follows the format, but describes no machine that can exist."""

    code = Exit.SIF_INVALID


class SifSetBroken(SifRejected):
    """Parts are missing, mixed with another set's, or altered."""

    code = Exit.SIF_SET_BROKEN


class SifUnsupported(SifRejected):
    """The set needs what this version does not know."""

    code = Exit.SIF_UNSUPPORTED


_ERRORS: Tuple[Type[SifRejected], ...] = (SifUnsupported, SifSyntaxError, SifSetBroken, SifInvalid)


def errors_of(problems: Sequence[Problem]) -> Tuple[Problem, ...]:
    """The problems that refuse the set: all but the warnings."""
    return tuple(problem for problem in problems if not problem.warning)


def rejection(name: str, problems: Sequence[Problem]) -> SifRejected:
    """The typed error that carries ``problems``.

    With several kinds at once the most telling one names the exit code: what this version does not know,
    then syntax, then a broken set, then an impossible machine.
    """
    codes = {problem.code for problem in problems}
    for error in _ERRORS:
        if error.code in codes:
            return error(name, problems)
    return SifInvalid(name, problems)


def position(problem: Problem) -> Tuple[int, int]:
    """Line and column of a problem; (0, 0) when it has none."""
    numbers = problem.where.rsplit(":", 2)[1:]
    return (int(numbers[0]), int(numbers[1])) if len(numbers) == 2 and all(map(str.isdigit, numbers)) else (0, 0)


def in_order_of_appearance(problems: Sequence[Problem], first: str) -> Tuple[Problem, ...]:
    """The problems by file, line and column; those of the file ``first`` before those of others."""
    def place(problem: Problem) -> Tuple[bool, str, Tuple[int, int]]:
        file = problem.where.rsplit(":", 2)[0]
        return file != first, file, position(problem)

    return tuple(sorted(problems, key=place))


def located(problems: Sequence[Problem], places: Mapping[Subject, str]) -> Tuple[Problem, ...]:
    """The problems with ``where`` set to the file, line and column that ``places`` knows for their subjects."""
    return tuple(_located(problem, places) for problem in problems)


def _located(problem: Problem, places: Mapping[Subject, str]) -> Problem:
    if problem.subject is None:
        return problem
    kind, ident, _ = problem.subject
    place = places.get(problem.subject) or places.get((kind, ident, ""))
    return replace(problem, where=place) if place else problem


def printable(text: str, limit: int = 200) -> str:
    """The text, safe for any terminal: control, format and unassigned characters escaped, cut at ``limit``."""
    shown = "".join(
        char if char == " " or not unicodedata.category(char).startswith(("C", "Z")) else f"\\u{{{ord(char):x}}}"
        for char in text[:limit])
    return shown + ("..." if len(text) > limit else "")
