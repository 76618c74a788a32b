"""``sif plan`` and ``sif check --on``: the healthy machine asks the planner, which belongs to the rescue system.

``sif`` knows nothing of the rooms above it. The planner is looked for by name when it is asked for: it is in the one
file ``sif.pyz`` and beside ``sif`` in the rescue system and in the sources; where it is not, these commands say so.
"""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any, Sequence

from sif.errors import Exit, ToolMissing

PLANNER = "rescue.planner.command"
"""What answers; it has add_plan_arguments(parser), plan_command(options) and check_command(path, machines)."""


def add_plan(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommand ``plan``."""
    words = commands.add_parser(
        "plan", help="show how a set would be restored", description="Show what a restore of the set would do to which "
        "disk, and why, on its own machine or on one that is described. Nothing is written but --html's page.",
        epilog=f"Exit codes: 0 there is a plan, {int(Exit.NO_PLAN)} there is none; others as in docs/exit-codes.md.")
    try:
        _planner().add_plan_arguments(words)
    except ToolMissing:
        words.add_argument("path", type=Path, metavar="SIF")
    words.set_defaults(command=_plan)


def check_on(path: Path, machines: Sequence[str]) -> Exit:
    """Print for each described machine whether the set would restore there. Raises :class:`ToolMissing`."""
    found: Exit = _planner().check_command(path, machines)
    return found


def _plan(options: argparse.Namespace) -> Exit:
    found: Exit = _planner().plan_command(options)
    return found


def _planner() -> Any:
    try:
        return importlib.import_module(PLANNER)
    except ImportError as error:
        raise ToolMissing("the planner is not here", found=str(error), wanted="sif.pyz, or sif as the project has it",
                          hint="it belongs to the rescue system: `rescue plan` there") from error
