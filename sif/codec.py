"""Values between text and typed fields, driven by the schema that :mod:`sif.model` declares with ``key()``."""

from __future__ import annotations

import builtins
import functools
import sys
from enum import Enum
from functools import cache
from typing import Any, Dict, Iterator, Mapping, Optional, Tuple, Type

from sif import model
from sif.errors import Exit, LifeboatError
from sif.keys import Form, KeyInfo
from sif.later import regex
from sif.plain import MISSING, Field, dataclass, fields
from sif.text import BARE, IDENT, Atom, Entry, forbidden, quoted

NOT_SHOWN = "something else (not shown: it could be a secret)"

MAX_INT = 2 ** 64 - 1

_ANNOTATION = regex(r"(?P<one>\w+)|Optional\[(?P<optional>\w+)\]|Tuple\[(?P<many>\w+), \.\.\.\]")
_DECIMAL = regex(r"0|[1-9][0-9]{0,19}")
_HEX = regex(r"0x[0-9A-Fa-f]{1,16}")
_UUID = regex(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_SECRET = regex(r"secret:" + IDENT.pattern)
_TIME = regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


class BadValue(Exception):
    """A value that does not fit its key; the reader turns it into a problem with a position."""

    def __init__(self, what: str, atom: Optional[Atom] = None, wanted: Optional[str] = None,
                 hint: Optional[str] = None) -> None:
        super().__init__(what)
        self.what, self.atom, self.wanted, self.hint = what, atom, wanted, hint


class Unwritable(LifeboatError):
    """A value in memory that the format cannot express."""

    code = Exit.SIF_INVALID


@dataclass(frozen=True)
class KeySchema:
    """One key: name, metadata, element type, and whether it is a list and may be absent."""

    name: str
    info: KeyInfo
    base: Any
    many: bool
    required: bool
    default: Any

    @property
    def is_ref(self) -> bool:
        return self.base is model.Ref

    @functools.cached_property
    def element(self) -> str:
        """The type of a value, or of each in a list, in the words of the specification."""
        return _element_name(self)


@dataclass(frozen=True)
class KindSchema:
    """One kind of section: its record class and keys, in canonical order."""

    kind: str
    record: Type[Any]
    has_id: bool
    keys: Tuple[KeySchema, ...]

    def key(self, name: str) -> Optional[KeySchema]:
        """The key of that name, or None."""
        return next((key for key in self.keys if key.name == name), None)


def schema_of(record: Type[Any]) -> KindSchema:
    """The schema of a record class."""
    return schemas()[record.KIND]


def _kind_schema(record: Type[Any]) -> KindSchema:
    keys = tuple(_key_schema(record, field) for field in fields(record) if "sif" in field.metadata)
    return KindSchema(record.KIND, record, not getattr(record, "ID_LESS", False), keys)


class _Schemas(Mapping[str, KindSchema]):
    """Made one by one, when they are asked for: a set uses few of the kinds, and to make all takes its time."""

    def __init__(self) -> None:
        self._records = {record.KIND: record for record in model.RECORDS}
        self._made: Dict[str, KindSchema] = {}

    def __getitem__(self, kind: str) -> KindSchema:
        if kind not in self._made:
            self._made[kind] = _kind_schema(self._records[kind])
        return self._made[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)


@cache
def schemas() -> Mapping[str, KindSchema]:
    """Every known kind's schema by name, in the canonical order of sections."""
    return _Schemas()


def schema_from(record: Type[Any]) -> KindSchema:
    """The schema of a class that is written like a record but is no part of a set."""
    return _kind_schema(record)


def _key_schema(record: Type[Any], field: Field) -> KeySchema:
    """From the annotation as it is written: ``typing.get_type_hints`` compiles each, which took longer than a capture.

    Raises TypeError for an annotation that a key can't have.
    """
    written = _ANNOTATION.fullmatch(field.annotation)
    if written is None:
        raise TypeError(f"{record.__name__}.{field.name}: {field.annotation} is no type of a key")
    name = written["one"] or written["optional"] or written["many"]
    base = getattr(sys.modules[record.__module__], name, None) or getattr(builtins, name)
    required = field.default is MISSING
    return KeySchema(field.name, field.metadata["sif"], base, bool(written["many"]), required,
                     None if required else field.default)


def type_name(key: KeySchema) -> str:
    """The key's type in the words of the specification."""
    name = key.element
    return f"list of {name}" if key.many else name


def _element_name(key: KeySchema) -> str:
    if key.is_ref:
        return "reference to " + " or ".join(key.info.refs)
    if key.base is bool:
        return "true or false"
    if key.base is int:
        return "hexadecimal integer (0x...)" if key.info.form is Form.HEX else "integer"
    if issubclass(key.base, Enum):
        return "one of " + ", ".join(str(member.value) for member in key.base)
    return {Form.BARE: "bare token", Form.UUID: "UUID", Form.TIME: "time (RFC 3339, UTC, seconds)",
            Form.SECRET: "name of a secret (`secret:NAME`)"}.get(
        key.info.form, "quoted string")


def from_entry(key: KeySchema, entry: Entry) -> Any:
    """The typed value of an entry; raises :class:`BadValue`."""
    if key.many != entry.is_list:
        raise BadValue(f"{key.name} {'must be a list' if key.many else 'is not a list'}", wanted=type_name(key),
                       hint=f"for example: {key.name} = {key.info.example}")
    if key.many:
        return tuple(_from_atom(key, atom) for atom in entry.atoms)
    return _from_atom(key, entry.atoms[0])


def _from_atom(key: KeySchema, atom: Atom) -> Any:
    wanted = key.element
    if key.info.form is Form.SECRET and (atom.quoted or not _SECRET.fullmatch(atom.text)):
        raise BadValue(f"{key.name} is not the name of a secret", atom, "secret:NAME, without quotes",
                       "a SIF never holds a secret itself; keep it with: sif secrets set NAME")
    if atom.quoted and not _may_be_quoted(key):
        raise BadValue(f"{key.name} is written without quotes", atom, wanted,
                       f"for example: {key.name} = {key.info.example}")
    if key.base is bool:
        if atom.text not in ("true", "false"):
            raise BadValue(f"{key.name} is not a truth value", atom, wanted)
        return atom.text == "true"
    if key.base is int:
        return _integer(key, atom, wanted)
    if key.is_ref:
        if not IDENT.fullmatch(atom.text):
            raise BadValue(f"{key.name} is not an id", atom, wanted)
        return model.Ref(atom.text)
    if issubclass(key.base, Enum):
        try:
            return key.base(atom.text)
        except ValueError:
            raise BadValue(f"{key.name} has an unknown value", atom, wanted) from None
    if key.info.form is Form.UUID:
        if not _UUID.fullmatch(atom.text):
            raise BadValue(f"{key.name} is not a UUID", atom, "8-4-4-4-12 hexadecimal digits")
        return atom.text.lower()
    if key.info.form is Form.TIME and not _is_time(atom.text):
        raise BadValue(f"{key.name} is not a time", atom, "YYYY-MM-DDTHH:MM:SSZ")
    if key.info.form is Form.BARE and not BARE.fullmatch(atom.text):
        raise BadValue(f"{key.name} is not a bare token", atom, 'printable ASCII without space " , ; [ ]')
    return atom.text


def _integer(key: KeySchema, atom: Atom, wanted: str) -> int:
    pattern, base = (_HEX, 16) if key.info.form is Form.HEX else (_DECIMAL, 10)
    if not pattern.fullmatch(atom.text):
        raise BadValue(f"{key.name} is not an integer", atom, wanted, "no sign, no leading zero, no unit")
    value = int(atom.text, base)
    if value > MAX_INT:
        raise BadValue(f"{key.name} is too large", atom, f"at most {MAX_INT}")
    return value


def _is_time(text: str) -> bool:
    if not _TIME.fullmatch(text):
        return False
    year, month, day = int(text[:4]), int(text[5:7]), int(text[8:10])
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return (year >= 1 and 1 <= month <= 12 and 1 <= day <= days[month - 1]
            and text[11:13] < "24" and text[14:16] < "60" and text[17:19] < "60")


def is_quoted(key: KeySchema) -> bool:
    """Whether the key's canonical form is a quoted string."""
    return key.base is str and key.info.form in (Form.AUTO, Form.QUOTED)


def _may_be_quoted(key: KeySchema) -> bool:
    """Strings are read with and without quotes; the canonical form follows the key's form."""
    return is_quoted(key) or (key.base is str and key.info.form is Form.BARE)


def section_text(record: Any) -> str:
    """The section's canonical text: header, then every key that differs from its default, in schema order."""
    schema = schema_of(type(record))
    header = schema.kind
    if schema.has_id:
        if not IDENT.fullmatch(record.id):
            raise Unwritable("an id that the format cannot express", where=f"[{schema.kind}]", found=repr(record.id))
        header = f"{schema.kind} {record.id}"
    lines = [f"[{header}]"]
    for key in schema.keys:
        value = getattr(record, key.name)
        if key.required or value != key.default:
            lines.append(f"{key.name} = {to_text(key, value, header)}")
    return "\n".join(lines) + "\n"


def to_text(key: KeySchema, value: Any, where: str) -> str:
    """The canonical text of a value; raises :class:`Unwritable` naming ``where``."""
    if key.many:
        return "[" + ", ".join(_element_text(key, element, where) for element in value) + "]"
    return _element_text(key, value, where)


def _element_text(key: KeySchema, value: Any, where: str) -> str:
    text = _raw_text(key, value)
    if is_quoted(key):
        written = quoted(text)
        fits = written.isprintable() or not any(forbidden(char) for char in written)
    else:
        written = text
        fits = bool(BARE.fullmatch(text))
    if not fits or not _reads_back(key, text, value):
        raise Unwritable(f"{key.name} has a value that the format cannot express", where=f"[{where}]",
                         found=NOT_SHOWN if key.info.form is Form.SECRET else repr(value), wanted=key.element)
    return written


def _raw_text(key: KeySchema, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, int):
        return f"0x{value:x}" if key.info.form is Form.HEX else str(value)
    return str(value)


def _reads_back(key: KeySchema, text: str, value: Any) -> bool:
    try:
        return bool(_from_atom(key, Atom(text, is_quoted(key), 1)) == value)
    except BadValue:
        return False
