"""One text to typed records: which kinds and keys exist, what is required, what this version cannot do."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Tuple

from sif.codec import NOT_SHOWN, BadValue, KeySchema, KindSchema, from_entry, schemas
from sif.errors import Exit
from sif.features import FEATURES
from sif.foreign import VENDOR_PREFIX, Foreign, foreign_entries
from sif.keys import Form
from sif.later import regex
from sif.model import Record, Version
from sif.plain import dataclass, replace
from sif.problems import Problem, Subject, position
from sif.text import MAX_PROBLEMS, Atom, Entry, Section, lex

SIGNATURE = "$SIF$"
MAJOR, MINOR = 2, 0

FRAGMENT_KINDS = ("DRIVER", "FILE", "STORE", "COMMAND")
"""What a provider's fragment may hold."""

_FORMAT = regex(r"([1-9][0-9]{0,3})\.(0|[1-9][0-9]{0,3})")
_BEGIN = regex(r" *([A-Za-z0-9_]{1,64})")
SEQUENCE = regex(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True)
class Document:
    """A parsed text: its records in order of appearance, what is wrong, where every value stands, and what it holds
    that this version has no meaning for."""

    records: Tuple[Record, ...]
    problems: Tuple[Problem, ...]
    places: Mapping[Subject, str]
    foreign: Tuple[Foreign, ...] = ()

    @property
    def version(self) -> Optional[Version]:
        """The VERSION section, if there is a valid one."""
        return next((record for record in self.records if isinstance(record, Version)), None)


def parse_text(text: str, name: str) -> Tuple[Tuple[Record, ...], Tuple[Problem, ...]]:
    """The records of one part of a set, and everything that is wrong with it; ``name`` is shown in problems."""
    document = parse_document(text, name)
    return document.records, document.problems


def parse_document(text: str, name: str, *, fragment: bool = False) -> Document:
    """Parse one part of a set, or (``fragment``) a provider's file that has no VERSION."""
    sections, problems = lex(text, name)
    parser = _Parser(name, fragment, _refused_keys(problems, text))
    parser.problems.extend(_discreet(problems, text))
    if not fragment and not parser.version(sections):
        parser.problems.sort(key=position)
        refused = [problem for problem in parser.problems if problem.code is Exit.SIF_UNSUPPORTED]
        return Document((), tuple(refused or parser.problems), {})
    for section, behind in zip(sections, (*sections[1:], None)):
        parser.section(section, behind.line if behind else text.count("\n") + 2)
        if len(parser.problems) > MAX_PROBLEMS:
            break  # one section more than were lexed: the last problem says that the rest was not read
    parser.problems.sort(key=position)
    return Document(tuple(parser.records), _bounded(parser.problems), parser.places, tuple(parser.foreign))


def _bounded(problems: List[Problem]) -> Tuple[Problem, ...]:
    if len(problems) <= MAX_PROBLEMS:
        return tuple(problems)
    last = problems[MAX_PROBLEMS - 1]
    return (*problems[:MAX_PROBLEMS], Problem("too many problems; the rest is not shown", last.where))


def _discreet(problems: Tuple[Problem, ...], text: str) -> Iterator[Problem]:
    """The problems of the text layer, without what was found in lines that could hold a secret."""
    if not problems:
        return
    keys = {key.name for schema in schemas().values() for key in schema.keys if key.info.form is Form.SECRET}
    secret = re.compile(r" *(?:" + "|".join(sorted(keys)) + r")\b", re.IGNORECASE)
    lines = text.split("\n")
    for problem in problems:
        hidden = problem.found and secret.match(lines[position(problem)[0] - 1])
        yield replace(problem, found=NOT_SHOWN) if hidden else problem


def _refused_keys(problems: Tuple[Problem, ...], text: str) -> Dict[int, str]:
    """Line → the key that seems to begin there, of lines that were refused: that key is wrong, not missing too."""
    lines = text.split("\n")
    numbers = (position(problem)[0] for problem in problems)
    return {number: match.group(1).lower() for number in numbers if (match := _BEGIN.match(lines[number - 1]))}


class _Parser:
    """Collects records, problems and places section by section."""

    def __init__(self, name: str, fragment: bool, refused: Mapping[int, str]) -> None:
        self.name = name
        self.fragment = fragment
        self.refused = refused
        self.newer = False
        self.problems: List[Problem] = []
        self.records: List[Record] = []
        self.foreign: List[Foreign] = []
        self.places: Dict[Subject, str] = {}

    def _at(self, line: int, column: int) -> str:
        return f"{self.name}:{line}:{column}"

    def _add(self, line: int, column: int, what: str, **more: Any) -> None:
        self.problems.append(Problem(what, self._at(line, column), **more))

    def version(self, sections: Tuple[Section, ...]) -> bool:
        """Look at the signature and the format before anything else; False when the rest must not be read."""
        if not sections or sections[0].kind != "VERSION":
            line = sections[0].line if sections else 1
            self._add(line, 1, "a SIF begins with [VERSION]",
                      found=f"[{sections[0].kind}]" if sections else "no section at all", wanted="[VERSION]",
                      hint="is this a System Information File?")
            return False
        entries = {entry.key: entry for entry in sections[0].entries}
        return self._signature(sections[0], entries.get("signature")) and self._format(entries.get("format"))

    def _signature(self, section: Section, entry: Optional[Entry]) -> bool:
        if entry is None:
            self._add(section.line, section.column, "no signature key in [VERSION]",
                      wanted=f'signature = "{SIGNATURE}"')
            return False
        if entry.is_list or entry.atoms[0].text != SIGNATURE:
            self._add(entry.line, entry.value_column, "not the signature of a SIF", wanted=f'"{SIGNATURE}"',
                      found=entry.atoms[0].text if entry.atoms else "[]")
            return False
        return True

    def _format(self, entry: Optional[Entry]) -> bool:
        if entry is None or entry.is_list:
            return True  # reported as a missing key or a wrong type with everything else
        match = _FORMAT.fullmatch(entry.atoms[0].text)
        if match is None:
            self._add(entry.line, entry.value_column, "not a format version", found=entry.atoms[0].text,
                      wanted="major.minor, as in 2.0")
            return True
        if int(match.group(1)) != MAJOR:
            self._add(entry.line, entry.value_column, "a format this version does not know", found=match.group(),
                      wanted=f"{MAJOR}.x", hint="use a rescue system that knows this format",
                      code=Exit.SIF_UNSUPPORTED)
            return False
        self.newer = int(match.group(2)) > MINOR
        return True

    def section(self, section: Section, end: int) -> None:
        """Turn a section into a record, or say why not; ``end`` is the line behind it."""
        if section.kind.startswith(VENDOR_PREFIX):
            self._vendor(section)
            return
        schema = schemas().get(section.kind)
        if schema is None:
            self._unknown_kind(section)
        elif self.fragment and section.kind not in FRAGMENT_KINDS:
            self._add(section.line, section.column, f"[{section.kind}] cannot be in a provider's fragment",
                      wanted=" or ".join(f"[{kind} id]" for kind in FRAGMENT_KINDS))
        elif self._header(section, schema):
            self._record(section, schema, end)

    def _vendor(self, section: Section) -> None:
        """Keep a vendor's own section: its syntax was checked, its meaning is not ours, and it never touches disks."""
        if "." not in section.kind or not section.ident:
            self._add(section.line, section.column, f"[{section.kind}{' ' * bool(section.ident)}{section.ident}] is no "
                      "vendor's section", wanted="[X-VENDOR.KIND id]")
            return
        self._keep(section)

    def _keep(self, section: Section) -> None:
        self.places[(section.kind, section.ident, "")] = self._at(section.line, section.column)
        self.foreign.append(Foreign(section.kind, section.ident, foreign_entries(section.entries)))

    def _unknown_kind(self, section: Section) -> None:
        if self.newer:
            self._keep(section)
        close = close_to(section.kind, schemas())
        self._add(section.line, section.column, f"no such kind of section: {section.kind}", warning=self.newer,
                  hint=f"did you mean [{close[0]}]?" if close else "a vendor's own section is [X-VENDOR.KIND id]")

    def _header(self, section: Section, schema: KindSchema) -> bool:
        if schema.has_id == bool(section.ident):
            if section.kind != "COMMAND" or SEQUENCE.fullmatch(section.ident):
                return True
            self._add(section.line, section.column, "a command's id is its sequence number", found=section.ident,
                      wanted="1 to 999999, without leading zeros")
            return False
        if schema.has_id:
            self._add(section.line, section.column, f"[{section.kind}] needs an id", wanted=f"[{section.kind} id]")
        else:
            self._add(section.line, section.column, f"[{section.kind}] has no id", found=section.ident,
                      wanted=f"[{section.kind}]")
        return False

    def _record(self, section: Section, schema: KindSchema, end: int) -> None:
        self.places[(section.kind, section.ident, "")] = self._at(section.line, section.column)
        before = len(self.problems)
        values: Dict[str, Any] = {"id": section.ident} if schema.has_id else {}
        for entry in section.entries:
            self.places[(section.kind, section.ident, entry.key)] = self._at(entry.line, entry.value_column)
            self._value(schema, entry, values)
        given = {entry.key for entry in section.entries}
        given.update(key for line, key in self.refused.items() if section.line < line < end)
        for key in schema.keys:
            if key.required and key.name not in given:
                self._add(section.line, section.column, f"key {key.name} is missing in [{section.kind}"
                          f"{' ' + section.ident if section.ident else ''}]",
                          wanted=f"{key.name} = {key.info.example}", hint=key.info.doc)
        unknown = [entry for entry in section.entries if schema.key(entry.key) is None]
        if unknown and self.newer:
            self.foreign.append(Foreign(section.kind, section.ident, foreign_entries(unknown), whole=False))
        if all(problem.warning for problem in self.problems[before:]) and all(
                key.name in values for key in schema.keys if key.required):
            self.records.append(schema.record(**values))

    def _value(self, schema: KindSchema, entry: Entry, values: Dict[str, Any]) -> None:
        key = schema.key(entry.key)
        if key is None:
            close = close_to(entry.key, [known.name for known in schema.keys])
            self._add(entry.line, entry.column, f"[{schema.kind}] has no key {entry.key}", warning=self.newer,
                      hint=f"did you mean {close[0]}?" if close else None)
            return
        try:
            values[key.name] = from_entry(key, entry)
        except BadValue as error:
            column = error.atom.column if error.atom else entry.value_column
            self._add(entry.line, column, error.what, found=_shown(key, entry, error.atom), wanted=error.wanted,
                      hint=error.hint)
            return
        if schema.kind == "VERSION" and key.name == "requires":
            self._requires(entry)

    def _requires(self, entry: Entry) -> None:
        for atom in entry.atoms:
            if atom.text not in FEATURES:
                self._add(entry.line, atom.column, f"the set requires a feature this version does not know: "
                          f"{atom.text}", wanted="only " + ", ".join(sorted(FEATURES)), code=Exit.SIF_UNSUPPORTED,
                          hint="use a rescue system that knows it")


def _shown(key: KeySchema, entry: Entry, atom: Optional[Atom]) -> str:
    if key.info.form is Form.SECRET:
        return NOT_SHOWN
    if atom is None:
        return "a list" if entry.is_list else "a single value"
    return f'"{atom.text}"' if atom.quoted else atom.text


def close_to(word: str, known: Iterable[str]) -> Sequence[str]:
    """The known word that was probably meant, or nothing."""
    import difflib  # for mistakes only
    return difflib.get_close_matches(word, tuple(known), 1)
