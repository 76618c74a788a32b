"""Whatever stands at a key of a recorded machine: the checks and the planner answer, and never fail themselves.

Each key of each kind of section (by kind of table, array, volume or file system too) gets values that its type allows
and that make no sense. Either the checks refuse the set, or it can be planned with.
"""

from __future__ import annotations

from enum import Enum
from functools import cache
from typing import Any, Dict, Iterator, List, Sequence, Set, Tuple

import pytest
from hostile_table import BASE
from machine_capture import names, replayed
from test_recorded_machines import planned_on_itself

from rescue.storage import mkfs
from sif.check import check
from sif.codec import KeySchema, schema_of
from sif.errors import LifeboatError
from sif.model import SystemInformation
from sif.plain import replace
from sif.problems import errors_of
from sif.reader import load_set

TEXTS = ("x", "0", "-1", "a=b", "1:2", "99999999999999999999", "a:b:c:d")
NUMBERS = (0, 1, 7, 4096, (1 << 63) - 1, (1 << 64) - 1)
LISTS = ("disks", "partitions", "arrays", "cachesets", "bcaches", "luks", "pvs", "vgs", "lvs", "btrfs", "subvolumes",
         "filesystems", "swaps", "mounts", "omitted", "nics", "devices", "stores", "commands", "catalogs")
SINGLE = ("system", "policy", "boot", "secrets")


@cache
def machines() -> Tuple[SystemInformation, ...]:
    """All that can be captured, and one with a network."""
    outcomes = (replayed(name) for name in names())
    return (load_set(BASE).info, *(outcome.captured.info for outcome in outcomes if outcome.captured is not None))


def sort_of(record: Any) -> Tuple[object, ...]:
    """What a record's kind has sorts of: equal ones are tried once."""
    return tuple(getattr(record, key, None) for key in ("type", "level", "table"))


def values(key: KeySchema, present: Any) -> Iterator[Any]:
    """What a reader could find there instead."""
    candidates: Sequence[Any] = TEXTS
    if isinstance(key.base, type) and issubclass(key.base, Enum):
        candidates = tuple(key.base)
    elif key.base is bool:
        candidates = (True, False)
    elif key.base is int:
        candidates = NUMBERS
    if isinstance(present, tuple):
        yield ()
        for value in candidates:
            yield from ((value,), (*present, value))
        return
    yield from candidates
    if not key.required and key.default is None:
        yield None


def changed(field: str) -> Iterator[Tuple[str, SystemInformation]]:
    """Every machine with another value, one at a time, and what was changed."""
    seen: Set[Tuple[object, ...]] = set()
    for info in machines():
        found = getattr(info, field)
        records: Tuple[Any, ...] = found if field in LISTS else () if found is None else (found,)
        for at, record in enumerate(records):
            for key in schema_of(type(record)).keys:
                if (sort_of(record), key.name) in seen:
                    continue
                seen.add((sort_of(record), key.name))
                for value in values(key, getattr(record, key.name)):
                    other = replace(record, **{key.name: value})
                    more: Any = tuple(other if place == at else one for place, one in enumerate(records))
                    yield f"{field} {getattr(record, 'id', '')} {key.name} = {value!r}", replace(
                        info, **{field: more if field in LISTS else other})


@pytest.mark.parametrize("field", [*LISTS, *SINGLE])
def test_no_value_breaks_what_reads_it(field: str) -> None:
    broken: Dict[str, str] = {}
    tried: List[bool] = []
    for what, info in changed(field):
        try:
            sound = not errors_of(check(info))
            tried.append(sound)
            if sound:
                planned_on_itself(info)
                for fs in info.filesystems:
                    mkfs.command(fs, "/dev/x")
        except LifeboatError:
            pass
        except Exception as error:  # noqa: BLE001 - what no test expects is what is looked for
            broken[what] = f"{type(error).__name__}: {error}"
    assert broken == {}
    assert len(tried) > 10 and any(tried)
