"""One stream of events about what the agent does; renderers turn it into lines, files and messages."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Callable, Iterator, Optional, Protocol, Sequence, Tuple


class State(str, Enum):
    STARTED = "started"
    PROGRESS = "progress"
    FINISHED = "finished"
    FAILED = "failed"
    INFO = "info"


@dataclass(frozen=True)
class Event:
    """Something that happened. ``t`` is Unix time, ``seconds`` a duration, ``fraction`` lies in 0..1.

    ``text`` says more about a progress or info event; ``error`` is the full text of a failure.
    """

    t: float
    phase: int
    step: str
    state: State
    title: str
    fraction: Optional[float] = None
    seconds: Optional[float] = None
    text: Optional[str] = None
    error: Optional[str] = None

    def to_json(self) -> str:
        """The event as one line of JSON, without the fields that say nothing."""
        content = {"t": round(self.t, 3), "phase": self.phase, "step": self.step, "state": self.state.value,
                   "title": self.title}
        for name, digits in (("fraction", 4), ("seconds", 3)):
            value = getattr(self, name)
            if value is not None:
                content[name] = round(value, digits)
        for name in ("text", "error"):
            if getattr(self, name) is not None:
                content[name] = getattr(self, name)
        return json.dumps(content, ensure_ascii=True)


class Renderer(Protocol):
    """Shows or keeps events. It never raises and never blocks for long: it must not harm the restore."""

    def show(self, event: Event) -> None: ...

    def close(self) -> None: ...


class Step:
    """A step that is under way."""

    def __init__(self, events: "Events", name: str, title: str) -> None:
        self._events = events
        self.name = name
        self.title = title
        self._last_progress = float("-inf")
        self._last_fraction = -1.0

    def progress(self, fraction: float, text: Optional[str] = None) -> None:
        """Tell how far the step is; at most one event a second goes out, and the last one (1.0) always."""
        fraction = min(max(fraction, 0.0), 1.0)
        now = self._events.clock()
        if fraction == self._last_fraction or (fraction < 1.0 and now - self._last_progress < 1.0):
            return
        self._last_progress, self._last_fraction = now, fraction
        self._events.emit(self.name, State.PROGRESS, self.title, fraction=fraction, text=text)

    def info(self, text: str) -> None:
        """Tell something about the step that is worth keeping."""
        self._events.emit(self.name, State.INFO, self.title, text=text)


class Events:
    """The stream: every event goes to every renderer, in order."""

    def __init__(self, phase: int, renderers: Sequence[Renderer], *, clock: Callable[[], float] = time.monotonic,
                 now: Callable[[], float] = time.time) -> None:
        self.phase = phase
        self.clock = clock
        self._now = now
        self._began = clock()
        self._renderers: Tuple[Renderer, ...] = tuple(renderers)
        self._failed: Optional[BaseException] = None

    def add(self, renderer: Renderer) -> None:
        """Send what follows to one more renderer."""
        self._renderers += (renderer,)

    def emit(self, step: str, state: State, title: str, *, fraction: Optional[float] = None,
             seconds: Optional[float] = None, text: Optional[str] = None, error: Optional[str] = None) -> None:
        """Send one event to all renderers."""
        event = Event(self._now(), self.phase, step, state, title, fraction, seconds, text, error)
        for renderer in self._renderers:
            renderer.show(event)

    @contextmanager
    def step(self, name: str, title: str) -> Iterator[Step]:
        """Tell that a step starts, and how it ended: finished, or failed with the full error."""
        began = self.clock()
        self.emit(name, State.STARTED, title)
        try:
            yield Step(self, name, title)
        except BaseException as error:
            # An outer step fails for the same reason as its inner one: the text is told once.
            told = error is self._failed
            self._failed = error
            self.emit(name, State.FAILED, title, seconds=self.clock() - began, error=None if told else describe(error))
            raise
        self.emit(name, State.FINISHED, title, seconds=self.clock() - began)

    def info(self, step: str, title: str, text: Optional[str] = None) -> None:
        """Tell something that is no step."""
        self.emit(step, State.INFO, title, text=text)

    def phase_finished(self) -> None:
        """The last event of a phase that reached its end."""
        self.emit("phase", State.FINISHED, f"Phase {self.phase}", seconds=self.clock() - self._began)

    def phase_failed(self, error: BaseException) -> None:
        """The last event of a phase that did not; carries the full text."""
        self.emit("phase", State.FAILED, f"Phase {self.phase}", seconds=self.clock() - self._began,
                  error=describe(error))

    def close(self) -> None:
        """Let the renderers write what they still hold."""
        for renderer in self._renderers:
            renderer.close()


def describe(error: BaseException) -> str:
    """An error's full text; never empty."""
    return str(error) or type(error).__name__
