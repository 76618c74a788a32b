"""Step 7: the evidence folder. Written whatever happened: a failed drill needs it more than one that passed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Optional, Tuple

import jinja2

from drill.events import AgentEvent, State, parse_event
from drill.picture import Bar, disk_bars, time_bars
from drill.plan import Bench, Verdict
from drill.progress import Span, spell
from drill.volatile import VOLATILE
from sif.errors import LifeboatError
from sif.reader import read_set

PLANS = ("plan.txt", "plan.json")
_SHOWN = (State.FINISHED, State.FAILED, State.INFO)


def verdict_line(verdict: Verdict) -> str:
    """The drill in one line: `DRILL PASSED uefi in 14 min 3 s: 12 of 12 checks`."""
    word = "PASSED" if verdict.passed else "FAILED"
    good = sum(check.ok for check in verdict.checks)
    line = f"DRILL {word} {verdict.name} in {spell(verdict.seconds)}: {good} of {len(verdict.checks)} checks"
    if verdict.error is not None:
        return f"{line}; {verdict.error.splitlines()[0]}"
    bad = next((check.name for check in verdict.checks if not check.ok), None)
    return f"{line}; not so: {bad}" if bad is not None else line


def leave_evidence(bench: Bench, verdict: Verdict) -> Path:
    """Write timeline.json, report.json and index.html into the evidence folder; returns the page."""
    folder = bench.order.evidence
    spans = bench.progress.spans
    events = read_events(folder / "events.jsonl")
    _write_json(folder / "timeline.json", timeline(spans, events))
    _write_json(folder / "report.json", report(bench, verdict))
    page = folder / "index.html"
    page.write_text(render(bench, verdict, spans, events, _names(folder)), encoding="utf-8")
    return page


def timeline(spans: Tuple[Span, ...], events: Tuple[AgentEvent, ...]) -> dict[str, object]:
    """Every step of the drill and of the rescue system, as data."""
    return {"steps": [{**asdict(span), "seconds": round(span.seconds, 3)} for span in spans],
            "rescue": [json.loads(event.line()) for event in events]}


def report(bench: Bench, verdict: Verdict) -> dict[str, object]:
    """The verdict as data."""
    return {"verdict": verdict_line(verdict), "passed": verdict.passed, "firmware": verdict.firmware.value,
            "scenario": verdict.scenario,
            "seconds": round(verdict.seconds, 1), "error": verdict.error, "accel": bench.accel.value,
            "memory_mib": bench.order.memory, "checks": [asdict(check) for check in verdict.checks]}


def render(bench: Bench, verdict: Verdict, spans: Tuple[Span, ...], events: Tuple[AgentEvent, ...],
           names: Tuple[str, ...]) -> str:
    """The page: one file that needs nothing else to be read."""
    templates = jinja2.FileSystemLoader(Path(__file__).parent / "templates")
    environment = jinja2.Environment(loader=templates, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("report.html.j2").render(
        line=verdict_line(verdict), verdict=verdict, accel=bench.accel.value, memory=bench.order.memory,
        iso=bench.order.iso.name, times=time_bars(spans), before=_bars(bench.original_set),
        after=_bars(bench.restored_set), plan=_plan(bench.order.evidence, events), volatile=VOLATILE, names=names,
        events=tuple(event for event in events if event.state in _SHOWN and not _is_plan(event)))


def _is_plan(event: AgentEvent) -> bool:
    """Whether this is the plan as the operator saw it: many lines, with a place of their own in the page."""
    return event.state is State.INFO and event.step == "plan" and "\n" in (event.text or "")


def read_events(path: Path) -> Tuple[AgentEvent, ...]:
    """The rescue system's events that the drill wrote down."""
    if not path.is_file():
        return ()
    return tuple(parse_event(line) for line in path.read_text("utf-8").splitlines() if line.strip())


def _bars(folder: Path) -> Tuple[Bar, ...]:
    """The disk picture of a captured set; empty when there is none to read."""
    try:
        return disk_bars(read_set(folder))
    except (LifeboatError, OSError):
        return ()


def _plan(folder: Path, events: Tuple[AgentEvent, ...]) -> Optional[str]:
    told = next((event.text for event in events if _is_plan(event)), None)
    if told:
        return told
    for name in PLANS:
        for path in sorted((folder / "lifeboat-logs").rglob(name)):
            return path.read_text("utf-8", "replace")
    return None


def _names(folder: Path) -> Tuple[str, ...]:
    return tuple(str(path.relative_to(folder)) for path in sorted(folder.rglob("*"))
                 if path.is_file() and path.name != "index.html")


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
