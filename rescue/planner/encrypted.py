"""Pass: what of an encrypted volume does not come back without its saved header."""

from __future__ import annotations

from dataclasses import replace
from typing import List, Tuple

from rescue.plan import Adjustment
from rescue.planner.draft import Draft
from rescue.planner.layout import Layout
from sif.model import SystemInformation

KEYSLOTS = "luks-keyslots"
"""Code of the adjustment for keyslots and tokens that are not made again."""


def explain_encrypted(draft: Draft) -> Draft:
    """Announce keyslots beyond the first and tokens: only the saved header brings them back."""
    return replace(draft, adjustments=draft.adjustments + lost_keyslots(draft.target))


def lost_keyslots(saved: SystemInformation) -> Tuple[Adjustment, ...]:
    """What is lost of each rebuilt volume whose header the set does not hold."""
    layout = Layout(saved)
    found: List[Adjustment] = []
    for luks in saved.luks:
        lost = (*luks.keyslots[1:], *luks.tokens)
        if luks.header is None and lost and layout.all_critical(layout.under(luks.device)):
            found.append(Adjustment(
                code=KEYSLOTS, subject=luks.id, before=", ".join((*luks.keyslots, *luks.tokens)),
                after=", ".join(luks.keyslots[:1]), reason="the set does not hold the header of this volume",
                consequence="only the passphrase that is given now opens it; add the other keys and tokens again"))
    return tuple(found)
