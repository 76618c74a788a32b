"""Tell people on standard error which step runs and how long each took."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Iterator, List, TextIO, Tuple


@dataclass
class Step:
    """A running step; ``note`` is shown when it ends."""

    title: str
    note: str = ""


@dataclass
class Progress:
    """Prints `[started]`, `[finished]` and `[failed]` lines and remembers the durations in seconds."""

    out: TextIO = field(default_factory=lambda: sys.stderr)
    verbose: bool = False
    durations: List[Tuple[str, float]] = field(default_factory=list)

    @contextmanager
    def step(self, title: str) -> Iterator[Step]:
        """Announce a step, run the block, and say how long it took, whatever its end."""
        began = time.monotonic()
        step = Step(title)
        self.say(f"[started]  {title}")
        verdict = "failed"
        try:
            yield step
            verdict = "finished"
        finally:
            seconds = time.monotonic() - began
            self.durations.append((title, seconds))
            note = f" ({step.note})" if step.note else ""
            self.say(f"{f'[{verdict}]':<10} {title}: {seconds:.1f} s{note}")

    def say(self, text: str) -> None:
        """One line for people."""
        print(text, file=self.out, flush=True)

    def detail(self, text: str) -> None:
        """One line that only ``--verbose`` shows."""
        if self.verbose:
            self.say(f"    {text}")
