"""References exist and name the right kind of section. That they end somewhere is :mod:`sif.checks.cycles`' affair."""

from __future__ import annotations

from typing import Dict, Iterator, List

from sif.checks.common import bad
from sif.codec import KeySchema, schema_of
from sif.model import Record, SystemInformation
from sif.problems import Problem


def check_references(info: SystemInformation) -> Iterator[Problem]:
    """Every id that a key names is there, once, with a kind the key allows."""
    kinds: Dict[str, List[str]] = {}
    for record in info.records():
        kinds.setdefault(getattr(record, "id", ""), []).append(record.KIND)
    spellings = {ident.lower(): ident for ident in kinds if ident}
    for record in info.records():
        for key in schema_of(type(record)).keys:
            if key.is_ref:
                yield from _check_key(record, key, kinds, spellings)


def _check_key(record: Record, key: KeySchema, kinds: Dict[str, List[str]],
               spellings: Dict[str, str]) -> Iterator[Problem]:
    value = getattr(record, key.name)
    targets = value if key.many else (value,) if value is not None else ()
    wanted = " or ".join(key.info.refs)
    for target in targets:
        found = kinds.get(target, [])
        allowed = [kind for kind in found if kind in key.info.refs]
        if len(allowed) == 1:
            continue
        if allowed:
            yield bad(record, key.name, f"{target} names several sections", found=" and ".join(allowed), wanted="one",
                      hint="give them different ids")
        elif found:
            yield bad(record, key.name, f"{target} is not a {wanted}", found=" and ".join(found), wanted=wanted)
        else:
            close = spellings.get(target.lower())
            yield bad(record, key.name, f"there is no {target}", wanted=f"the id of a {wanted}",
                      hint=f"did you mean {close}?" if close else None)
    if key.many and len(set(targets)) != len(targets):
        yield bad(record, key.name, f"{key.name} names something twice", found=", ".join(targets))
