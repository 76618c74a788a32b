"""Decides how a saved machine comes back on the one in front of us. Pure: nothing here reads or writes anything."""

from rescue.planner.errors import NoPlan, Question, Reason
from rescue.planner.passes import plan_restore
from rescue.planner.policy import DiskChoice, RestorePolicy, parse_disk_map

__all__ = ["DiskChoice", "NoPlan", "Question", "Reason", "RestorePolicy", "parse_disk_map", "plan_restore"]
