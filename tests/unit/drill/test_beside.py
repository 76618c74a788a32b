"""Whether a replica and its original are two machines to everybody on their network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drill.beside import Met, judged
from drill.errors import DrillFailed

ORIGINAL = Met("web01.example.org", "1" * 32, "AAAA1", finds="AAAA2")
REPLICA = Met("web02.example.org", "2" * 32, "AAAA2", finds="AAAA1")


def test_each_finds_the_other() -> None:
    assert "web01.example.org and web02.example.org" in judged(ORIGINAL, REPLICA)


@pytest.mark.parametrize("shared", ["name", "machine_id", "host_key"])
def test_nothing_may_be_the_same(shared: str) -> None:
    with pytest.raises(DrillFailed, match="one machine"):
        judged(ORIGINAL, replace(REPLICA, **{shared: getattr(ORIGINAL, shared)}))


@pytest.mark.parametrize("finds", ["AAAA2", "nobody"])
def test_an_answer_by_somebody_else_is_not_the_other(finds: str) -> None:
    with pytest.raises(DrillFailed, match="do not find each other"):
        judged(ORIGINAL, replace(REPLICA, finds=finds))
