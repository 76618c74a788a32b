"""What the drill is doing: lines for the person in front of it, and the timeline for the evidence."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Iterator, List, Optional, TextIO, Tuple


@dataclass(frozen=True)
class Span:
    """One finished (or failed) step. Times in unix seconds; ``depth`` 0 is a step, 1 a part of a step."""

    title: str
    began: float
    ended: float
    depth: int = 0
    ok: bool = True
    note: str = ""

    @property
    def seconds(self) -> float:
        return self.ended - self.began


class Progress:
    """Prints `[started]`, `[finished]`, `[failed]` lines and remembers every span."""

    def __init__(self, prefix: str = "", out: Optional[TextIO] = None) -> None:
        self._prefix = f"{prefix}: " if prefix else ""
        self._out = out or sys.stderr
        self._spans: List[Span] = []
        self._depth = 0

    @property
    def spans(self) -> Tuple[Span, ...]:
        """Everything that ended so far, in order of beginning."""
        return tuple(sorted(self._spans, key=lambda span: (span.began, span.depth)))

    def say(self, text: str) -> None:
        """Lines for people, each with the drill's name and the time (UTC)."""
        head = f"{self._prefix}{time.strftime('%H:%M:%S', time.gmtime())} {'  ' * self._depth}"
        self._out.write("".join(f"{head}{line}\n" for line in text.splitlines()))
        self._out.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """A step of the drill: says when it starts and how it ends, and notes its duration."""
        began, clock = time.time(), time.monotonic()
        self.say(f"[started] {title}")
        self._depth += 1
        try:
            yield
        except BaseException as error:
            self._depth -= 1
            self._end(title, began, clock, False, str(error).splitlines()[0] if str(error) else type(error).__name__)
            raise
        self._depth -= 1
        self._end(title, began, clock, True, "")

    def _end(self, title: str, began: float, clock: float, ok: bool, note: str) -> None:
        seconds = time.monotonic() - clock
        self._spans.append(Span(title, began, began + seconds, self._depth, ok, note))
        self.say(f"[{'finished' if ok else 'failed'}] {title} ({spell(seconds)}){': ' + note if note else ''}")


def spell(seconds: float) -> str:
    """A duration for people: `8.3 s`, `2 min 5 s`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
