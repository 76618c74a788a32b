"""Plans and hardware as JSON and back: generic over frozen dataclasses, strict about every key and type."""

from __future__ import annotations

import dataclasses
import json
import typing
from enum import Enum
from typing import Any, Optional, Type, TypeVar, Union, cast

from rescue.hardware import Hardware
from rescue.plan import RestorePlan
from sif.errors import UsageError

T = TypeVar("T")
_SCALARS = (str, int, float, bool)


class NotDecodable(UsageError):
    """The JSON is not what it should be; ``where`` is the path inside the document."""


def encode(value: Any) -> Any:
    """A dataclass (or what its fields may hold) as plain JSON values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [encode(item) for item in value]
    return value


def decode(kind: Type[T], data: Any, where: str = "$") -> T:
    """Plain JSON values as a dataclass. Raises :class:`NotDecodable` for unknown or missing keys and wrong types."""
    return cast(T, _decode(kind, data, where))


def _decode(kind: Any, data: Any, where: str) -> Any:
    origin = typing.get_origin(kind)
    if origin is Union:
        return _decode_optional(kind, data, where)
    if origin is tuple:
        return _decode_tuple(kind, data, where)
    if isinstance(kind, typing.NewType):
        return _decode(kind.__supertype__, data, where)
    if dataclasses.is_dataclass(kind):
        return _decode_dataclass(kind, data, where)
    if isinstance(kind, type) and issubclass(kind, Enum):
        try:
            return kind(data)
        except ValueError as error:
            raise NotDecodable("unknown value", where=where, found=repr(data),
                               wanted=", ".join(repr(member.value) for member in kind)) from error
    if kind in _SCALARS and type(data) is kind:
        return data
    raise NotDecodable("value of the wrong type", where=where, found=repr(data)[:200],
                       wanted=getattr(kind, "__name__", str(kind)))


def _decode_optional(kind: Any, data: Any, where: str) -> Any:
    choices = typing.get_args(kind)
    if data is None and type(None) in choices:
        return None
    (only,) = (choice for choice in choices if choice is not type(None))
    return _decode(only, data, where)


def _decode_tuple(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, list):
        raise NotDecodable("value of the wrong type", where=where, found=repr(data)[:200], wanted="a list")
    args = typing.get_args(kind)
    if len(args) == 2 and args[1] is Ellipsis:
        return tuple(_decode(args[0], item, f"{where}[{i}]") for i, item in enumerate(data))
    if len(args) != len(data):
        raise NotDecodable("list of the wrong length", where=where, found=str(len(data)), wanted=str(len(args)))
    return tuple(_decode(arg, item, f"{where}[{i}]") for i, (arg, item) in enumerate(zip(args, data)))


def _decode_dataclass(kind: Any, data: Any, where: str) -> Any:
    if not isinstance(data, dict):
        raise NotDecodable("value of the wrong type", where=where, found=repr(data)[:200], wanted="an object")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    required = {name for name, field in fields.items() if field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING}
    unknown, missing = sorted(set(data) - set(fields)), sorted(required - set(data))
    if unknown or missing:
        raise NotDecodable(f"{kind.__name__} has the wrong keys", where=where,
                           found="unknown: " + ", ".join(unknown) if unknown else None,
                           wanted="also: " + ", ".join(missing) if missing else None)
    hints = typing.get_type_hints(kind)
    return kind(**{name: _decode(hints[name], data[name], f"{where}.{name}") for name in fields if name in data})


def _load(text: str, where: Optional[str]) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise NotDecodable("this is not JSON", where=where, found=str(error)) from error


def dump_plan(plan: RestorePlan) -> str:
    """The plan as JSON text, the same bytes for the same plan."""
    return json.dumps(encode(plan), indent=2, ensure_ascii=True) + "\n"


def load_plan(text: str) -> RestorePlan:
    """The plan of :func:`dump_plan`."""
    return decode(RestorePlan, _load(text, None))


def dump_hardware(hardware: Hardware) -> str:
    """The present machine as JSON text."""
    return json.dumps(encode(hardware), indent=2, ensure_ascii=True) + "\n"


def load_hardware(text: str) -> Hardware:
    """The present machine of :func:`dump_hardware`."""
    return decode(Hardware, _load(text, None))
