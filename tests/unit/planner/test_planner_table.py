"""The decision table of docs/planner.md, run row by row; its lists of codes against the planner's own."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from planner_cases import Row, answer_to, documented_codes, line_of, rows

from rescue.planner.codes import ADJUSTMENTS, REFUSALS

DOCUMENT = Path(__file__).parents[3] / "docs" / "planner.md"
ROWS = rows(DOCUMENT.read_text("utf-8"))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.case} ({row.saved})")
def test_the_planner_answers_as_the_document_says(row: Row) -> None:
    """``LIFEBOAT_GOLDEN=write pytest`` writes the answers anew; read the difference before committing it."""
    answer = answer_to(row)
    if os.environ.get("LIFEBOAT_GOLDEN") == "write":
        text = DOCUMENT.read_text("utf-8")
        DOCUMENT.write_text(text.replace(line_of(row, row.answer), line_of(row, answer)), "utf-8")
        return
    assert answer == row.answer


def test_the_table_is_a_table() -> None:
    assert len(ROWS) >= 40
    assert len({(row.case, row.saved, row.present, row.policy) for row in ROWS}) == len(ROWS)


def test_every_code_is_documented_with_its_meaning_and_none_that_does_not_exist() -> None:
    text = DOCUMENT.read_text("utf-8")
    known = {**ADJUSTMENTS, **REFUSALS}
    assert set(documented_codes(text)) == set(known)
    missing = [code for codes in (ADJUSTMENTS, REFUSALS) for code, meaning in codes.items()
               if f"| `{code}` | {meaning} |" not in text]
    assert missing == []


def test_every_code_in_the_table_is_one_of_the_lists() -> None:
    used = {code for row in ROWS for code in re.findall(r"`([a-z-]+)`", row.answer)}
    assert used <= {*ADJUSTMENTS, *REFUSALS}
    assert len(used & set(ADJUSTMENTS)) > 25
