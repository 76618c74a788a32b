"""Data classes without generated code: :mod:`dataclasses` for a program that starts often and lives for a second.

:func:`dataclasses.dataclass` writes and compiles six methods for every class when its module is loaded; for the classes
of a capture that took longer than the capture. The classes made here share theirs. They are frozen or not, compare,
hash and print as there, and :mod:`dataclasses` knows them: its ``fields``, ``replace`` and ``asdict`` work. What nobody
needs is left out: inherited fields, ``__post_init__``, options other than ``frozen``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, Mapping, Optional, Tuple

MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
"""The default of a field that has none."""


class Field:
    """One field of a data class: its name, its annotation as it was written, its default and its metadata."""

    __slots__ = ("name", "annotation", "default", "factory", "metadata")

    def __init__(self, default: Any = MISSING, factory: Optional[Callable[[], Any]] = None,
                 metadata: Optional[Mapping[str, Any]] = None) -> None:
        self.name = self.annotation = ""
        self.default, self.factory, self.metadata = default, factory, metadata or {}


def fields(cls: Any) -> Tuple[Field, ...]:
    """The fields of a class that was made here, in order."""
    return cls._plain_fields  # type: ignore[no-any-return]


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass, field as field, replace as replace
else:
    def dataclass(cls: Optional[type] = None, *, frozen: bool = False) -> Any:
        """Make a data class of a class with annotated fields, as :func:`dataclasses.dataclass`."""
        return _made(cls, frozen) if cls is not None else lambda decorated: _made(decorated, frozen)

    def field(*, default: Any = MISSING, default_factory: Optional[Callable[[], Any]] = None,
              metadata: Optional[Mapping[str, Any]] = None) -> Field:
        """As :func:`dataclasses.field`."""
        return Field(default, default_factory, metadata)

    def replace(record: Any, **changes: Any) -> Any:
        """As :func:`dataclasses.replace`."""
        return type(record)(**{**dict(zip(record._plain_names, _values(record))), **changes})


def _made(cls: Any, frozen: bool) -> Any:
    found = tuple(_field(cls, name, annotation) for name, annotation in cls.__dict__.get("__annotations__", {}).items()
                  if not annotation.startswith("ClassVar"))
    cls._plain_fields = found
    cls._plain_names = tuple(one.name for one in found)
    setattr(cls, "__match_args__", cls._plain_names)  # noqa: B010 - mypy knows it as final
    cls._plain_defaults = {one.name: one.default for one in found if one.default is not MISSING}
    cls._plain_factories = tuple((one.name, one.factory) for one in found if one.factory is not None)
    cls.__dataclass_fields__ = _StandardFields()
    cls.__dataclass_params__ = None
    cls.__init__, cls.__eq__ = _init, _eq
    if "__repr__" not in cls.__dict__:
        cls.__repr__ = _repr
    cls.__hash__ = _hash if frozen else None
    if frozen:
        cls.__setattr__, cls.__delattr__ = _no_setattr, _no_delattr
    return cls


def _field(cls: Any, name: str, annotation: str) -> Field:
    value = cls.__dict__.get(name, MISSING)
    one = value if isinstance(value, Field) else Field(value)
    one.name, one.annotation = name, annotation
    if one.default is not MISSING:
        setattr(cls, name, one.default)
    elif value is not MISSING:
        delattr(cls, name)
    return one


def _init(self: Any, *given: Any, **named: Any) -> None:
    cls = type(self)
    values: Dict[str, Any] = self.__dict__
    values.update(cls._plain_defaults)
    for name, factory in cls._plain_factories:
        if name not in named:
            values[name] = factory()
    names = cls._plain_names
    values.update(zip(names, given))
    values.update(named)
    if len(values) != len(names) or len(given) > len(names) or not named.keys().isdisjoint(names[:len(given)]):
        raise TypeError(_why(cls.__name__, names, values, given, named))


def _why(what: str, names: Tuple[str, ...], values: Mapping[str, Any], given: Tuple[Any, ...],
         named: Mapping[str, Any]) -> str:
    """What is wrong with a class's arguments."""
    if len(given) > len(names):
        return f"{what}() takes {len(names)} arguments, {len(given)} were given"
    unknown = [name for name in values if name not in names]
    if unknown:
        return f"{what}() got an unexpected argument: {', '.join(unknown)}"
    twice = [name for name in names[:len(given)] if name in named]
    if twice:
        return f"{what}() got an argument twice: {', '.join(twice)}"
    return f"{what}() misses an argument: {', '.join(name for name in names if name not in values)}"


def _values(self: Any) -> Tuple[Any, ...]:
    values = self.__dict__
    return tuple([values[name] for name in self._plain_names])


def _eq(self: Any, other: Any) -> Any:
    # Not the dictionaries: a cached property of one of the two lies in its own.
    return _values(self) == _values(other) if other.__class__ is self.__class__ else NotImplemented


def _hash(self: Any) -> int:
    return hash(_values(self))


def _repr(self: Any) -> str:
    shown = ", ".join(f"{name}={value!r}" for name, value in zip(self._plain_names, _values(self)))
    return f"{type(self).__qualname__}({shown})"


def _no_setattr(self: Any, name: str, value: Any) -> None:
    from dataclasses import FrozenInstanceError
    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _no_delattr(self: Any, name: str) -> None:
    from dataclasses import FrozenInstanceError
    raise FrozenInstanceError(f"cannot delete field {name!r}")


class _StandardFields:
    """What :mod:`dataclasses` looks for in a class; made when it does."""

    def __get__(self, _: Any, cls: Any) -> Any:
        import dataclasses
        twin = type(cls.__name__, (), {"__annotations__": {one.name: one.annotation for one in cls._plain_fields},
                                       "__module__": cls.__module__})
        for one in cls._plain_fields:
            if one.default is not MISSING:
                setattr(twin, one.name, dataclasses.field(default=one.default, metadata=one.metadata))
            elif one.factory is not None:
                setattr(twin, one.name, dataclasses.field(default_factory=one.factory, metadata=one.metadata))
            else:
                setattr(twin, one.name, dataclasses.field(metadata=one.metadata))
        cls.__dataclass_fields__ = getattr(dataclasses.dataclass(twin), "__dataclass_fields__")  # noqa: B009
        return cls.__dataclass_fields__
