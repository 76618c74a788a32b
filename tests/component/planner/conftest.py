"""The component tests use the unit tests' machines."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "planner"))
