"""After the rebuild every difference counts, but for what the plan announced and what the set leaves open."""

from __future__ import annotations

from typing import Optional

import pytest
from agent_machines import plan_for

from rescue.verify import unexplained
from sif.diff import Difference


@pytest.mark.parametrize(("kind", "key", "before", "counts"), [
    ("FS", "inodes", "65536", True),
    ("FS", "inodes", None, False),
    ("FS", "features", "[]", False),
    ("FS", "label", None, True),
    ("FS", "", None, True),
    ("PARTITION", "name", None, True),
    ("DISK", "first_lba", None, False),
    ("NIC", "driver", "\"e1000\"", False),
])
def test_what_counts_as_a_difference(kind: str, key: str, before: Optional[str], counts: bool) -> None:
    difference = Difference(kind, "x", key, before, '"other"')
    assert (unexplained((difference,), plan_for()) == (difference,)) is counts
