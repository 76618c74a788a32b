"""The journal remembers what is done, whatever the power cut left of its last line."""

from pathlib import Path

import pytest

from rescue.journal import Journal, JournalBroken


def test_what_was_recorded_is_done_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).record("command.2000", status="0")
    again = Journal(path)
    assert again.done("command.2000") and not again.done("command.3000")
    assert again.details("command.2000") == {"status": "0"}


@pytest.mark.parametrize("torn", [b'{"key": "comm', b"\0\0\0\0", b'{"key": "command.3000"}', b"\0\0\0\n"])
def test_a_torn_last_line_counts_as_not_done_and_the_next_one_is_readable(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    Journal(path).record("command.2000")
    with path.open("ab") as out:
        out.write(torn)
    journal = Journal(path)
    assert journal.done("command.2000") and not journal.done("command.3000")
    journal.record("command.4000")
    assert Journal(path).done("command.4000") and Journal(path).done("command.2000")


def test_damage_before_the_last_line_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"key": "a"}\nrubbish\n{"key": "b"}\n')
    with pytest.raises(JournalBroken, match="damaged"):
        Journal(path)
