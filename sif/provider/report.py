"""Who hears what a provider says while it works."""

from __future__ import annotations

from typing import Any, Callable, Mapping

Report = Callable[[Mapping[str, Any]], None]
"""Hears a provider's progress and log messages."""


def silent(_message: Mapping[str, Any]) -> None:
    """Hears nothing."""
