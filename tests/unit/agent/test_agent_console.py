"""Questions have ids; an answers file answers each of them once."""

import os
import pty
import threading
from typing import Tuple

import pytest

from rescue.console import Choice, LineConsole, Unattended, choose, confirm_by_name, edited, parse_answers
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


def read_until(screen: int, text: bytes) -> bytes:
    shown = b""
    while text not in shown:
        shown += os.read(screen, 4096)
    return shown


@pytest.mark.parametrize("typed", [b"\n\nweb01\n", b"\x04web01\n", b"wec\bb01\n", b"wec\x7fb01\r"])
def test_a_terminal_s_usual_keys_do_not_answer_for_the_operator(typed: bytes) -> None:
    keyboard, terminal_end = pty.openpty()
    os.set_blocking(terminal_end, False)
    os.write(keyboard, b"typed before the question\n")
    console = LineConsole([(terminal_end, terminal_end)])
    answers = []
    asking = threading.Thread(target=lambda: answers.append(console.ask("consent", "The name?")), daemon=True)
    asking.start()
    read_until(keyboard, b"[consent] > ")
    os.write(keyboard, typed)
    asking.join(30.0)
    assert answers == ["web01"]


def test_a_terminal_that_is_gone_is_not_asked_any_more() -> None:
    keyboard, terminal_end = pty.openpty()
    keys, to_keys = os.pipe()
    _, to_screen = os.pipe()
    os.close(keyboard)
    os.write(to_keys, b"web01\n")
    assert LineConsole([(terminal_end, terminal_end), (keys, to_screen)]).ask("consent", "The name?") == "web01"
    os.close(to_keys)
    with pytest.raises(ConsentMissing, match="no terminal"):
        LineConsole([(terminal_end, terminal_end), (keys, to_screen)]).ask("consent", "The name?")


def test_an_empty_line_shows_the_question_again() -> None:
    console, screen = terminal("\nweb01\n")
    assert console.ask("consent", "The name?") == "web01"
    assert os.read(screen, 4096).count(b"[consent] > ") == 2


def test_more_erased_than_typed_is_an_empty_line() -> None:
    assert edited(b"a\b\b\x7f") == b""


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


def test_a_secret_is_not_shown_on_any_terminal_and_keeps_its_white_space() -> None:
    pairs = [pty.openpty() for _ in range(2)]
    for _, end in pairs:
        os.set_blocking(end, False)
    console = LineConsole([(end, end) for _, end in pairs], {"secret.x": "from a file"})
    answers = []
    asking = threading.Thread(target=lambda: answers.append(console.ask_secret("secret.x", "The password?")),
                              daemon=True)
    asking.start()
    for keyboard, _ in pairs:
        read_until(keyboard, b"[secret.x] > ")
    os.write(pairs[1][0], b" correct horsf\x7fe \n")
    asking.join(30.0)
    assert answers == [" correct horse "]
    asking = threading.Thread(target=lambda: answers.append(console.ask("name", "The name?")), daemon=True)
    asking.start()
    for keyboard, _ in pairs:
        assert b"correct" not in read_until(keyboard, b"[name] > ")
    os.write(pairs[0][0], b"web01\n")
    assert b"web01" in read_until(pairs[0][0], b"web01")  # what is no secret is shown again
    asking.join(30.0)
    assert answers[1] == "web01"


def test_nobody_types_a_secret_in_an_unattended_run() -> None:
    with pytest.raises(ConsentMissing):
        Unattended({"secret.x": "from a file"}).ask_secret("secret.x", "The password")
