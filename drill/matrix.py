"""Several drills in processes of their own, some of them at the same time, and their verdicts at the end."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Dict, List, Optional, Sequence, Tuple

from sif.errors import Exit
from sif.run import Process, spawn

POLL_SECONDS = 2.0
STOP_SECONDS = 30.0
"""A drill that is told to stop first ends its virtual machine."""


@dataclass(frozen=True)
class Job:
    """One drill as a command; its evidence is in a folder of its name."""

    name: str
    argv: Tuple[str, ...]
    evidence: Path

    @property
    def verdict(self) -> str:
        """The verdict line that the drill left in its evidence."""
        try:
            return str(json.loads((self.evidence / self.name / "report.json").read_text("utf-8"))["verdict"])
        except (OSError, ValueError, KeyError):
            return f"DRILL FAILED {self.name}: it ended without a verdict"


def run_jobs(jobs: Sequence[Job], at_once: int, log: Optional[IO[bytes]] = None) -> Exit:
    """Run the jobs in order, at most ``at_once`` at the same time, and print every verdict at the end.

    What they say goes to ``log``, by default to standard error.
    """
    waiting: List[Job] = list(jobs)
    running: Dict[str, Process] = {}
    statuses: Dict[str, int] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(1, at_once):
                job = waiting.pop(0)
                running[job.name] = spawn(job.argv, log=log or sys.stderr.buffer)
            for name, process in tuple(running.items()):
                status = process.poll()
                if status is not None:
                    statuses[name] = status
                    del running[name]
            if running:
                time.sleep(POLL_SECONDS)  # several processes: nothing waits for whichever ends first
    finally:
        for process in running.values():
            process.stop(STOP_SECONDS)
    for job in jobs:
        print(job.verdict, flush=True)
    return Exit.OK if all(statuses.get(job.name) == Exit.OK for job in jobs) else Exit.DRILL_FAILED
