"""A plain mutation fuzzer for interpreters that atheris has no wheel for: the same targets, blind to coverage."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path
from types import FrameType
from typing import List, Optional, Sequence

from fuzz.targets import Target


class TooSlow(Exception):
    """One input took longer than allowed."""


def mutated(seed: bytes, others: Sequence[bytes], words: Sequence[bytes], chance: random.Random) -> bytes:
    """The seed after one to eight changes: words, bytes, cuts, copies, and pieces of another seed."""
    data = bytearray(seed)
    for _ in range(chance.randint(1, 8)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice((0, 1, 1, 2, 8, 64)))
        kind = chance.randrange(5)
        if kind == 0:
            data[at:end] = chance.choice(words)
        elif kind == 1:
            data[at:end] = bytes(chance.randrange(256) for _ in range(end - at or 1))
        elif kind == 2:
            del data[at:end]
        elif kind == 3:
            data[at:at] = data[at:end] * chance.choice((1, 2, 50))
        else:
            other = chance.choice(others)
            start = chance.randint(0, len(other))
            data[at:end] = other[start:start + chance.choice((1, 16, 256))]
    return bytes(data)


def run(target: Target, seeds: List[bytes], words: Sequence[bytes], *, seconds: float, runs: Optional[int],
        limit: int, findings: Path, seed: int) -> int:
    """Run the target over mutations until ``seconds`` or ``runs`` are over; how many inputs it was.

    The input that raised, or took longer than ``limit`` seconds, is left in ``findings`` and its exception goes on.
    """
    chance = random.Random(seed)
    until, done = time.monotonic() + seconds, 0
    signal.signal(signal.SIGALRM, _too_slow)
    while time.monotonic() < until and (runs is None or done < runs):
        data = seeds[done] if done < len(seeds) else mutated(chance.choice(seeds), seeds, words, chance)
        signal.alarm(limit)
        try:
            target(data)
        except BaseException:
            findings.mkdir(parents=True, exist_ok=True)
            (findings / f"crash-{seed}-{done}").write_bytes(data)
            raise
        finally:
            signal.alarm(0)
        done += 1
    return done


def _too_slow(number: int, frame: Optional[FrameType]) -> None:
    raise TooSlow("this input takes too long")
