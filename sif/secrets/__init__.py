"""Secrets of a set: age files, and who may open them."""

from __future__ import annotations

from pathlib import Path

DEFAULT_SECRETS = Path("/etc/sif/secrets.age")
"""The file a capture takes into the set."""
