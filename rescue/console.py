"""Questions to the operator in line mode: on every console at once, and answerable by a file."""

from __future__ import annotations

import os
import select
import sys
import termios
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, Iterator, Mapping, Optional, Protocol, Sequence, Tuple

from rescue.failures import ConsentMissing
from rescue.renderers import ascii_text, consoles
from sif.errors import UsageError

_ERASE = b"\b\x7f"


@dataclass(frozen=True)
class Choice:
    """One numbered answer; ``key`` is what an answers file writes and what the caller gets."""

    key: str
    text: str


class Console(Protocol):
    """Where questions go. Every question has an id that an answers file can answer."""

    def say(self, text: str) -> None: ...

    def ask(self, ident: str, question: str) -> str: ...

    def ask_secret(self, ident: str, question: str) -> str: ...


def parse_answers(text: str) -> Mapping[str, str]:
    """Read an answers file: ``id = answer`` lines; ``;`` and ``#`` start comment lines. Raises UsageError."""
    answers: Dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if not line or line[0] in ";#":
            continue
        ident, equals, answer = (part.strip() for part in line.partition("="))
        if not (ident and equals):
            raise UsageError("this is no answer", where=f"answers:{number}", found=repr(line), wanted="id = answer")
        answers[ident] = answer
    return answers


def choose(console: Console, ident: str, question: str, choices: Sequence[Choice]) -> str:
    """Ask for one of several numbered answers until one of them is given; returns its key."""
    lines = [question] + [f"  {number}) {choice.text}" for number, choice in enumerate(choices, start=1)]
    valid = {str(number): choice.key for number, choice in enumerate(choices, start=1)}
    valid.update({choice.key: choice.key for choice in choices})
    text = "\n".join(lines)
    for _ in range(10):
        answer = console.ask(ident, text + f"\nNumber (1-{len(choices)})")
        if answer in valid:
            return valid[answer]
        console.say(f"`{answer}` is none of the answers.")
    raise ConsentMissing("no usable answer was given", where=ident,
                         wanted=" | ".join(choice.key for choice in choices))


def confirm_by_name(console: Console, ident: str, warning: str, name: str) -> None:
    """Have the operator type the machine's name. Raises :class:`ConsentMissing` for anything else."""
    answer = console.ask(ident, f"{warning}\nType the machine's name ({name}) to go on; anything else stops")
    if answer != name:
        raise ConsentMissing("the machine's name was not typed; nothing was written", where=ident,
                             found=repr(answer), wanted=repr(name))


class Unattended:
    """Asks nobody: a question that no answer was prepared for is an error that shows how to answer it."""

    def __init__(self, answers: Optional[Mapping[str, str]] = None) -> None:
        self._answers = dict(answers or {})

    def say(self, text: str) -> None:
        return

    def ask(self, ident: str, question: str) -> str:
        if ident in self._answers:
            return self._answers.pop(ident)
        raise ConsentMissing("a question needs an answer and this run is unattended", where=ident,
                             found=question, hint=f"start without rescue.auto, or put a line `{ident} = ...` "
                             "into the answers file")


    def ask_secret(self, ident: str, question: str) -> str:
        """Nobody can type it, and a secret is not written into an answers file."""
        raise ConsentMissing("a secret has to be typed and this run is unattended", where=ident, found=question)


class LineConsole:
    """Shows questions on all terminals and takes the first line that is typed on any of them.

    An answers file goes first; each of its answers is used once, so that a wrong one does not repeat for ever.
    What was typed at a terminal before a question was shown does not answer it, and an empty line shows it again:
    people press Enter to see whether a machine is alive, and look at a serial console after it was written to.
    """

    def __init__(self, terminals: Sequence[Tuple[int, int]], answers: Optional[Mapping[str, str]] = None) -> None:
        self._terminals = tuple(terminals)
        self._typed: Dict[int, bytes] = {source: b"" for source, _ in terminals}
        self._answers = dict(answers or {})

    def say(self, text: str) -> None:
        """Show text on every terminal."""
        self._show(text + "\n")

    def ask(self, ident: str, question: str) -> str:
        """Ask, and wait for a line. Raises :class:`ConsentMissing` when every terminal is closed."""
        shown = f"\n{question}\n[{ident}] > "
        if ident in self._answers:
            answer = self._answers.pop(ident)
            self._show(f"{shown}{answer}  (from the answers file)\n")
            return answer
        self._forget_early_typing()
        answer = ""
        while not answer:
            self._show(shown)
            answer = self._read_line(ident)
        return answer

    def ask_secret(self, ident: str, question: str) -> str:
        """Ask for what must not be seen: nothing typed is shown, white space counts, the answers file is not read."""
        self._forget_early_typing()
        with self._echo_off():
            while True:
                self._show(f"\n{question} (what you type is not shown)\n[{ident}] > ")
                typed = self._read_raw(ident)
                self._show("\n")
                with suppress(UnicodeDecodeError):
                    answer = typed.decode("utf-8")
                    if answer:
                        return answer

    @contextmanager
    def _echo_off(self) -> Iterator[None]:
        """Terminals show nothing of what is typed meanwhile; pipes have no echo."""
        before = []
        for source in filter(os.isatty, self._typed):
            with suppress(termios.error):
                known = termios.tcgetattr(source)
                before.append((source, known))
                termios.tcsetattr(source, termios.TCSADRAIN, [*known[:3], known[3] & ~termios.ECHO, *known[4:]])
        try:
            yield
        finally:
            for source, known in before:
                with suppress(termios.error):
                    termios.tcsetattr(source, termios.TCSADRAIN, known)

    def _forget_early_typing(self) -> None:
        """Drop what waits at the terminals; a pipe is not typed at, so what it holds stays."""
        for source in filter(os.isatty, self._typed):
            self._typed[source] = b""
            with suppress(termios.error):
                termios.tcflush(source, termios.TCIFLUSH)

    def _show(self, text: str) -> None:
        data = ascii_text(text).encode("ascii")
        for _, out in self._terminals:
            rest = data
            try:
                while rest and select.select([], [out], [], 2.0)[1]:
                    rest = rest[os.write(out, rest):]
            except OSError:
                continue

    def _read_line(self, ident: str) -> str:
        return self._read_raw(ident).decode("utf-8", "replace").strip()

    def _read_raw(self, ident: str) -> bytes:
        while True:
            for source, pending in self._typed.items():
                line, newline, rest = pending.partition(b"\n")
                if newline:
                    self._typed[source] = rest
                    return edited(line)
            if not self._typed:
                break
            for source in select.select(list(self._typed), [], [])[0]:
                self._receive(source)
        raise ConsentMissing("there is no terminal to answer on", where=ident,
                             hint="prepare the answer in a file: --answers FILE")

    def _receive(self, source: int) -> None:
        """Take what was typed on one terminal; a closed one is not asked any more."""
        try:
            data = os.read(source, 4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._typed[source] += data.replace(b"\r", b"\n")
        elif not (os.isatty(source) and _connected(source)):
            del self._typed[source]


def _connected(source: int) -> bool:
    """Whether a terminal that gave nothing is still there: then somebody pressed Ctrl-D, which ends nothing here."""
    poll = select.poll()
    poll.register(source, 0)
    return not poll.poll(0)


def edited(line: bytes) -> bytes:
    """A typed line without what was erased. The kernel erases at one of the two codes; terminals send either."""
    kept = bytearray()
    for byte in line:
        if byte not in _ERASE:
            kept.append(byte)
        elif kept:
            kept.pop()
    return bytes(kept)


def open_console(auto: bool, answers: Mapping[str, str], paths: Optional[Sequence[Path]] = None) -> Console:
    """The operator's console: none when unattended, the calling terminal, or else all consoles of the machine."""
    if auto:
        return Unattended(answers)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return LineConsole([(sys.stdin.fileno(), sys.stdout.fileno())], answers)
    terminals = []
    for path in consoles() if paths is None else paths:
        try:
            handle = os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
        except OSError:
            continue
        terminals.append((handle, handle))
    return LineConsole(terminals, answers)


def load_answers(path: Optional[Path]) -> Mapping[str, str]:
    """The answers of a file; none without a file. Raises :class:`UsageError`."""
    if path is None:
        return {}
    try:
        return parse_answers(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError("the answers file cannot be read", where=str(path), found=str(error)) from error
