"""What happened, as data: the report that stays on the restored machine, in JSON and in text."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterable, List, Optional, Tuple

from rescue.catalog.verdict import CatalogVerdict
from rescue.commands import CommandResult, Outcome
from rescue.events import State
from rescue.job import Job
from rescue.plan import Adjustment
from rescue.renderers import ascii_text
from sif.errors import UsageError


@dataclass(frozen=True)
class StepTime:
    """One step of the restore: when it began (Unix time), how long it took in seconds, and how it ended."""

    phase: int
    step: str
    title: str
    began: float
    seconds: float
    state: str
    error: Optional[str] = None


@dataclass(frozen=True)
class Report:
    """A whole restore. ``verdict`` is `restored`, or `degraded` when a program failed that was not critical
    or a file of a package is not as it was captured."""

    job_id: str
    set_id: str
    hostname: str
    verdict: str
    began: float
    ended: float
    steps: Tuple[StepTime, ...]
    commands: Tuple[CommandResult, ...]
    adjustments: Tuple[Adjustment, ...]
    boot: Tuple[str, ...]
    signature: str = ""
    catalog: Optional[CatalogVerdict] = None
    raw: Tuple[str, ...] = ()
    spared: Tuple[str, ...] = ()
    differs: Tuple[str, ...] = ()

    def to_json(self) -> str:
        """The report as JSON text."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"


def make_report(job: Job, steps: Iterable[StepTime], commands: Iterable[CommandResult],
                adjustments: Iterable[Adjustment], boot: Iterable[str],
                catalog: Optional[CatalogVerdict] = None, raw: Iterable[str] = (),
                spared: Iterable[str] = (), differs: Iterable[str] = ()) -> Report:
    """Put the report together; ``raw`` says what became of the partitions that are kept sector by sector, ``spared``
    what survived and what that saved, ``differs`` what of the machine is not as it was."""
    times, results = tuple(steps), tuple(commands)
    failed = any(result.outcome is Outcome.FAILED for result in results) or bool(catalog and catalog.unresolved)
    ends = [step.began + step.seconds for step in times]
    return Report(job.job_id, job.set_id, job.hostname, "degraded" if failed else "restored",
                  min((step.began for step in times), default=0.0), max(ends, default=0.0), times, results,
                  tuple(adjustments), tuple(boot), job.signature, catalog, tuple(raw), tuple(spared),
                  tuple(differs))


def steps_of(events_jsonl: str) -> Tuple[StepTime, ...]:
    """The ended steps of an event file, in the order they began. Lines that a power cut tore are left out."""
    found: List[StepTime] = []
    for event in _events(events_jsonl):
        if event["state"] in (State.FINISHED.value, State.FAILED.value):
            seconds = float(event.get("seconds", 0.0))
            found.append(StepTime(int(event["phase"]), str(event["step"]), str(event["title"]),
                                  round(float(event["t"]) - seconds, 3), seconds, str(event["state"]),
                                  event.get("error")))
    return tuple(sorted(found, key=lambda step: (step.began, -step.seconds)))


def report_text(report: Report) -> str:
    """The report for people: 80 columns, ASCII."""
    minutes, seconds = divmod(int(report.ended - report.began), 60)
    lines = [f"Lifeboat restore of {report.hostname}: {report.verdict}", "=" * 79, f"job {report.job_id}",
             f"set {report.set_id}", f"signature: {report.signature}",
             f"from the first to the last step: {minutes} min {seconds} s", "", "Steps"]
    for step in report.steps:
        mark = "" if step.state == State.FINISHED.value else f"  [{step.state}]"
        lines.append(f"  {step.phase}  {step.seconds:8.1f} s  {step.title}{mark}")
        lines += [f"                 {line}" for line in (step.error or "").splitlines()]
    lines += _section("Restore programs", (
        f"{c.id}  {c.outcome.value:7}  {c.seconds:8.1f} s  status {c.status}, {c.attempts} attempt"
        f"{'s' if c.attempts != 1 else ''}: {c.title}" for c in report.commands))
    lines += _section("Other than when it was saved", report.differs)
    lines += _section("Differences from the saved layout", (
        f"{a.subject} [{a.code}]: {a.before} -> {a.after}. {a.reason}; {a.consequence}" for a in report.adjustments))
    lines += _section("Files of packages, against the catalog", (
        () if report.catalog is None else (str(report.catalog), *map(str, report.catalog.findings))))
    lines += _section("Kept, because it survived", report.spared)
    lines += _section("Partitions kept sector by sector", report.raw)
    lines += _section("Boot", report.boot)
    return "".join(ascii_text(line) + "\n" for line in lines)


def events_report(path: Path) -> str:
    """The steps of an event file as text, for a restore that is still running or has failed. Raises UsageError."""
    try:
        steps = steps_of(path.read_text(encoding="utf-8", errors="replace"))
    except OSError as error:
        raise UsageError("there are no events to report", where=str(path), found=str(error)) from error
    lines = [f"{s.phase}  {s.seconds:8.1f} s  {s.state:8}  {s.title}" + (f"\n{s.error}" if s.error else "")
             for s in steps]
    return "".join(line + "\n" for line in lines)


def _section(title: str, lines: Iterable[str]) -> List[str]:
    content = [f"  {line}" for line in lines]
    return ["", title, *(content or ["  none"])]


def _events(text: str) -> Iterable[Dict[str, Any]]:
    for line in text.splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and {"t", "phase", "step", "state", "title"} <= set(event):
            yield event
