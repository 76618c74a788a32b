"""Section ids from the names that things have on a machine."""

from __future__ import annotations

from sif.text import identifier as identifier


def omitted_id(ident: str) -> str:
    """The section id of what is left out on a carrier."""
    return f"omitted_{ident}"


def uuid_text(raw: bytes) -> str:
    """A UUID as text from its 16 bytes in writing order."""
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:32]))
