"""Data classes without generated code behave as those of the standard library."""

from __future__ import annotations

import copy
import dataclasses
import functools
import pickle
from typing import Any, ClassVar, List, Tuple

import pytest

from sif import plain
from sif.keys import key


def made(library: Any) -> Tuple[Any, Any]:
    """The same two classes by each library: a frozen one, and one that can change."""
    @library.dataclass(frozen=True)
    class Point:
        """A place."""

        KIND: ClassVar[str] = "POINT"

        x: int
        y: int = 2
        names: Tuple[str, ...] = ()

        @functools.cached_property
        def sum(self) -> int:
            return self.x + self.y

    @library.dataclass
    class Basket:
        owner: str
        things: List[str] = library.field(default_factory=list)

    return Point, Basket


BOTH = pytest.mark.parametrize("library", [plain, dataclasses])


@plain.dataclass(frozen=True)
class Known:
    """At the top of a module, where pickle finds it."""

    id: str
    size: int = key("size", unit="bytes", example="1", default=4)


@BOTH
def test_fields_are_set_by_place_by_name_and_by_default(library: Any) -> None:
    point, basket = made(library)
    one = point(1, names=("a",))
    assert (one.x, one.y, one.names, one.sum, one.KIND, point.y) == (1, 2, ("a",), 3, "POINT", 2)
    first, second = basket("me"), basket(owner="me", things=["b"])
    first.things.append("a")
    assert (first.things, second.things, basket("me").things) == (["a"], ["b"], [])


@BOTH
@pytest.mark.parametrize(("given", "named"), [
    ((), {}), ((1, 2, (), 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1}), ((), {"y": 1}), ((), {"x": 1, "z": 1})])
def test_wrong_arguments_are_refused(library: Any, given: Tuple[Any, ...], named: Any) -> None:
    with pytest.raises(TypeError):
        made(library)[0](*given, **named)


@BOTH
def test_equal_records_are_equal_and_have_one_hash(library: Any) -> None:
    point, basket = made(library)
    one = point(1)
    assert one.sum == 3  # what a property remembers is no field
    assert one == point(1, 2) and hash(point(1)) == hash(point(1, 2)) and len({point(1), point(1, 2)}) == 1
    assert point(1) != point(2) and point(1) != (1, 2, ()) and point(1) != basket("a")
    with pytest.raises(TypeError):
        hash(basket("a"))


@BOTH
def test_a_frozen_record_does_not_change(library: Any) -> None:
    point, basket = made(library)
    one, other = point(1), basket("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.x = 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        del one.x
    other.owner = "b"
    assert (one.x, other.owner) == (1, "b")


@BOTH
def test_a_record_is_shown_copied_and_replaced(library: Any) -> None:
    point, _ = made(library)
    one = point(1, names=("a",))
    assert repr(one).endswith("Point(x=1, y=2, names=('a',))")
    assert library.replace(one, y=5) == point(1, 5, ("a",)) == copy.copy(point(1, 5, ("a",)))
    with pytest.raises(TypeError):
        library.replace(one, z=5)


def test_the_standard_library_knows_them() -> None:
    point, basket = made(plain)
    one: Any = point(1, names=("a",))
    assert dataclasses.asdict(one) == {"x": 1, "y": 2, "names": ("a",)}
    assert dataclasses.replace(one, x=3) == point(3, names=("a",))
    assert [field.name for field in dataclasses.fields(basket)] == ["owner", "things"]
    assert dataclasses.fields(Known)[1].metadata["sif"].unit == plain.fields(Known)[1].metadata["sif"].unit == "bytes"
    assert pickle.loads(pickle.dumps(Known("a"))) == Known("a", 4)  # noqa: S301 - our own bytes
