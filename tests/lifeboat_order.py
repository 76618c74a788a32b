"""How the tests are shared among pytest's workers (pytest-xdist): file by file, the longest first.

The drills keep two guests busy most of the time and come first on one worker; the guests of the storage tests take one
core and come first on the other. Tests that build images share the builder's cache, and one of them takes layers out of
it: they stay on one worker. So do the drills: those on other hardware begin with the server that the first ones leave.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, List

import pytest
from xdist.scheduler import LoadScopeScheduling

DRILLS = ("vm/test_drill.py", "vm/test_hardware.py")
FIRST = (*DRILLS, "storage/", "vm/")
IMAGES = ("vm/test_image.py", "vm/test_firmware.py", "vm/test_builds.py")
TESTS = Path(__file__).resolve().parent


def rank(name: str) -> int:
    """The place of a test file in the order of work."""
    return next((place for place, start in enumerate(FIRST) if name.startswith(start)), len(FIRST))


class ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A worker takes all tests of a file; those of images are like one file, and so are the drills."""

    def _split_scope(self, nodeid: str) -> str:
        name = nodeid.partition("::")[0].partition("tests/")[2]
        return "images" if name in IMAGES else "drills" if name in DRILLS else name


def pytest_collection_modifyitems(items: List[pytest.Item]) -> None:
    items.sort(key=lambda item: rank(str(item.path.relative_to(TESTS))))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
