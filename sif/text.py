"""The text layer of SIF/2: from bytes to sections of raw values, strictly, with the position of everything.

Meaning (kinds, keys, types) comes later, in :mod:`sif.reader`. The input is hostile: whatever is not plainly
allowed is a problem with a line and a column (both from 1, the column in characters). Nothing is raised;
all problems of a text are returned together. Source: docs/sif-format.md, "Text".
"""

from __future__ import annotations

import unicodedata
from typing import List, NamedTuple, Optional, Set, Tuple

from sif.later import regex
from sif.plain import dataclass
from sif.problems import Problem

MAX_FILE_BYTES = 1024 * 1024
MAX_LINE_BYTES = 8 * 1024
MAX_SECTIONS = 4096
MAX_PROBLEMS = 1000
"""Reading a text ends after so many: a hostile file must not fill the memory with complaints."""

KIND = regex(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)*(?:\.[A-Z][A-Z0-9]*)?")
IDENT = regex(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,127}")
KEY = regex(r"[a-z][a-z0-9_]*")
BARE = regex(r"[!#-+\--:<-Z\\^-~]+")
"""A bare token: printable ASCII without space, quote, comma, semicolon and square brackets."""

NOT_IN_IDENT = regex(r"[^A-Za-z0-9_.+-]")

_PLAIN = regex(r'[^"\\]+')

ESCAPES = {"\\": "\\", '"': '"', "n": "\n", "t": "\t"}


def identifier(text: str) -> str:
    """``text`` as a section id: what an id may not hold becomes ``_``, and it starts with a letter or digit."""
    clean = NOT_IN_IDENT.sub("_", text)
    return clean if clean[:1].isalnum() else f"x{clean}"


class Atom(NamedTuple):  # small: a hostile file has half a million of them
    """One value as written: its text without quotes and escapes, and the column where it starts."""

    text: str
    quoted: bool
    column: int


class Entry(NamedTuple):
    """One ``key = value`` line. ``atoms`` has exactly one element unless ``is_list``.

    The value stands in the line from ``value_column`` up to, but not including, ``end_column``.
    """

    key: str
    atoms: Tuple[Atom, ...]
    is_list: bool
    line: int
    column: int
    value_column: int
    end_column: int


@dataclass(frozen=True)
class Section:
    """A ``[KIND id]`` header and the entries below it; ``ident`` is empty for a section without id."""

    kind: str
    ident: str
    line: int
    column: int
    entries: Tuple[Entry, ...]


class _Refused(Exception):
    """A line that does not follow the grammar; never leaves this module."""

    def __init__(self, column: int, what: str, found: Optional[str] = None, wanted: Optional[str] = None,
                 hint: Optional[str] = None) -> None:
        super().__init__(what)
        self.column, self.what, self.found, self.wanted, self.hint = column, what, found, wanted, hint


def decode(data: bytes, name: str) -> Tuple[Optional[str], Tuple[Problem, ...]]:
    """The file's text, or None and the reason why its bytes are not acceptable."""
    if len(data) > MAX_FILE_BYTES:
        return None, (Problem("the file is too long", f"{name}:1:1", f"{len(data)} bytes",
                              f"at most {MAX_FILE_BYTES} bytes"),)
    if data.startswith(b"\xef\xbb\xbf"):
        return None, (Problem("the file starts with a byte order mark", f"{name}:1:1", "EF BB BF", "UTF-8 without BOM",
                              "save the file as plain UTF-8"),)
    try:
        return data.decode("utf-8"), ()
    except UnicodeDecodeError as error:
        before = data[:error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        return None, (Problem("not UTF-8", f"{name}:{line}:{column}", f"byte 0x{data[error.start]:02x}",
                              "UTF-8 text"),)


def forbidden(char: str) -> bool:
    """Whether a character may never occur in a SIF: controls, format characters (bidi), odd line ends."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def lex(text: str, name: str) -> Tuple[Tuple[Section, ...], Tuple[Problem, ...]]:
    """Split a text into sections; ``name`` is the file name that problems show."""
    return _Lexer(name).run(text)


class _Lexer:
    """Collects sections and problems line by line."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.problems: List[Problem] = []
        self.sections: List[Section] = []
        self.header: Optional[Section] = None
        self.entries: List[Entry] = []
        self.orphan = False
        self.seen_sections: Set[Tuple[str, str]] = set()
        self.seen_keys: Set[str] = set()

    def run(self, text: str) -> Tuple[Tuple[Section, ...], Tuple[Problem, ...]]:
        for number, line in enumerate(text.split("\n"), 1):
            try:
                self._line(line, number)
            except _Refused as error:
                self._problem(number, error)
            if len(self.seen_sections) > MAX_SECTIONS:
                self._problem(number, _Refused(1, "too many sections", wanted=f"at most {MAX_SECTIONS} sections"))
                break
            if len(self.problems) >= MAX_PROBLEMS:
                self._problem(number, _Refused(1, "too many problems; the rest was not read"))
                break
        self._close()
        return tuple(self.sections), tuple(self.problems)

    def _problem(self, line: int, error: _Refused) -> None:
        self.problems.append(Problem(error.what, f"{self.name}:{line}:{error.column}", error.found, error.wanted,
                                     error.hint))

    def _line(self, line: str, number: int) -> None:
        if line.lstrip(" ").startswith("["):
            self._close()
            self.orphan = True  # a header that is refused still swallows its entries, so that they raise no echo
        _check_line(line)
        start = len(line) - len(line.lstrip(" "))
        body = line[start:]
        if not body or body[0] == ";":
            return
        if body[0] == "[":
            self._open(line, start, number)
            return
        self._entry(line, start, number)

    def _open(self, line: str, start: int, number: int) -> None:
        kind, ident = _header(line, start)
        if (kind, ident.lower()) in self.seen_sections:
            raise _Refused(start + 1, f"[{(kind + ' ' + ident).strip()}] is there twice",
                           hint="ids are compared without regard to case; rename or remove one")
        self.seen_sections.add((kind, ident.lower()))
        self.header = Section(kind, ident, number, start + 1, ())
        self.orphan = False

    def _close(self) -> None:
        if self.header is not None:
            self.sections.append(Section(self.header.kind, self.header.ident, self.header.line, self.header.column,
                                         tuple(self.entries)))
        self.header, self.entries, self.seen_keys = None, [], set()

    def _entry(self, line: str, start: int, number: int) -> None:
        if self.header is None and not self.orphan:
            self.orphan = True
            raise _Refused(start + 1, "text before the first section", line[start:], "[VERSION]")
        entry = _key_value(line, start, number)
        if entry.key in self.seen_keys:
            raise _Refused(start + 1, f"key {entry.key} is there twice in this section", hint="keep one of them")
        self.seen_keys.add(entry.key)
        self.entries.append(entry)


def _check_line(line: str) -> None:
    size = len(line.encode("utf-8", "surrogatepass"))
    if size > MAX_LINE_BYTES:
        raise _Refused(1, "the line is too long", f"{size} bytes", f"at most {MAX_LINE_BYTES} bytes")
    if line.isascii() and line.isprintable():
        return
    for column, char in enumerate(line, 1):
        if not forbidden(char):
            continue
        title = unicodedata.name(char, "control character")
        hint = {"\t": "use spaces", "\r": "use LF line ends, not CR LF"}.get(char)
        raise _Refused(column, "a character that is not allowed", f"U+{ord(char):04X} {title}",
                       "printable text; \\n and \\t inside quotes", hint)


def _header(line: str, start: int) -> Tuple[str, str]:
    """Kind and id of a header line."""
    at = start + 1
    kind = KIND.match(line, at)
    if kind is None:
        raise _Refused(at + 1, "not a section kind", line[at:at + 40], "upper-case ASCII letters, as in [DISK d0]")
    at = kind.end()
    ident = ""
    if line[at:at + 1] == " ":
        found = IDENT.match(line, at + 1)
        if found is None:
            raise _Refused(at + 2, "not an id", line[at + 1:at + 41],
                           "up to 128 of A-Z a-z 0-9 _ . + -, the first one a letter or digit, after one space")
        ident, at = found.group(), found.end()
    if line[at:at + 1] != "]":
        raise _Refused(at + 1, "the section header does not end here", line[at:at + 40] or "end of line",
                       "]", "a header is [KIND] or [KIND id], in ASCII")
    _end_of_line(line, at + 1)
    return kind.group(), ident


def _end_of_line(line: str, at: int) -> None:
    rest = line[at:]
    comment = rest.lstrip(" ")
    if comment and (comment[0] != ";" or comment == rest):
        raise _Refused(at + 1 + len(rest) - len(comment), "text after the end", comment[:40],
                       "the end of the line, or a space and a ; comment")


def _key_value(line: str, start: int, number: int) -> Entry:
    key = KEY.match(line, start)
    if key is None:
        raise _Refused(start + 1, "not a key", line[start:start + 40], "lower-case ASCII letters, digits and _")
    at = _skip(line, key.end())
    if line[at:at + 1] != "=":
        raise _Refused(at + 1, f"no = after {key.group()}", line[at:at + 40] or "end of line", "=",
                       "keys are lower-case ASCII; values with spaces are quoted")
    at = _skip(line, at + 1)
    value_column = at + 1
    is_list = line[at:at + 1] == "["
    if is_list:
        atoms, at = _list(line, at)
    else:
        atom, at = _atom(line, at)
        atoms = (atom,)
    _end_of_line(line, at)
    return Entry(key.group(), atoms, is_list, number, start + 1, value_column, at + 1)


def quoted(text: str) -> str:
    """The text as a quoted string, with the escapes it needs."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'


def value_text(atoms: Tuple[Atom, ...], is_list: bool) -> str:
    """The canonical text of a value whose type nobody knows: each atom quoted or bare, as it was."""
    texts = [quoted(atom.text) if atom.quoted else atom.text for atom in atoms]
    return "[" + ", ".join(texts) + "]" if is_list else texts[0]


def _skip(line: str, at: int) -> int:
    while line[at:at + 1] == " ":
        at += 1
    return at


def _list(line: str, at: int) -> Tuple[Tuple[Atom, ...], int]:
    atoms: List[Atom] = []
    at = _skip(line, at + 1)
    while line[at:at + 1] != "]":
        if atoms:
            if line[at:at + 1] != ",":
                raise _Refused(at + 1, "the list does not go on here", line[at:at + 40] or "end of line", ", or ]",
                               "a list is written on one line")
            at = _skip(line, at + 1)
        atom, at = _atom(line, at)
        atoms.append(atom)
        at = _skip(line, at)
    return tuple(atoms), at + 1


def _atom(line: str, at: int) -> Tuple[Atom, int]:
    if line[at:at + 1] == '"':
        return _quoted(line, at)
    bare = BARE.match(line, at)
    if bare is None:
        found = line[at:at + 40]
        raise _Refused(at + 1, "no value here", found if found and found[0] != ";" else "nothing",
                       'a bare token, a "quoted string" or a [list]')
    return Atom(bare.group(), False, at + 1), bare.end()


def _quoted(line: str, start: int) -> Tuple[Atom, int]:
    pieces: List[str] = []
    at = start + 1
    while at < len(line):
        plain = _PLAIN.match(line, at)
        if plain is not None:
            pieces.append(plain.group())
            at = plain.end()
        elif line[at] == '"':
            return Atom("".join(pieces), True, start + 1), at + 1
        else:
            escape = line[at + 1:at + 2]
            if escape not in ESCAPES or not escape:
                raise _Refused(at + 1, "an escape that does not exist", line[at:at + 2],
                               'one of \\\\ \\" \\n \\t', "write a backslash as \\\\")
            pieces.append(ESCAPES[escape])
            at += 2
    raise _Refused(start + 1, "the quoted string does not end on this line", line[start:start + 40], 'a closing "')
