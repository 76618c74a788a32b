"""Section ids from the names that things have on a machine."""

from __future__ import annotations

from sif.text import identifier as identifier
