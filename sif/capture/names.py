"""Section ids from the names that things have on a machine."""

from __future__ import annotations

import re


def identifier(text: str) -> str:
    """``text`` as a section id: what an id may not hold becomes ``_``, and it starts with a letter or digit."""
    clean = re.sub(r"[^A-Za-z0-9_.+-]", "_", text)
    return clean if clean[:1].isalnum() else f"x{clean}"
