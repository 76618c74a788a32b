"""Runs jobs at the same time where nothing forbids it: after what they need, and few enough on each disk."""

from __future__ import annotations

import threading
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, Mapping, Optional, Sequence, Set


@dataclass(frozen=True)
class Job:
    """Something to do. ``needs`` are names of jobs that come first, ``claims`` what it writes to while it runs."""

    name: str
    run: Callable[[], None]
    needs: FrozenSet[str] = frozenset()
    claims: FrozenSet[str] = frozenset()


class Unreachable(Exception):
    """Jobs wait for each other, or for one that there is not; nothing was run."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(", ".join(names))
        self.names = tuple(names)


def run_jobs(jobs: Sequence[Job], workers: int, room: Optional[Mapping[str, int]] = None) -> None:
    """Run every job once, up to ``workers`` at a time; of those that can start, the earlier in the list goes first.

    ``room`` says how many jobs may claim something at once (1 where it says nothing). When a job raises, no further
    one starts; those that run come to their end, then the first error is raised. With one worker the jobs run in
    the order of the list as far as their needs allow. Raises :class:`Unreachable` before anything is run.
    """
    _in_turn(jobs)
    state = _Progress(jobs, room or {})
    with ThreadPoolExecutor(max_workers=max(workers, 1), thread_name_prefix="rebuild") as pool:
        running: Dict["Future[None]", Job] = {}
        try:
            while state.waiting or running:
                while len(running) < workers and not state.errors:
                    job = state.start()
                    if job is None:
                        break
                    running[pool.submit(state.run, job)] = job
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    state.end(running.pop(future))
        except BaseException:
            state.waiting.clear()  # interrupted from the keyboard: the pool still waits for what runs
            raise
    if state.errors:
        raise state.errors[0]


def longest_chain_first(jobs: Sequence[Job]) -> List[Job]:
    """The jobs with those first on which the longest chain of others waits, else in their order."""
    waiting_on: Dict[str, List[str]] = {}
    for job in jobs:
        for need in job.needs:
            waiting_on.setdefault(need, []).append(job.name)
    height: Dict[str, int] = {}
    for job in reversed(_in_turn(jobs)):
        height[job.name] = 1 + max((height[name] for name in waiting_on.get(job.name, ())), default=0)
    return sorted(jobs, key=lambda job: -height[job.name])


def _in_turn(jobs: Sequence[Job]) -> List[Job]:
    """The jobs, each after those that it needs. Raises :class:`Unreachable`."""
    done: Set[str] = set()
    ordered: List[Job] = []
    left = list(jobs)
    while left:
        ready = [job for job in left if job.needs <= done]
        if not ready:
            raise Unreachable([job.name for job in left])
        ordered += ready
        done.update(job.name for job in ready)
        left = [job for job in left if job.name not in done]
    return ordered


class _Progress:
    """Which jobs wait, what is done, and what is claimed."""

    def __init__(self, jobs: Sequence[Job], room: Mapping[str, int]) -> None:
        self.waiting: List[Job] = list(jobs)
        self.errors: List[BaseException] = []
        self._room, self._done = room, set[str]()
        self._claimed: Dict[str, int] = {}
        self._lock = threading.Lock()

    def start(self) -> Optional[Job]:
        """The next job that can run, claimed; None if there is none now."""
        for job in self.waiting:
            if job.needs <= self._done and all(
                    self._claimed.get(claim, 0) < self._room.get(claim, 1) for claim in job.claims):
                self.waiting.remove(job)
                for claim in job.claims:
                    self._claimed[claim] = self._claimed.get(claim, 0) + 1
                return job
        return None

    def run(self, job: Job) -> None:
        """In a worker: the job itself. Its error is kept in the order of the clock."""
        try:
            job.run()
        except BaseException as error:  # noqa: BLE001 - raised again by run_jobs, whatever it is
            with self._lock:
                self.errors.append(error)

    def end(self, job: Job) -> None:
        """The job has come to its end, one way or the other."""
        self._done.add(job.name)
        for claim in job.claims:
            self._claimed[claim] -= 1
