"""Questions have ids; an answers file answers each of them once."""

import os
from typing import Tuple

import pytest

from rescue.console import Choice, LineConsole, Unattended, choose, confirm_by_name, parse_answers
from rescue.failures import ConsentMissing
from sif.errors import UsageError


def terminal(typed: str) -> Tuple[LineConsole, int]:
    """A console whose operator has typed ahead; and where its output can be read."""
    keys, to_keys = os.pipe()
    screen, to_screen = os.pipe()
    os.write(to_keys, typed.encode())
    os.close(to_keys)
    return LineConsole([(keys, to_screen)]), screen


def test_the_machine_name_is_the_consent() -> None:
    console, screen = terminal("web01.example.org\n")
    confirm_by_name(console, "consent", "Everything goes.", "web01.example.org")
    assert b"[consent] > " in os.read(screen, 4096)


@pytest.mark.parametrize("typed", ["yes\n", "WEB01.example.org\n", "\n", ""])
def test_anything_else_is_none(typed: str) -> None:
    console, _ = terminal(typed)
    with pytest.raises(ConsentMissing):
        confirm_by_name(console, "consent", "Everything goes.", "web01.example.org")


def test_a_choice_is_asked_again_until_it_is_one_of_the_answers() -> None:
    console, screen = terminal("7\nno\n2\n")
    choices = [Choice("continue", "go on"), Choice("start-over", "begin again")]
    assert choose(console, "pending", "A restore is half done.", choices) == "start-over"
    assert b"  2) begin again" in os.read(screen, 4096)


def test_nobody_is_asked_in_an_unattended_run() -> None:
    with pytest.raises(ConsentMissing) as caught:
        choose(Unattended(), "medium", "Which SIF?", [Choice("a", "A")])
    assert "medium = ..." in str(caught.value)


def test_an_answers_file_answers_by_id_and_once() -> None:
    console = Unattended(parse_answers("; for the drill\nmedium = a\n"))
    assert choose(console, "medium", "Which SIF?", [Choice("a", "A")]) == "a"
    with pytest.raises(ConsentMissing):
        console.ask("medium", "Which SIF?")


def test_a_malformed_answers_file_is_refused_with_its_line() -> None:
    with pytest.raises(UsageError, match="answers:2"):
        parse_answers("a = b\nrubbish\n")
