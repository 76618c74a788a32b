"""The content of a set as JSON, for programs: the same names as in the text, exact integers."""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Dict, List

from sif.codec import schema_of
from sif.model import SystemInformation


def to_json(info: SystemInformation) -> str:
    """An object per kind with a list of its sections; every key is there, absent values are null.

    The values of keys and sections that this version has no meaning for are their text.
    """
    unknown = {(found.kind, found.id): dict(found.entries) for found in info.foreign if not found.whole}
    kinds: Dict[str, List[Dict[str, Any]]] = {}
    for record in info.records():
        schema = schema_of(type(record))
        section: Dict[str, Any] = {"id": getattr(record, "id", "")} if schema.has_id else {}
        section.update({key.name: _plain(getattr(record, key.name)) for key in schema.keys})
        section.update(unknown.get((record.KIND, section.get("id", "")), {}))
        kinds.setdefault(record.KIND, []).append(section)
    for found in info.foreign:
        if found.whole:
            kinds.setdefault(found.kind, []).append({"id": found.id, **dict(found.entries)})
    return json.dumps(kinds, indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(element) for element in value]
    return value
