"""Jobs that run at the same time: order, claims, failures, whatever the graph looks like."""

from __future__ import annotations

import threading
from typing import Dict, List, Set, Tuple

import pytest
from hypothesis import given, strategies as st

from rescue.storage.parallel import Job, Unreachable, longest_chain_first, run_jobs


class Broken(Exception):
    """What a failing job raises."""


class Recorder:
    """Makes jobs that write down what happens, and checks at every start what has to be true then."""

    def __init__(self, room: Dict[str, int]) -> None:
        self.lock, self.room = threading.Lock(), room
        self.started: List[str] = []
        self.done: Set[str] = set()
        self.running: Set[str] = set()
        self.claimed: Dict[str, int] = {}
        self.wrong: List[str] = []
        self.failed: List[str] = []
        self.most = 0

    def job(self, name: str, needs: Set[str], claims: Set[str], fails: bool) -> Job:
        def run() -> None:
            with self.lock:
                self.started.append(name)
                self.running.add(name)
                self.most = max(self.most, len(self.running))
                if not needs <= self.done:
                    self.wrong.append(f"{name} before {needs - self.done}")
                for claim in claims:
                    self.claimed[claim] = self.claimed.get(claim, 0) + 1
                    if self.claimed[claim] > self.room.get(claim, 1):
                        self.wrong.append(f"{name}: {claim} is full")
            threading.Event().wait(0)  # lets another thread in
            with self.lock:
                self.running.discard(name)
                for claim in claims:
                    self.claimed[claim] -= 1
                if fails:
                    self.failed.append(name)
                    raise Broken(name)
                self.done.add(name)
        return Job(name, run, frozenset(needs), frozenset(claims))


@st.composite
def graphs(draw: st.DrawFn) -> Tuple[List[Tuple[str, Set[str], Set[str]]], int, Dict[str, int]]:
    """Jobs that need some of those before them and claim some of three disks, then put in any order."""
    count = draw(st.integers(0, 14))
    jobs = []
    for number in range(count):
        needs = draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        claims = draw(st.sets(st.sampled_from(["sda", "sdb", "sdc"]), max_size=2))
        jobs.append((str(number), {str(need) for need in needs}, claims))
    return (draw(st.permutations(jobs)), draw(st.integers(1, 5)),
            draw(st.dictionaries(st.sampled_from(["sda", "sdb"]), st.integers(1, 3))))


@given(graphs())
def test_every_job_runs_once_after_what_it_needs_and_within_the_room_of_its_disks(
        graph: Tuple[List[Tuple[str, Set[str], Set[str]]], int, Dict[str, int]]) -> None:
    jobs, workers, room = graph
    seen = Recorder(room)
    run_jobs([seen.job(name, needs, claims, False) for name, needs, claims in jobs], workers, room)
    assert sorted(seen.started) == sorted(name for name, _, _ in jobs)
    assert seen.wrong == []
    assert seen.most <= workers


@given(graphs(), st.sets(st.integers(0, 13).map(str), min_size=1))
def test_after_a_failure_nothing_starts_and_what_runs_comes_to_its_end(
        graph: Tuple[List[Tuple[str, Set[str], Set[str]]], int, Dict[str, int]], failing: Set[str]) -> None:
    jobs, workers, room = graph
    seen = Recorder(room)
    made = [seen.job(name, needs, claims, name in failing) for name, needs, claims in jobs]
    if not failing & {name for name, _, _ in jobs}:
        run_jobs(made, workers, room)
        assert len(seen.done) == len(jobs)
        return
    with pytest.raises(Broken) as raised:
        run_jobs(made, workers, room)
    assert str(raised.value) == seen.failed[0]
    assert not seen.running
    assert len(seen.started) == len(set(seen.started)) == len(seen.done) + len(seen.failed)
    assert len(seen.failed) <= workers
    assert seen.wrong == []


@given(graphs())
def test_one_worker_takes_the_first_that_can_run(
        graph: Tuple[List[Tuple[str, Set[str], Set[str]]], int, Dict[str, int]]) -> None:
    jobs, _, room = graph
    seen = Recorder(room)
    run_jobs([seen.job(name, needs, claims, False) for name, needs, claims in jobs], 1, room)
    left, done, expected = list(jobs), set[str](), []
    while left:
        first = next(job for job in left if job[1] <= done)
        left.remove(first)
        done.add(first[0])
        expected.append(first[0])
    assert seen.started == expected


def test_different_disks_are_written_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=30)

    def meet() -> None:
        both.wait()

    run_jobs([Job(disk, meet, claims=frozenset({disk})) for disk in ("sda", "sdb")], 2)


def test_a_job_that_waits_for_its_disk_does_not_hold_up_the_others() -> None:
    other = threading.Event()
    order: List[str] = []

    def first() -> None:
        assert other.wait(30)
        order.append("first")

    def third() -> None:
        order.append("third")
        other.set()

    run_jobs([Job("first", first, claims=frozenset({"sda"})),
              Job("second", lambda: order.append("second"), claims=frozenset({"sda"})),
              Job("third", third, claims=frozenset({"sdb"}))], 2)
    assert order == ["third", "first", "second"]


@pytest.mark.parametrize("jobs, names", [
    ((("a", {"b"}), ("b", {"a"}), ("c", set())), ("a", "b")),
    ((("a", {"gone"}), ("b", set())), ("a",)),
])
def test_jobs_that_can_never_run_are_refused_before_anything_is_done(
        jobs: Tuple[Tuple[str, Set[str]], ...], names: Tuple[str, ...]) -> None:
    seen = Recorder({})
    with pytest.raises(Unreachable) as raised:
        run_jobs([seen.job(name, needs, set(), False) for name, needs in jobs], 2)
    assert raised.value.names == names
    assert seen.started == []


def test_an_interruption_ends_the_run_like_a_failure() -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    later: List[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_jobs([Job("a", interrupt), Job("b", lambda: later.append("b"), needs=frozenset({"a"}))], 2)
    assert later == []


def test_what_most_waits_for_comes_first_and_equals_stay_in_order() -> None:
    def job(name: str, *needs: str) -> Job:
        return Job(name, lambda: None, frozenset(needs))

    jobs = [job("esp", "p1"), job("p1"), job("root", "lv"), job("lv", "pv"), job("p2"), job("pv", "p2"), job("last")]
    assert [job.name for job in longest_chain_first(jobs)] == ["p2", "pv", "p1", "lv", "esp", "root", "last"]


@given(graphs())
def test_the_longest_chains_are_all_of_the_jobs(
        graph: Tuple[List[Tuple[str, Set[str], Set[str]]], int, Dict[str, int]]) -> None:
    jobs = [Job(name, lambda: None, frozenset(needs), frozenset(claims)) for name, needs, claims in graph[0]]
    ordered = longest_chain_first(jobs)
    assert sorted(job.name for job in ordered) == sorted(job.name for job in jobs)
    places = {job.name: place for place, job in enumerate(ordered)}
    assert all(places[need] < places[job.name] for job in jobs for need in job.needs)
