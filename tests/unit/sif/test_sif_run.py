"""The door to other programs: what comes back, and what ends a program that does not."""

from __future__ import annotations

import os
import time

import pytest

from sif.errors import CommandFailed, ToolMissing
from sif.run import run


def test_both_outputs_come_back_as_text() -> None:
    done = run(("sh", "-c", r"printf 'a\r\nb\rc\n'; printf '\377x' >&2; exit 3"), timeout=20, check=False)
    assert (done.status, done.stdout, done.stderr) == (3, "a\nb\nc\n", "\udcffx")


def test_much_output_on_both_sides_blocks_nobody() -> None:
    done = run(("sh", "-c", "head -c 300000 /dev/zero; head -c 400000 /dev/zero >&2"), timeout=20)
    assert (len(done.stdout), len(done.stderr)) == (300000, 400000)


def test_a_program_has_no_input() -> None:
    assert run(("cat",), timeout=20).stdout == ""


@pytest.mark.parametrize("script", [
    "exec sleep 60",  # says nothing
    "echo here; exec sleep 60",  # said something
    "exec >&-; exec sleep 60",  # its output is over, it is not
])
def test_a_program_that_does_not_end_is_ended(script: str) -> None:
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="did not finish"):
        run(("sh", "-c", script), timeout=0.5)
    assert time.monotonic() - began < 20


def test_nothing_is_left_open() -> None:
    before = os.listdir("/proc/self/fd")  # noqa: PTH208 - names are enough
    for _ in range(5):
        run(("true",), timeout=20)
    assert len(os.listdir("/proc/self/fd")) == len(before)  # noqa: PTH208


def test_a_program_that_is_not_there_is_named() -> None:
    with pytest.raises(ToolMissing, match="no-such-program"):
        run(("no-such-program",), timeout=5)


def test_without_the_kernels_word_it_ends_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert run(("sh", "-c", "exec >&-; sleep 0.1; exit 4"), timeout=20, check=False).status == 4
    with pytest.raises(CommandFailed, match="did not finish"):
        run(("sh", "-c", "exec >&-; exec sleep 60"), timeout=0.3)
