"""A provider's JSON sections as records of the schema, checked like a fragment written by hand."""

from __future__ import annotations

from typing import Any, List, Mapping, Sequence, Tuple

from sif.codec import BadValue, KeySchema, from_entry, schemas
from sif.keys import Form
from sif.merge import duplicates
from sif.model import Record
from sif.parse import FRAGMENT_KINDS, SEQUENCE
from sif.problems import Problem, errors_of, rejection
from sif.provider.protocol import RawSection, shown
from sif.text import IDENT, Atom, Entry, forbidden


def records_of(provider: str, sections: Sequence[RawSection]) -> Tuple[Record, ...]:
    """The records of a restore entry. Raises SifRejected with everything that is wrong, by section and key."""
    problems: List[Problem] = []
    records: List[Record] = []
    for section in sections:
        before = len(problems)
        values = _values(provider, section, problems)
        if len(problems) == before:
            records.append(schemas()[section.kind].record(**values))
    problems.extend(duplicates(records))
    if errors_of(problems):
        raise rejection(f"provider {provider}", problems)
    return tuple(records)


def _values(provider: str, section: RawSection, problems: List[Problem]) -> Mapping[str, Any]:
    where = f"provider {provider}: [{shown(section.kind)} {shown(section.id)}]"
    if section.kind not in FRAGMENT_KINDS:
        problems.append(Problem("not a kind of section that a provider may give", where,
                                wanted=", ".join(FRAGMENT_KINDS)))
        return {}
    if not IDENT.fullmatch(section.id) or (section.kind == "COMMAND" and not SEQUENCE.fullmatch(section.id)):
        problems.append(Problem("not an id", where, found=shown(section.id),
                                wanted="letters, digits and _.+-; a number for COMMAND"))
    schema = schemas()[section.kind]
    values = {"id": section.id}
    for name, value in section.keys.items():
        key = schema.key(name)
        if key is None:
            problems.append(Problem(f"[{section.kind}] has no key {shown(name)}", where))
            continue
        try:
            values[name] = from_entry(key, _entry(key, name, value))
        except BadValue as error:
            problems.append(Problem(error.what, f"{where} {name}", found=_discreet(key, value), wanted=error.wanted,
                                    hint=error.hint))
    for key in schema.keys:
        if key.required and key.name not in section.keys:
            problems.append(Problem(f"key {key.name} is missing", where, wanted=f"{key.name} = {key.info.example}",
                                    hint=key.info.doc))
    return values


def _discreet(key: KeySchema, value: Any) -> str:
    return "something else (not shown: it could be a secret)" if key.info.form is Form.SECRET else shown(value)


def _entry(key: KeySchema, name: str, value: Any) -> Entry:
    """A JSON value as the text layer would hand it over."""
    items = value if isinstance(value, list) else [value]
    return Entry(name, tuple(_atom(key, item) for item in items), isinstance(value, list), 1, 1, 1, 1)


def _atom(key: KeySchema, value: Any) -> Atom:
    if isinstance(value, bool):
        return Atom("true" if value else "false", False, 1)
    if isinstance(value, int):
        return Atom(hex(value) if key.info.form is Form.HEX and value >= 0 else str(value), False, 1)
    if not isinstance(value, str):
        raise BadValue(f"{key.name} is neither text nor a number nor a truth value")
    if any(forbidden(char) for char in value if char not in "\n\t"):
        raise BadValue(f"{key.name} has control or format characters in it")
    return Atom(value, False, 1)
